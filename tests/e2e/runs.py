"""`make run` as a person starts it: a process, what it prints, and what it leaves."""

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.access import StackAccess, running_stack
from devstack.binaries import REPO_DIR
from devstack.plan import embedded_pid_files
from devstack.remains import find_remains
from devstack.stack import temporary_environment

#: Seconds; a start takes about ten, on a busy machine several times that.
START_SECONDS = 90.0
#: Seconds that a stop may take, as the table promises.
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.1


def until(is_so: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for something that takes as long as it takes."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class Run:
    """One `python -m devstack` in a var folder of its own."""

    process: subprocess.Popen[bytes]
    var_dir: Path
    output: Path
    environment: Mapping[str, str]

    def text(self) -> str:
        return self.output.read_text()

    def wait_until_up(self) -> StackAccess:
        def is_up() -> bool:
            assert self.process.poll() is None, self.text()
            return "Ctrl-C stops everything" in self.text()

        until(is_up, START_SECONDS, self.text())
        access = running_stack(self.var_dir)
        assert access is not None, self.text()
        return access

    def remains(self) -> list[int]:
        return find_remains(self.var_dir, embedded_pid_files(self.var_dir))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """The exit code, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS * 3), time.monotonic() - began


def start_run(var_dir: Path, **configured: str) -> Run:
    """What `make run` starts, on free ports."""
    environment = temporary_environment(var_dir) | {"PYTHONPATH": str(REPO_DIR / "backend")} | configured
    output = var_dir.parent / f"{var_dir.name}.{secrets.token_hex(2)}.out"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "devstack"],
            env=environment,
            cwd=var_dir.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            # Whoever interrupts the tests interrupts pytest, which then stops this.
            start_new_session=True,
        )
    return Run(process, var_dir, output, environment)
