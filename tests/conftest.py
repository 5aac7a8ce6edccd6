"""What tests of all levels share."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings

from datastore.client import connect
from datastore.keys import Keys
from datastore.link import Link
from devstack.binaries import find_redis_server
from devstack.embedded import RedisServer, free_port
from errors import StoreUnavailable
from matchmaking.charge import fall_back, read_charge
from matchmaking.match import Match, MatchStatus, PlayerId
from matchmaking.rules import Rules
from matchmaking.stores.failover import FailoverTicketStore
from matchmaking.stores.memory import MemoryTicketStore
from matchmaking.stores.port import TicketStore
from matchmaking.stores.postgres.store import PostgresTicketStore
from matchmaking.stores.redis.store import RedisTicketStore
from players.models import Player, Rating
from players.stores.redis.ratings import RedisRatingCache
from servers.stores.failover import FailoverServerPool
from servers.stores.memory import MemoryServerPool
from servers.stores.port import ServerPool
from servers.stores.postgres.pool import PostgresServerPool
from servers.stores.redis.pool import RedisServerPool
from tests.builders import CASUAL, NOW_MS, RANKED

settings.register_profile("caroud", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("caroud")

RULES = Rules(default_queue="ranked", queues={"ranked": RANKED, "casual": CASUAL})


KnowRating = Callable[[PlayerId, str, float], None]


@dataclass(frozen=True, slots=True)
class Stores:
    """A ticket store and the server pool whose seats it takes."""

    tickets: TicketStore
    pool: ServerPool
    #: How a rating gets to be known before a join that does not bring it.
    know_rating: KnowRating


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The Redis of this run."""
    return os.environ["REDIS_URL"]


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    client = connect(redis_url)
    yield client
    client.close()
    client.connection_pool.disconnect()


def a_prefix() -> str:
    """A namespace that no other test uses, in one slot."""
    return f"{{test-{secrets.token_hex(6)}}}:"


@pytest.fixture
def keys(redis_client: redis.Redis) -> Iterator[Keys]:
    """Keys under a prefix that no other test uses; they are gone afterwards."""
    made = Keys(prefix=a_prefix(), default_queue="ranked")
    yield made
    for key in redis_client.scan_iter(match=made.prefix + "*", count=1000):
        redis_client.delete(key)


@pytest.fixture(scope="session")
def bundled_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Redis of the wheel: the oldest version that the scripts are written for (6.2)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAROUD_EMBEDDED", "bundled")
        with RedisServer(
            Path(tmp_path_factory.mktemp("redis")) / "data", free_port(), secrets.token_hex(8), appendonly=False
        ) as server:
            yield server.url


def _kinds_with_outbox() -> list[Any]:
    """Memory, and the Redis of this run, alone and with a stand-in; the bundled one too, where it is another."""
    is_bundled = ".venv" in find_redis_server().parts
    healthy = pytest.param("failover", marks=pytest.mark.django_db)
    return ["memory", "redis", healthy] if is_bundled else ["memory", "redis", healthy, "bundled-redis"]


def _kinds_without_outbox() -> list[Any]:
    """Memory, and PostgreSQL in both its roles, also where nothing but the failover knows that it is asked."""
    kinds = ("postgres", "postgres-standing-in", "failover-with-a-dead-redis")
    in_postgres = [pytest.param(kind, marks=pytest.mark.django_db) for kind in kinds]
    return ["memory-at-once", *in_postgres]


#: For tests of what only a store does that claims first and announces later.
with_outbox = pytest.mark.parametrize("stores", _kinds_with_outbox(), indirect=True)
#: For tests of what only a store does whose claims are history at once.
without_outbox = pytest.mark.parametrize("stores", _kinds_without_outbox(), indirect=True)


@pytest.fixture(params=[*_kinds_with_outbox(), *_kinds_without_outbox()])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Every keeper of the stores' promises, empty."""
    kind: str = request.param
    if kind.startswith("memory"):
        memory = MemoryServerPool()
        tickets = MemoryTicketStore(memory, announces_at_once=kind == "memory-at-once")
        yield Stores(tickets, memory, lambda player, queue, rating: tickets.ratings.update({(player, queue): rating}))
    elif kind == "failover":
        for healthy in _redis_stores(request.getfixturevalue("redis_url")):
            yield failover_stores(healthy)
    elif kind == "failover-with-a-dead-redis":
        client, nowhere = connect("redis://127.0.0.1:1/0"), Keys(prefix="dead:", default_queue="ranked")
        dead = Stores(RedisTicketStore(client, nowhere, RULES), RedisServerPool(client, nowhere), note_rating)
        yield failover_stores(dead)
    elif kind.startswith("postgres"):
        yield postgres_stores(stands_in=kind == "postgres-standing-in")
    else:
        yield from _redis_stores(request.getfixturevalue("redis_url" if kind == "redis" else "bundled_redis_url"))


def postgres_stores(*, stands_in: bool) -> Stores:
    """The stores in the PostgreSQL of this run, in charge."""
    if stands_in:
        fall_back(NOW_MS)
    return Stores(PostgresTicketStore(RULES, stands_in=stands_in, seats=True), PostgresServerPool(), note_rating)


def failover_stores(first: Stores) -> Stores:
    """`first`, and PostgreSQL where that does not answer."""
    link = Link(
        probe=lambda: void(first.tickets.online()),
        is_fallen_back=lambda: read_charge().is_fallen_back,
        fall_back=lambda: void(fall_back(NOW_MS)),
    )
    tickets = EndsOnce(first.tickets, PostgresTicketStore(RULES, stands_in=True, seats=True), link)
    return Stores(tickets, FailoverServerPool(first.pool, PostgresServerPool(), link), first.know_rating)


class EndsOnce(FailoverTicketStore):
    """A match that ends while the first store is away is told again later; here nobody comes to do it."""

    def end(self, match: Match, how: MatchStatus) -> None:
        with contextlib.suppress(StoreUnavailable):
            super().end(match, how)

    def confirm(self, matches: Sequence[Match]) -> None:
        with contextlib.suppress(StoreUnavailable):
            super().confirm(matches)


def void(_: object) -> None:
    """What a call answers is of no matter."""


def note_rating(player_id: PlayerId, queue: str, rating: float) -> None:
    """An account with a rating, as the service makes it before it brings a rating to the store."""
    player, _ = Player.objects.get_or_create(id=player_id, defaults={"username": player_id})
    Rating.objects.create(player=player, queue=queue, rating=rating)


def a_redis_store(client: redis.Redis, keys: Keys) -> RedisTicketStore:
    """Tickets in Redis, in data that is known to be whole."""
    made = RedisTicketStore(client, keys, RULES)
    made.mark("whole")
    return made


def _redis_stores(url: str) -> Iterator[Stores]:
    client = connect(url)
    fresh = Keys(prefix=a_prefix(), default_queue="ranked")
    ratings = RedisRatingCache(client, fresh)
    yield Stores(
        a_redis_store(client, fresh),
        RedisServerPool(client, fresh),
        lambda player, queue, rating: ratings.refresh(player, queue, rating=rating, games=0),
    )
    for key in client.scan_iter(match=fresh.prefix + "*", count=1000):
        client.delete(key)
    client.close()
    client.connection_pool.disconnect()


@pytest.fixture
def store(stores: Stores) -> TicketStore:
    return stores.tickets


@pytest.fixture
def know_rating(stores: Stores) -> KnowRating:
    return stores.know_rating


@pytest.fixture
def pool(stores: Stores) -> ServerPool:
    return stores.pool
