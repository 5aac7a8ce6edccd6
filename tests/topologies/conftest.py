"""A ticket store on any Redis, and what its main steps are."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import redis

from datastore.client import RedisLimits, connect, redis_errors
from datastore.keys import Keys
from errors import StoreUnavailable
from matchmaking.match import MatchStatus, PlayerId, TicketId
from matchmaking.stores.redis.store import RedisTicketStore
from matchmaking.ticket import JoinRequest, Left, Matched, Waiting
from servers.server import Hosting, Registration, ServerId
from servers.stores.redis.pool import RedisServerPool
from tests.builders import RANKED, a_proposal
from tests.conftest import RULES

PREFIX = "{caroud}:"


@dataclass
class Service:
    """The stores of one installation, through a client as the service has it."""

    client: redis.Redis
    prefix: str
    tickets: RedisTicketStore
    pool: RedisServerPool

    @classmethod
    def on(cls, url: str, *, prefix: str = PREFIX, limits: RedisLimits | None = None) -> "Service":
        client = connect(url, key_prefix=prefix, limits=limits)
        keys = Keys(prefix=prefix, default_queue="ranked")
        return cls(client, prefix, RedisTicketStore(client, keys, RULES), RedisServerPool(client, keys))

    def join(self, player: str, *, now_ms: int = 1_000) -> Waiting:
        # As the watch or a round does in the service, once.
        with redis_errors():
            self.client.set(f"{self.prefix}matchmaking:incarnation", "whole", nx=True)
        request = JoinRequest(PlayerId(player), player, ("ranked",), "", TicketId(f"ticket-{player}"), (1200.0,))
        answer = self.tickets.join(request, RANKED, now_ms)
        assert isinstance(answer, Waiting)
        return answer

    def close(self) -> None:
        self.client.close()
        self.client.connection_pool.disconnect()


@pytest.fixture
def service_on() -> Iterator[Callable[..., Service]]:
    """Make a service on a URL; it is closed afterwards."""
    with contextlib.ExitStack() as made:

        def make(url: str, *, prefix: str = PREFIX, limits: RedisLimits | None = None) -> Service:
            service = Service.on(url, prefix=prefix, limits=limits)
            made.callback(service.close)
            return service

        yield make


def play(service: Service) -> None:
    """Each step that the stores take, once: scripts, pipelines, scans, reads."""
    tickets, pool = service.tickets, service.pool
    server = ServerId("eu-1")
    generation = pool.register(Registration(server, "127.0.0.1", 7777, "eu", 4), 1_000)
    assert service.join("leaver").is_new
    assert isinstance(tickets.leave(PlayerId("leaver"), 1_100), Left)
    service.join("alice")
    service.join("bob")
    assert tickets.begin_round("ranked", "token", 1_200)
    assert sorted(tickets.snapshot("ranked").player_ids) == ["alice", "bob"]
    assert tickets.mark("whole") == tickets.incarnation()
    proposal = a_proposal(tickets, PlayerId("alice"), PlayerId("bob"), match_id="m1", queues=("ranked",))
    (match,) = tickets.claim(RANKED, [proposal], 1_300).matches
    tickets.finish_round("ranked", "token", 1_400, may_run_again=True)
    assert [entry.match_id for entry in tickets.outbox(10)] == ["m1"]
    assert list(tickets.live()) == [["m1"]]
    tickets.acknowledge([match.id])
    assert tickets.outbox(10) == []
    assert isinstance(tickets.status(PlayerId("alice"), 1_500), Matched)
    hosting = pool.heartbeat(server, generation, 1_600)
    assert isinstance(hosting, Hosting) and hosting.match_ids == ["m1"]
    tickets.start([match])
    assert [found.match.id for found in tickets.find_matches([match.id])] == ["m1"]
    assert tickets.counts("ranked", [(0, 5_000)]).total_matches == 1
    tickets.end(match, MatchStatus.COMPLETED)
    tickets.enter([Matched(match, MatchStatus.CREATED)])
    tickets.end(match, MatchStatus.COMPLETED)
    tickets.drop([PlayerId("nobody")])
    assert tickets.hold(PlayerId("alice"), "elsewhere", 1_000) is None
    tickets.let_go(PlayerId("alice"))
    assert [found.active_games for found in pool.list()] == [0]
    service.join("late")
    assert tickets.expire(RANKED, 10_000_000) == ["ticket-late"]
    assert tickets.prune_online(10_000_000) > 0
    assert pool.silent(20_000) == [server]
    assert pool.lose(server, generation, silent_since_ms=20_000) == []
    assert pool.forget(server)


@dataclass
class Crowd:
    """Players who join all the time, in threads, and try again when told that the store is away."""

    service: Service
    acked: list[str] = field(default_factory=list)
    #: Seconds that each failed call took.
    failures: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def _join_on(self, name: str) -> None:
        number = 0
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self.service.join(f"{name}-{number}")
            except StoreUnavailable:
                self.failures.append(time.monotonic() - began)
                self._stop.wait(0.02)
            else:
                self.acked.append(f"{name}-{number}")
                number += 1

    def __enter__(self) -> "Crowd":
        self._threads = [threading.Thread(target=self._join_on, args=(f"p{n}",)) for n in range(4)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def goes_on(self, *, seconds: float = 15.0) -> float:
        """Wait until a join that begins now is acknowledged; answers after how many seconds."""
        before, began = len(self.acked), time.monotonic()
        while len(self.acked) < before + 5:
            assert time.monotonic() - began < seconds, "nobody could join"
            time.sleep(0.01)
        return time.monotonic() - began
