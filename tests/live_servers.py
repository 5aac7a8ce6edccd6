"""A pytest plugin: a real Redis and PostgreSQL of this run's own, on free ports, for all its workers.

Addresses are chosen when the plugin is imported, before Django's settings are; the servers start with the run,
in the process that steers it, and stop with it. A run of unit tests alone starts none.

The engine is compiled once, while the workers collect: each that met it uncompiled would do it for itself.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from devstack.embedded import EmbeddedServer, PostgresServer, RedisServer, free_port

_STEERS = "CAROUD_TEST_SERVERS" not in os.environ
_running = contextlib.ExitStack()
_compiling: subprocess.Popen[bytes] | None = None
BACKEND = Path(__file__).parents[1] / "backend"


def _servers(folder: Path) -> list[EmbeddedServer]:
    return [
        RedisServer(folder / "redis", free_port(), secrets.token_hex(8), appendonly=False),
        PostgresServer(folder / "postgres", free_port(), secrets.token_hex(8), fsync=False),
    ]


if _STEERS:
    # Short, and open to the account that PostgreSQL may have to run as.
    _folder = Path(tempfile.gettempdir()) / f"caroud-test-{secrets.token_hex(6)}"
    _redis, _postgres = _chosen = _servers(_folder)
    os.environ.update(
        CAROUD_TEST_SERVERS="1",
        REDIS_URL=_redis.url,
        CELERY_BROKER_URL=_redis.url,
        DATABASE_URL=_postgres.url,
        SECRET_KEY=secrets.token_hex(32),
        FLEET_KEY=secrets.token_hex(16),
        DEBUG="False",
        LOG_FORMAT="plain",
        # Tests make many players from one address; those of the limits set their own.
        RATE_LIMIT_ADDRESS="1000000/60",
    )
    for _name in (
        *("QUEUES_FILE", "REDIS_KEY_PREFIX", "REDIS_CA_FILE", "REDIS_PASSWORD"),
        *("EXTERNAL_JWKS_URL", "MATCHMAKING_BACKEND", "BEHIND_TLS_PROXY", "TRUSTED_PROXIES"),
    ):
        os.environ.pop(_name, None)


def pytest_configure(config: pytest.Config) -> None:
    if not _STEERS or config.option.collectonly or _needs_nothing(config):
        return
    global _compiling
    _compiling = subprocess.Popen([sys.executable, "manage.py", "compile_engine"], cwd=BACKEND)
    _running.callback(_compiling.kill)
    _running.callback(shutil.rmtree, _folder, ignore_errors=True)
    for server in _chosen:
        _running.enter_context(server)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tests begin when the engine is compiled; of a run with workers, these wait in the hook below."""
    _wait_for_the_engine()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: object, ids: list[str]) -> None:
    _wait_for_the_engine()


def _wait_for_the_engine() -> None:
    if _compiling is not None and _compiling.wait() != 0:
        pytest.exit("the engine does not compile: see above", returncode=1)


def pytest_unconfigure(config: pytest.Config) -> None:
    _running.close()


def _needs_nothing(config: pytest.Config) -> bool:
    return bool(config.args) and all(Path(arg.split("::")[0]).parts[:2] == ("tests", "unit") for arg in config.args)
