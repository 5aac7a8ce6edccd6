"""`make run`, as a person meets it: it starts, it can be used, it heals, it stops, and it says what is wrong."""

import base64
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from devstack.access import RUN_FILE, StackAccess, http_status, running_stack
from devstack.binaries import REPO_DIR
from devstack.plan import embedded_pid_files
from devstack.ports import free_port
from devstack.remains import find_remains
from devstack.stack import temporary_environment, temporary_stack

pytestmark = pytest.mark.xdist_group("stack")

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


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In a folder whose name is not easy, because people have such folders."""
    return tmp_path_factory.mktemp("a b%c") / "var"


@pytest.fixture(scope="module")
def run(var_dir: Path) -> Iterator[Run]:
    """A stack that tests of this module share; none of them stops it."""
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


def test_a_killed_web_process_comes_back_and_leaves_no_orphans(run: Run, access: StackAccess) -> None:
    killed = int((run.var_dir / "web.pid").read_text())
    os.kill(killed, signal.SIGKILL)
    until(lambda: int((run.var_dir / "web.pid").read_text()) != killed, 20, "another web process")
    until(lambda: web_status(access, "/healthz") == 200, 20, "healthz")
    groups = {os.getpgid(pid) for pid in run.remains()}
    assert killed not in groups


# --- It stops ------------------------------------------------------------------------------------------


def test_after_a_kill_the_next_run_cleans_up_and_sigterm_stops_all_of_it(tmp_path: Path) -> None:
    killed = start_run(tmp_path / "var")
    first = killed.wait_until_up()
    killed.process.kill()
    killed.process.wait()
    assert killed.remains()

    run = start_run(tmp_path / "var")
    second = run.wait_until_up()
    assert "stopped what a killed run had left" in run.text()
    # The data is the same, so what opens it is, too.
    assert second.environment["SECRET_KEY"] == first.environment["SECRET_KEY"]

    code, seconds = run.stop()
    assert (code, run.remains()) == (0, [])
    assert seconds < STOP_SECONDS
    assert not (run.var_dir / RUN_FILE).exists()


@pytest.mark.parametrize("line", ["redis:", "checking the stores", "starting web"])
def test_an_interrupted_start_leaves_nothing(tmp_path: Path, line: str) -> None:
    run = start_run(tmp_path / "var")
    until(lambda: line in run.text(), START_SECONDS, line)
    code, seconds = run.stop(signal.SIGINT)
    assert (code, run.remains()) == (0, [])
    assert seconds < STOP_SECONDS


def test_a_temporary_stack_is_gone_afterwards() -> None:
    with temporary_stack() as access:
        assert web_status(access, "/readyz") == 200
        folder = Path(access.environment["VAR_DIR"])
        assert find_remains(folder)
    assert not find_remains(folder)
    assert not folder.exists()


# --- It says what is wrong -----------------------------------------------------------------------------


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
