"""`make run`, as a person meets it: it starts, it can be used, it heals, and it stops."""

import base64
import os
import signal
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devstack.access import RUN_FILE, StackAccess, http_status
from tests.e2e.runs import START_SECONDS, STOP_SECONDS, Run, start_run, until

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.takes(60)]


@dataclass(frozen=True, slots=True)
class Killed:
    """What a run that was killed left: the way to its stack, and processes."""

    access: StackAccess
    remains: list[int]


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In a folder whose name is not easy, because people have such folders."""
    return tmp_path_factory.mktemp("a b%c") / "var"


@pytest.fixture(scope="module")
def killed(var_dir: Path) -> Killed:
    """An earlier run of the same folder, which was killed when all of it was up."""
    started = start_run(var_dir)
    access = started.wait_until_up()
    started.process.kill()
    started.process.wait()
    return Killed(access, started.remains())


@pytest.fixture(scope="module")
def run(var_dir: Path, killed: Killed) -> Iterator[Run]:
    """The stack that tests of this module share; only the last of them stops it."""
    started = start_run(var_dir)
    try:
        started.wait_until_up()
        yield started
    finally:
        started.stop()


@pytest.fixture
def access(run: Run) -> StackAccess:
    return run.wait_until_up()


def flower_status(access: StackAccess, login: str | None = None, path: str = "/workers") -> int:
    address = urlsplit(access.flower_url)
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    connection = HTTPConnection(address.hostname or "", address.port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def web_status(access: StackAccess, path: str) -> int | None:
    address = urlsplit(access.api_url)
    return http_status(address.hostname or "", address.port or 0, path)


# --- It starts and can be used -------------------------------------------------------------------------


def test_the_table_tells_addresses_and_logins(run: Run) -> None:
    port, flower_port = run.environment["PORT"], run.environment["FLOWER_PORT"]
    lines = [line.split() for line in run.text().splitlines()]
    assert ["API", f"http://localhost:{port}/api/"] in lines
    assert ["Docs", f"http://localhost:{port}/api/docs/"] in lines
    assert [line[:3] for line in lines if "Admin" in line] == [["Admin", f"http://localhost:{port}/admin/", "admin"]]
    assert [line[:3] for line in lines if "Flower" in line[:1]] == [
        ["Flower", f"http://localhost:{flower_port}/", "caroud"]
    ]
    assert "make demo" in run.text()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/docs/", "/admin/login/"])
def test_the_web_answers(access: StackAccess, path: str) -> None:
    assert web_status(access, path) == 200


def test_flower_opens_with_its_login_only(access: StackAccess) -> None:
    assert flower_status(access) == 401
    assert flower_status(access, "caroud:wrong") == 401
    assert flower_status(access, access.flower_login) == 200


@pytest.mark.parametrize("path", ["/", "/workers", "/tasks", "/broker", "/metrics", "/api/workers", "/api/tasks"])
def test_no_page_of_flower_opens_without_its_login(access: StackAccess, path: str) -> None:
    assert flower_status(access, path=path) == 401
    assert flower_status(access, "caroud:wrong", path) == 401
    assert flower_status(access, access.flower_login, path) in (200, 302)


def test_the_way_to_the_stack_is_written_down_for_its_owner_only(run: Run, access: StackAccess) -> None:
    assert stat.S_IMODE((run.var_dir / RUN_FILE).stat().st_mode) == 0o600
    assert {"REDIS_URL", "CELERY_BROKER_URL", "DATABASE_URL", "SECRET_KEY", "FLEET_KEY", "PORT", "API_URL"} <= set(
        access.environment
    )


def test_a_second_run_says_that_one_is_running(run: Run) -> None:
    second = start_run(run.var_dir)
    assert second.process.wait(START_SECONDS) == 1
    assert second.text().splitlines() == [line for line in second.text().splitlines() if "running already" in line]
    assert run.wait_until_up()


def test_after_a_kill_the_next_run_cleans_up(run: Run, killed: Killed, access: StackAccess) -> None:
    assert killed.remains
    assert "stopped what a killed run had left" in run.text()
    assert not set(killed.remains) & set(run.remains())
    # The data is the same, so what opens it is, too.
    assert access.environment["SECRET_KEY"] == killed.access.environment["SECRET_KEY"]


def test_a_killed_web_process_comes_back_and_leaves_no_orphans(run: Run, access: StackAccess) -> None:
    killed = int((run.var_dir / "web.pid").read_text())
    os.kill(killed, signal.SIGKILL)
    until(lambda: int((run.var_dir / "web.pid").read_text()) != killed, 20, "another web process")
    until(lambda: web_status(access, "/healthz") == 200, 20, "healthz")
    groups = {os.getpgid(pid) for pid in run.remains()}
    assert killed not in groups


# --- It stops ------------------------------------------------------------------------------------------


@pytest.mark.last_of_its_file
def test_sigterm_stops_all_of_it(run: Run) -> None:
    assert run.remains()

    code, seconds = run.stop()

    assert (code, run.remains()) == (0, [])
    assert seconds < STOP_SECONDS
    assert not (run.var_dir / RUN_FILE).exists()
