"""A primary with a replica behind one address: planned failover, and what a single server can do to its clients."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from datastore.client import RedisLimits
from errors import StoreUnavailable
from matchmaking.match import PlayerId
from tests.builders import RANKED, a_proposal
from tests.redis_topologies import TunedRedis, a_redis, primary_and_replica, until
from tests.tcp_proxy import TcpProxy
from tests.threads import at_once
from tests.topologies.conftest import Crowd, Service, play

pytestmark = pytest.mark.xdist_group("redis-replica")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TunedRedis]:
    with a_redis(tmp_path_factory.mktemp("single")) as server:
        yield server


@pytest.fixture
def proxy(server: TunedRedis) -> Iterator[TcpProxy]:
    with TcpProxy(server.port) as proxy:
        yield proxy
    server.asked("FLUSHALL")


def through(proxy: TcpProxy, server: TunedRedis) -> str:
    return server.url.replace(f":{server.port}/", f":{proxy.port}/")


def test_after_a_planned_failover_one_call_fails_and_the_next_is_served(
    tmp_path_factory: pytest.TempPathFactory, service_on: Callable[..., Service]
) -> None:
    with primary_and_replica(tmp_path_factory.mktemp("pair")) as (old, new), TcpProxy(old.port) as proxy:
        service = service_on(through(proxy, old))
        with Crowd(service) as crowd:  # several connections of the pool are in use
            crowd.goes_on()
        before = len(crowd.failures)
        old.asked("WAIT", 1, 1000)
        new.asked("REPLICAOF", "NO", "ONE")
        proxy.target = new.port
        old.asked("REPLICAOF", "127.0.0.1", new.port)

        with pytest.raises(StoreUnavailable):
            service.join("alice")
        for number in range(20):
            service.join(f"bob-{number}")

        assert before == 0
        waiting = set(service.tickets.snapshot("ranked").player_ids)
        assert waiting == {*crowd.acked, *(f"bob-{number}" for number in range(20))}


def test_a_script_flush_is_not_noticed(server: TunedRedis, service_on: Callable[..., Service]) -> None:
    service = service_on(server.url)
    service.join("alice")
    server.asked("SCRIPT", "FLUSH")

    assert service.join("bob").size == 2
    proposal = a_proposal(service.tickets, PlayerId("alice"), PlayerId("bob"), match_id="m1", queues=("ranked",))
    server.asked("SCRIPT", "FLUSH")
    assert len(service.tickets.claim(RANKED, [proposal], 1_300).matches) == 1
    server.asked("SCRIPT", "FLUSH")
    with Crowd(service) as crowd:
        for _ in range(5):
            crowd.goes_on()
            server.asked("SCRIPT", "FLUSH")
    server.asked("FLUSHALL")

    assert crowd.failures == []


def test_a_full_redis_is_an_unavailable_store_and_nothing_is_torn(
    server: TunedRedis, service_on: Callable[..., Service]
) -> None:
    service = service_on(server.url)
    server.asked("CONFIG", "SET", "maxmemory", str(int(server.asked("INFO", "memory")["used_memory"]) + 400_000))
    joined: list[str] = []
    try:
        with pytest.raises(StoreUnavailable):
            _join_until_refused(service, joined)
        torn = set(service.tickets.snapshot("ranked").player_ids) ^ set(joined)
        assert joined
        assert torn == set()
        with pytest.raises(StoreUnavailable):
            play(service)
    finally:
        server.asked("CONFIG", "SET", "maxmemory", "0")
    assert service.join("after").size == len(joined) + 1
    server.asked("FLUSHALL")
    play(service)
    server.asked("FLUSHALL")


def test_a_paused_redis_costs_each_caller_its_limit_and_no_more(
    server: TunedRedis, service_on: Callable[..., Service]
) -> None:
    service = service_on(server.url, limits=RedisLimits(answer_seconds=0.3))
    service.join("alice")
    server.asked("CLIENT", "PAUSE", 1_000)

    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="TimeoutError"):
        service.join("bob")

    assert 0.25 < time.monotonic() - began < 0.8
    until(lambda: service.join("carol"), what="the pause is over and nobody is served", forgiven=[StoreUnavailable])
    server.asked("FLUSHALL")


def test_silent_connections_cost_one_call_not_one_each(
    proxy: TcpProxy, server: TunedRedis, service_on: Callable[..., Service]
) -> None:
    service = service_on(through(proxy, server), limits=RedisLimits(answer_seconds=0.5))
    at_once(*(partial(_join_all, service, f"before-{n}") for n in range(4)))
    assert proxy.freeze() >= 2  # connections of the pool

    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="TimeoutError"):
        service.join("alice")
    assert time.monotonic() - began < 1.0
    began = time.monotonic()
    at_once(*(partial(_join_all, service, f"after-{n}") for n in range(4)))
    assert time.monotonic() - began < 0.5
    assert service.tickets.counts("ranked", []).current_size == 2 * 4 * 20


def _join_until_refused(service: Service, joined: list[str]) -> None:
    for number in range(20_000):
        service.join(f"p{number}")
        joined.append(f"p{number}")


def _join_all(service: Service, name: str) -> None:
    for number in range(20):
        service.join(f"{name}-{number}")
