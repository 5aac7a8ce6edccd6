"""Run PostgreSQL's programs where we are root, which they refuse to be."""

import os
import signal
import subprocess
from functools import cache
from pathlib import Path

from devstack.errors import StartFailed

#: `nobody` and its group, by number: the group's name differs between distributions.
_NOBODY = 65534
#: Seconds to find out whether a way of dropping root works here.
_TRIAL_SECONDS = 10


@cache
def without_root() -> tuple[str, ...]:
    """What to put before PostgreSQL's programs, which refuse to run as root; nothing for anybody else.

    A user namespace keeps the files root's and needs no second account. Where namespaces are blocked, as in
    Docker by default, `nobody` runs it, with the right to walk through folders that are closed to others.
    """
    if os.geteuid() != 0:
        return ()
    capabilities = "+dac_override"
    user = (f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
    ways: tuple[tuple[str, ...], ...] = (
        ("unshare", "--user", "--map-user=1000", "--map-group=1000"),
        ("setpriv", *user, f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"),
    )
    for way in ways:
        if _succeeds([*way, "true"]):
            return way
    raise StartFailed(
        "PostgreSQL refuses to run as root, and neither unshare nor setpriv can drop root here: "
        "run it as an ordinary user, or set DATABASE_URL"
    )


def give_to_owner(folder: Path) -> None:
    """Give `folder` and all in it to whom PostgreSQL runs as: it opens only what is its own."""
    if os.geteuid() != 0:
        return
    owner = _NOBODY if without_root()[0] == "setpriv" else 0
    if folder.stat().st_uid == owner:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, owner, follow_symlinks=False)


def run_to_the_end(argv: list[str], *, typed: str = "") -> None:
    """Run one of PostgreSQL's programs to its end, or to ours: then nothing of it stays."""
    with subprocess.Popen(
        [*without_root(), *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"LC_ALL": "C"},
        # Ctrl-C comes to us alone, and a session can be ended with all its processes.
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(typed)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        raise StartFailed(f"{Path(argv[0]).name} ended with {process.returncode}:\n{output.strip()}")


def _succeeds(argv: list[str]) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, timeout=_TRIAL_SECONDS, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False
