"""Accounts: a password, and the account with no more rights than the documents say it needs."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from errors import StoreUnavailable
from tests.redis_topologies import PASSWORD, TunedRedis, a_redis
from tests.topologies.conftest import PREFIX, Service, play

pytestmark = pytest.mark.xdist_group("redis-acl")

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


def documented_rule(user: str) -> list[str]:
    """The words of `ACL SETUSER <user> …` in the documents."""
    found = re.search(rf"^(ACL SETUSER {user} .+)$", OPERATIONS.read_text(), re.MULTILINE)
    assert found
    return found[1].replace("PASSWORD", PASSWORD).split()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TunedRedis]:
    with a_redis(tmp_path_factory.mktemp("acl")) as server:
        server.asked(*documented_rule("caroud"))
        yield server


def url(server: TunedRedis, login: str) -> str:
    return f"redis://{login}@127.0.0.1:{server.port}/0"


def test_the_documented_account_may_do_all_that_the_stores_do(
    server: TunedRedis, service_on: Callable[..., Service]
) -> None:
    service = service_on(url(server, f"caroud:{PASSWORD}"))
    play(service)
    server.asked("SCRIPT", "FLUSH")  # then scripts are loaded again, by this account
    assert service.join("alice").is_new
    assert int(service.client.info("server")["tcp_port"]) == server.port
    assert list(service.client.scan_iter(match=f"{PREFIX}*"))


@pytest.mark.parametrize(
    "command",
    [
        ("GET", "somebody-elses"),
        ("SET", "somebody-elses", "1"),
        ("FLUSHALL",),
        ("KEYS", "*"),
        ("CONFIG", "GET", "requirepass"),
        ("EVAL", "return redis.call('KEYS', '*')", "0"),
        ("SCRIPT", "FLUSH"),
        ("ACL", "LIST"),
        ("SHUTDOWN", "NOSAVE"),
        ("CLIENT", "KILL", "ID", "1"),
        ("REPLICAOF", "NO", "ONE"),
    ],
    ids=" ".join,
)
def test_and_nothing_beside(server: TunedRedis, service_on: Callable[..., Service], command: tuple[str, ...]) -> None:
    service = service_on(url(server, f"caroud:{PASSWORD}"))

    with pytest.raises(redis.exceptions.NoPermissionError):
        service.client.execute_command(*command)


@pytest.mark.parametrize("login", ["", ":wrong", "caroud:wrong", "nobody:x"])
def test_who_may_not_in_sees_an_unavailable_store(
    server: TunedRedis, service_on: Callable[..., Service], login: str
) -> None:
    with pytest.raises(StoreUnavailable):
        service_on(url(server, login) if login else url(server, "").replace("@", "")).join("alice")


def test_an_account_that_lacks_a_right_sees_an_unavailable_store(
    server: TunedRedis, service_on: Callable[..., Service]
) -> None:
    server.asked("ACL", "SETUSER", "poor", "on", f">{PASSWORD}", f"~{PREFIX}*", "+@all", "-zadd")
    service = service_on(url(server, f"poor:{PASSWORD}"))

    with pytest.raises(StoreUnavailable):
        service.join("alice")
