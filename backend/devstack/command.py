"""The command line of `make run`: start the whole service on this machine, and stay until Ctrl-C."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from devstack.errors import StartFailed
from devstack.kept_secrets import FILE_NAME as SECRETS_FILE
from devstack.plan import ADMIN, configured_variables, embedded_pid_files, var_dir_of
from devstack.remains import RunLock, stop_remains
from devstack.stack import Stack, Started

#: Seconds between two looks at whether the stack still stands.
_LOOK_SECONDS = 0.5
#: Seconds for a stack to stop when it is told to; it needs fewer than ten.
_STOP_SECONDS = 12.0
_VARIABLES = """\
variables, from the environment or backend/.env:
  PORT, FLOWER_PORT    where the API (8000) and Flower (5555) listen
  WEB_HOST             the address that the API listens on (127.0.0.1)
  REDIS_URL            a Redis to use; without it one is started
  DATABASE_URL         a PostgreSQL database to use; without it one is started
  SECRET_KEY, FLEET_KEY, FLOWER_BASIC_AUTH   chosen at random where not set
  VAR_DIR              logs, secrets and data of the embedded servers (var)
  CAROUD_EMBEDDED      bundled: start the servers of the Python wheels even where the machine has its own
"""


class _StopRequested(BaseException):
    """Somebody pressed Ctrl-C, closed the terminal, or sent SIGTERM."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0 after a stop that somebody asked for, 1 when something is in the way."""
    arguments = _parser().parse_args(argv)
    try:
        return stop() if arguments.stop else run()
    except StartFailed as error:
        print(error, file=sys.stderr)
        return 1


def run() -> int:
    """Start the stack, say how to reach it, and stay until somebody stops it."""
    stack = Stack(configured_variables(), say=_say)
    try:
        _raise_on_signals()
        began = time.monotonic()
        started = stack.start()
        _say(f"ready after {time.monotonic() - began:.1f} s")
        _show(started)
        while stack.is_alive:
            time.sleep(_LOOK_SECONDS)
        raise StartFailed(f"supervisord has ended, see {stack.var_dir / 'log' / 'supervisord.log'}")
    except _StopRequested as request:
        _say(f"stopping ({request})")
    finally:
        _ignore_signals()
        stack.stop()
    _say("everything has stopped")
    return 0


def stop() -> int:
    """Stop the stack that runs, or what is left of one."""
    var_dir = var_dir_of(configured_variables())
    lock = RunLock(var_dir)
    holder = lock.holder()
    if var_dir.is_dir() and lock.is_held() and holder is not None:
        os.kill(holder, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while lock.is_held() and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
    stop_remains(var_dir, embedded_pid_files(var_dir))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devstack",
        description="Run the whole service on this machine: Redis, PostgreSQL, web, workers, beat, Flower.",
        epilog=_VARIABLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stop", action="store_true", help="stop the stack that runs, instead of starting one")
    return parser


def _show(started: Started) -> None:
    """The table of addresses and logins."""
    plan, access = started.plan, started.access
    host = "localhost" if plan.address == "127.0.0.1" else plan.address
    web = f"http://{host}:{plan.port}"
    password = plan.secrets["ADMIN_PASSWORD"] if started.admin_password_is_ours else "(its password was set elsewhere)"
    is_fleet_key_ours = access.fleet_key == plan.secrets["FLEET_KEY"]
    fleet_key_place = _shown(plan.var_dir / SECRETS_FILE) if is_fleet_key_ours else "FLEET_KEY, as configured"
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    for _ in range(3):
        # A line that is cut or folded cannot be copied; a narrow terminal may wrap it instead.
        table.add_column(no_wrap=True, overflow="ignore")
    table.add_row("API", f"{web}/api/")
    table.add_row("Docs", f"{web}/api/docs/")
    table.add_row("Admin", f"{web}/admin/", f"{ADMIN} {password}")
    table.add_row("Flower", f"http://localhost:{plan.flower_port}/", access.flower_login.replace(":", " ", 1))
    table.add_row("Fleet key", fleet_key_place)
    table.add_row("Logs", _shown(plan.var_dir / "log") + os.sep)
    console = Console(highlight=False, markup=False, emoji=False)
    console.print()
    console.print(table, crop=False)
    console.print("\nCtrl-C stops everything. Try next, in a second terminal: make demo\n")
    console.file.flush()


def _shown(path: Path) -> str:
    """`path` as short as it can be written from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def _raise_on_signals() -> None:
    """From now on SIGINT, SIGTERM and SIGHUP raise `_StopRequested`, the first of them, once."""

    def request_stop(number: int, frame: FrameType | None) -> None:
        _ignore_signals()
        raise _StopRequested(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # `nohup make run` means what it says.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, request_stop)


def _ignore_signals() -> None:
    """Whoever asks twice gets the same stop; it has its own limits."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
