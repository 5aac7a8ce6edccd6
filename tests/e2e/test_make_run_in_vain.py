"""`make run` that does not get far: it is interrupted, or something is wrong, and it says in one line what."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from devstack.ports import free_port
from tests.e2e.runs import START_SECONDS, STOP_SECONDS, start_run, until


@pytest.mark.takes(6)
@pytest.mark.parametrize("line", ["redis:", "checking the stores", "starting web"])
def test_an_interrupted_start_leaves_nothing(tmp_path: Path, line: str) -> None:
    run = start_run(tmp_path / "var")
    until(lambda: line in run.text(), START_SECONDS, line)
    code, seconds = run.stop(signal.SIGINT)
    assert (code, run.remains()) == (0, [])
    assert seconds < STOP_SECONDS


def with_login(url: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:{password}@{parts.hostname}:{parts.port}"))


def wrong_redis_password() -> dict[str, str]:
    return {"REDIS_URL": with_login(os.environ["REDIS_URL"], "wrong")}


def unreachable_redis() -> dict[str, str]:
    return {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}


def no_redis_url() -> dict[str, str]:
    return {"REDIS_URL": "127.0.0.1:6379"}


def wrong_database_password() -> dict[str, str]:
    return {"DATABASE_URL": with_login(os.environ["DATABASE_URL"], "wrong")}


def missing_database() -> dict[str, str]:
    return {"DATABASE_URL": urlsplit(os.environ["DATABASE_URL"])._replace(path="/nowhere").geturl()}


def short_secret_key() -> dict[str, str]:
    return {"SECRET_KEY": "short"}


@pytest.mark.parametrize(
    ("make_fault", "words"),
    [
        (wrong_redis_password, ("REDIS_URL", "password")),
        (unreachable_redis, ("REDIS_URL", "refused")),
        (no_redis_url, ("REDIS_URL", "redis://")),
        (wrong_database_password, ("DATABASE_URL", "password")),
        (missing_database, ("DATABASE_URL", '"nowhere" does not exist')),
        (short_secret_key, ("SECRET_KEY",)),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    tmp_path: Path, make_fault: Callable[[], dict[str, str]], words: tuple[str, ...]
) -> None:
    # The stores that are right are those of this test run: nothing has to be made for a fault.
    stores = {name: os.environ[name] for name in ("REDIS_URL", "CELERY_BROKER_URL", "DATABASE_URL")}
    run = start_run(tmp_path / "var", **stores | make_fault())
    assert run.process.wait(START_SECONDS) == 1
    progress, last = run.text().splitlines()[:-1], run.text().splitlines()[-1]
    assert all(word in last for word in words), run.text()
    assert all(line.startswith("  ") for line in progress), run.text()
    assert run.remains() == []


@pytest.mark.parametrize("name", ["PORT", "FLOWER_PORT"])
def test_a_taken_port_is_named_in_one_line(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        run = start_run(tmp_path / "var", **{name: str(port)})
        assert run.process.wait(START_SECONDS) == 1
    assert run.text() == f"port {port} is taken: set {name} to a free one\n"
    assert run.remains() == []
