"""`rediss://` verifies whom it talks to, for the data store and for Celery, by one file of CA certificates."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from errors import StoreUnavailable
from tests.certificates import Authority
from tests.redis_topologies import PASSWORD, TunedRedis, a_redis
from tests.tcp_proxy import TcpProxy
from tests.topologies.conftest import Service, play
from tests.unit.test_settings import start

pytestmark = pytest.mark.xdist_group("redis-tls")

#: Asks the data store and the broker, each as the service does, and prints what came of it.
ASK_BOTH = """
from caroud import wiring
from celery_app import app
for name, ask in {
    "data": lambda: wiring.redis_client().ping(),
    "broker": lambda: app.connection_for_write().ensure_connection(max_retries=1, interval_start=0, interval_step=0),
}.items():
    try:
        ask()
        print(name, "ok")
    except Exception as error:
        print(name, "CERTIFICATE_VERIFY_FAILED" in f"{error} {error.__cause__}" and "refused" or repr(error))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TunedRedis]:
    with a_redis(tmp_path_factory.mktemp("tls")) as server:
        yield server


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "right")


@pytest.fixture(scope="module")
def wrong_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "wrong")


@pytest.fixture(scope="module")
def port(server: TunedRedis, authority: Authority) -> Iterator[int]:
    """Where the server is reached by TLS, as `localhost`."""
    with TcpProxy(server.port, tls=authority.server("localhost")) as terminator:
        yield terminator.port


def test_every_step_of_the_stores_works_over_tls(
    port: int, authority: Authority, service_on: Callable[..., Service]
) -> None:
    play(service_on(f"rediss://:{PASSWORD}@localhost:{port}/0?ssl_ca_certs={authority.ca_file}"))


@pytest.mark.parametrize(
    ("host", "is_right_authority"), [("localhost", False), ("127.0.0.1", True)], ids=["wrong CA", "wrong name"]
)
def test_the_data_store_talks_to_nobody_whom_it_cannot_verify(
    host: str,
    is_right_authority: bool,
    port: int,
    authority: Authority,
    wrong_authority: Authority,
    service_on: Callable[..., Service],
) -> None:
    file = (authority if is_right_authority else wrong_authority).ca_file
    service = service_on(f"rediss://:{PASSWORD}@{host}:{port}/0?ssl_ca_certs={file}")

    with pytest.raises(StoreUnavailable):
        service.join("alice")


@pytest.mark.parametrize(
    ("host", "ca", "answer"),
    [
        ("localhost", "right", "ok"),
        ("localhost", "wrong", "refused"),
        ("127.0.0.1", "right", "refused"),
        ("localhost", "that of the system", "refused"),
    ],
)
def test_one_setting_makes_data_store_and_broker_verify(
    host: str, ca: str, answer: str, port: int, authority: Authority, wrong_authority: Authority
) -> None:
    files = {"right": str(authority.ca_file), "wrong": str(wrong_authority.ca_file), "that of the system": ""}

    done = ask_both(f"rediss://:{PASSWORD}@{host}:{port}/0", files[ca])

    assert done.stdout.splitlines() == [f"data {answer}", f"broker {answer}"], done.stderr


def test_a_broker_of_its_own_is_verified_by_the_same_file(port: int, authority: Authority) -> None:
    url = f"rediss://:{PASSWORD}@localhost:{port}/0"

    done = ask_both(url, str(authority.ca_file), CELERY_BROKER_URL=f"{url}?ssl_cert_reqs=required")

    assert done.stdout.splitlines() == ["data ok", "broker ok"], done.stderr


def ask_both(url: str, ca_file: str, **more: str) -> subprocess.CompletedProcess[str]:
    return start(f"exec({ASK_BOTH!r})", REDIS_URL=url, REDIS_CA_FILE=ca_file, **more)
