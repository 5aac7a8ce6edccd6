"""Keep programs running: one supervisord, one configuration, two groups.

A group stops in parallel and groups stop one after another, the one with the lower priority last: so the web and
the workers end while Redis and PostgreSQL still answer.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

# What they speak to is our own supervisord, over a socket that nobody else can open.
from xmlrpc.client import Error as RpcError  # nosec B411
from xmlrpc.client import ServerProxy  # nosec B411

from supervisor.xmlrpc import SupervisorTransport

from devstack.errors import StartFailed

DATABASES = "databases"
SERVICES = "services"
#: The longest that a group may take to stop, in seconds. Together below the ten that a person is told.
_STOP_SECONDS = {DATABASES: 3, SERVICES: 4}
#: Seconds that a program must stay up before its start counts; one that ends sooner has failed to start.
_START_SECONDS = {DATABASES: 1, SERVICES: 5}
#: Lower stops later.
_PRIORITY = {DATABASES: 1, SERVICES: 2}
#: How often a program that does not come up is tried again, a second more apart each time (3.5 minutes in all).
_START_TRIES = 20
#: Open files of each program: connections of the web's backlog and some more, where the machine allows them.
_OPEN_FILES = 10_240
#: Seconds for supervisord itself to answer.
_ANSWER_SECONDS = 15.0
_CONTROL_PREFIX = "caroud-control-"
_CONTROL_LINK = "control"
_FAILED_STATES = ("BACKOFF", "FATAL", "EXITED", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class Program:
    """A command that is started again whenever it ends."""

    name: str
    argv: Sequence[str]
    group: str = SERVICES
    stop_signal: str = "TERM"


class FailedStart(NamedTuple):
    """A program, and when its start was that failed (seconds since 1970)."""

    name: str
    started: int


def configuration(programs: Sequence[Program], *, control: Path) -> str:
    """The text of supervisord.conf, for a supervisord that runs in the folder that holds `log/`.

    So the paths of its own files are relative, and no sign in the name of a folder can be mistaken for a comment
    or for something to fill in, which happens twice to some values and once to others.
    """
    groups = [group for group in _PRIORITY if any(program.group == group for program in programs)]
    sections = [
        _section("supervisord", _supervisord_options()),
        _section("unix_http_server", {"file": _literal(str(control)), "chmod": "0700"}),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        *(_section(f"program:{program.name}", _program_options(program)) for program in programs),
        *(_section(f"group:{group}", _group_options(group, programs)) for group in groups),
    ]
    return "\n".join(sections)


def command_line(argv: Sequence[str]) -> str:
    """`argv` as supervisord's `command`: every special character behind a backslash, every `%` doubled.

    Quotes would not do: the reader of the file takes a `;` or `#` behind a space for a comment, quoted or not.
    """
    return _literal(" ".join(re.sub(r"([^\w@%+=:,./{}-])", r"\\\1", word) or "''" for word in argv))


class Supervisor:
    """supervisord and all that it runs, with its configuration and logs in `var_dir`."""

    def __init__(self, var_dir: Path, programs: Sequence[Program], environment: Mapping[str, str]) -> None:
        self.var_dir = var_dir
        self._programs = programs
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._control = _control_folder(var_dir) / "control.sock"

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start supervisord and with it the databases."""
        log_dir = self.var_dir / "log"
        log_dir.mkdir(parents=True, exist_ok=True)
        file = self.var_dir / "supervisord.conf"
        file.write_text(configuration(self._programs, control=self._control))
        with (log_dir / "supervisord.out").open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", file.name],
                cwd=self.var_dir,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C goes to the foreground's process group, and it is we who decide what ends when.
                start_new_session=True,
            )
        self._wait_for_control(log_dir / "supervisord.out")

    def start_services(self) -> None:
        """Start everything else."""
        with self._rpc() as rpc:
            rpc.supervisor.startProcessGroup(SERVICES, False)

    def failed_starts(self) -> set[FailedStart]:
        """The programs that ended by themselves and are not up again."""
        with self._rpc() as rpc:
            states = cast(list[dict[str, Any]], rpc.supervisor.getAllProcessInfo())
        return {FailedStart(state["name"], state["start"]) for state in states if state["statename"] in _FAILED_STATES}

    def pids(self) -> dict[str, int]:
        """Process ids of the programs that run, by name."""
        with self._rpc() as rpc:
            states = cast(list[dict[str, Any]], rpc.supervisor.getAllProcessInfo())
        return {state["name"]: state["pid"] for state in states if state["pid"]}

    def stop(self) -> None:
        """Stop everything, supervisord last. A second call does nothing."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(sum(_STOP_SECONDS.values()) + 2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        _remove_control_folder(self.var_dir)

    def _rpc(self) -> ServerProxy:
        # The host is never asked: the transport knows the socket.
        return ServerProxy("http://localhost", transport=SupervisorTransport(None, None, f"unix://{self._control}"))

    def _wait_for_control(self, output: Path) -> None:
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            try:
                with self._rpc() as rpc:
                    rpc.supervisor.getState()
                return
            except (OSError, RpcError) as error:
                if not self.is_alive or time.monotonic() > deadline:
                    raise StartFailed(f"supervisord does not answer ({error}): {output.read_text().strip()}") from error
            time.sleep(0.05)


def _control_folder(var_dir: Path) -> Path:
    """A private folder for the socket; a socket's path may have 107 bytes, and a checkout may lie deeper than that.

    The link to it is there for whoever has to clean up after a run that was killed.
    """
    _remove_control_folder(var_dir)
    folder = Path(tempfile.mkdtemp(prefix=_CONTROL_PREFIX, dir="/tmp"))  # nosec B108
    (var_dir / _CONTROL_LINK).symlink_to(folder)
    return folder


def _remove_control_folder(var_dir: Path) -> None:
    link = var_dir / _CONTROL_LINK
    if link.is_symlink() and link.readlink().name.startswith(_CONTROL_PREFIX):
        shutil.rmtree(link.readlink(), ignore_errors=True)
    link.unlink(missing_ok=True)


def _supervisord_options() -> dict[str, str]:
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    open_files = _OPEN_FILES if hard_limit == resource.RLIM_INFINITY else min(_OPEN_FILES, hard_limit)
    options = {
        "logfile": "log/supervisord.log",
        "logfile_maxbytes": "1MB",
        "logfile_backups": "1",
        "pidfile": "supervisord.pid",
        "silent": "true",
        "minfds": str(open_files),
    }
    # Without it, supervisord warns root at each start.
    return options | ({"user": "root"} if os.geteuid() == 0 else {})


def _program_options(program: Program) -> dict[str, str]:
    return {
        "command": command_line(program.argv),
        "autostart": "true" if program.group == DATABASES else "false",
        "autorestart": "true",
        "startsecs": str(_START_SECONDS[program.group]),
        "startretries": str(_START_TRIES),
        "stopsignal": program.stop_signal,
        "stopwaitsecs": str(_STOP_SECONDS[program.group]),
        # The first signal is for the parent, which ends its children in order; the last one is for all.
        "stopasgroup": "false",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": f"log/{program.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "2",
    }


def _group_options(group: str, programs: Sequence[Program]) -> dict[str, str]:
    names = ",".join(program.name for program in programs if program.group == group)
    return {"programs": names, "priority": str(_PRIORITY[group])}


def _section(name: str, options: Mapping[str, str]) -> str:
    return f"[{name}]\n" + "".join(f"{option}={value}\n" for option, value in options.items())


def _literal(text: str) -> str:
    """`text` as a value in which supervisord has nothing to fill in."""
    return text.replace("%", "%%")
