"""What an earlier run of the same var folder left behind, when it was killed and could not clean up.

Every program of a stack carries the variable `CAROUD_STACK` with its var folder, whoever its parent is by now.
Redis and PostgreSQL write their titles over their environment, so they are known by their pid files. Both need
/proc; where there is none, nothing is found and nothing is touched.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from devstack.errors import StartFailed

#: Environment variable of every program of a stack: the stack's var folder.
MARK = "CAROUD_STACK"
#: Seconds for the remains to end by themselves.
_STOP_SECONDS = 5.0
_LOOK_SECONDS = 0.05
_PROC = Path("/proc")


class RunLock:
    """Held as long as a stack of `var_dir` runs; the kernel gives it back when its holder dies, however it dies."""

    def __init__(self, var_dir: Path) -> None:
        self._path = var_dir / "run.lock"
        self._file: int | None = None

    def take(self) -> None:
        """Take the lock, or say in `StartFailed` who has it, or that the folder is not ours to write in."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StartFailed(
                f"{self._path.parent} cannot be written ({error.strerror}): set VAR_DIR to a folder of your own"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise StartFailed(
                f"a stack of {self._path.parent} is running already (process {self.holder()}): use it, or stop it "
                "with Ctrl-C there; a second one needs a VAR_DIR, a PORT and a FLOWER_PORT of its own"
            ) from None
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def holder(self) -> int | None:
        """The process that took it last."""
        return read_pid(self._path)

    def is_held(self) -> bool:
        """Whether a stack of this folder runs now."""
        try:
            self.take()
        except StartFailed:
            return True
        self.give_back()
        return False

    def give_back(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def find_remains(var_dir: Path, pid_files: Sequence[Path] = ()) -> list[int]:
    """Ids of the processes that belong to the stack of `var_dir`."""
    marked = set(_marked(f"{MARK}={var_dir}".encode()))
    named = {pid for file in pid_files if (pid := _pid_of(file)) is not None}
    return sorted((marked | named) - {os.getpid()})


def stop_remains(var_dir: Path, pid_files: Sequence[Path] = (), *, seconds: float = _STOP_SECONDS) -> list[int]:
    """End all that belongs to the stack of `var_dir`; the ids of what was there.

    `seconds` is what each step may take before force follows; 0 where everybody has had the time already.
    """
    found = find_remains(var_dir, pid_files)
    # supervisord first and alone: it stops the others, and would start again whatever ended without it.
    supervisord = read_pid(var_dir / "supervisord.pid")
    if supervisord in found and seconds:
        _signal([supervisord], signal.SIGTERM)
        _wait_until_gone(var_dir, pid_files, seconds)
    if seconds:
        _signal(find_remains(var_dir, pid_files), signal.SIGINT)
        _wait_until_gone(var_dir, pid_files, seconds)
    _signal(find_remains(var_dir, pid_files), signal.SIGKILL)
    _wait_until_gone(var_dir, pid_files, _STOP_SECONDS)
    _forget(pid_files)
    return found


def _forget(pid_files: Iterable[Path]) -> None:
    """Remove the pid files of the dead: in a container the same numbers come again, and PostgreSQL believes them."""
    for file in pid_files:
        if _PROC.is_dir() and _pid_of(file) is None:
            file.unlink(missing_ok=True)


def _wait_until_gone(var_dir: Path, pid_files: Sequence[Path], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while find_remains(var_dir, pid_files) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _marked(mark: bytes) -> Iterator[int]:
    """Processes with `mark` in their environment."""
    for entry in _PROC.glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # gone meanwhile, or another user's
        if mark in environment:
            yield int(entry.name)


def _pid_of(file: Path) -> int | None:
    """The live process that `file` names, if it works in the file's folder, as Redis and PostgreSQL do."""
    pid = read_pid(file)
    try:
        return pid if pid is not None and (_PROC / str(pid) / "cwd").samefile(file.parent) else None
    except OSError:
        return None


def read_pid(file: Path) -> int | None:
    """The number at the beginning of a pid file, if there is one."""
    try:
        return int(file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
