"""The one place where settings become stores. Doors take from here and hand to services."""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

import redis
from django.conf import settings

from caroud.ids import new_id as new_id
from datastore.client import RedisLimits, connect, probe
from datastore.clock import shared_clock
from datastore.keyed_answers import KeyedAnswers
from datastore.keys import Keys
from datastore.limiter import RateLimiter
from datastore.link import Link
from datastore.postgres import postgres_errors
from datastore.run import Run
from matchmaking.charge import fall_back, read_charge
from matchmaking.rules import QueueRules, Rules
from matchmaking.rules.live import LiveRules
from matchmaking.services.keep_expectations import Expectations
from matchmaking.stores.beside import PostgresBesideRedis
from matchmaking.stores.failover import FailoverTicketStore
from matchmaking.stores.kept_history import KeptHistory
from matchmaking.stores.port import TicketStore
from matchmaking.stores.postgres.store import PostgresTicketStore
from matchmaking.stores.redis.kept_history import RedisKeptHistory
from matchmaking.stores.redis.store import RedisTicketStore
from players.stores.port import RatingCache
from players.stores.redis.ratings import RedisRatingCache
from servers.stores.failover import FailoverServerPool
from servers.stores.port import ServerPool
from servers.stores.postgres.pool import PostgresServerPool
from servers.stores.redis.pool import RedisServerPool


def clock() -> int:
    """Milliseconds since 1970, by the service's time and not by that of this host."""
    return shared_clock.now_ms()


@cache
def _live_rules() -> LiveRules:
    return LiveRules(Path(settings.QUEUES_FILE), settings.RULES, time.monotonic)


def rules() -> Rules:
    """The rules as QUEUES_FILE has them now. Take them once for one step: the next call may answer others."""
    return _live_rules().current()


def queue_rules(queue: str) -> QueueRules:
    """The rules of a queue that exists."""
    return rules().queues[queue]


Made = TypeVar("Made")


class _OfRules(Generic[Made]):
    """Makes a thing out of the rules, once for each rules that hold."""

    def __init__(self, make: Callable[[Rules], Made]) -> None:
        self._make = make
        self._held: tuple[Rules, Made] | None = None

    def __call__(self) -> Made:
        now, held = rules(), self._held
        if held is None or held[0] is not now:
            held = self._held = now, self._make(now)
        return held[1]

    def cache_clear(self) -> None:
        self._held = None


@cache
def redis_client() -> redis.Redis:
    limits = RedisLimits(answer_seconds=settings.REDIS_ANSWER_SECONDS)
    return connect(settings.REDIS_URL, key_prefix=settings.REDIS_KEY_PREFIX, limits=limits, run=redis_run())


@cache
def redis_run() -> Run:
    """Which run of Redis this process talks to."""
    return Run()


class _Whole:
    """The run of Redis that PostgreSQL noted as holding what it should, as the watch saw it last; "" before."""

    run_id = ""


def note_whole_redis(incarnation: str) -> None:
    """`incarnation` is a store that holds what it should."""
    _Whole.run_id = incarnation.partition(" ")[0]


def is_redis_whole() -> bool:
    """Whether the Redis that this process talks to is the one that was noted. Without a watch it is trusted."""
    return not _Whole.run_id or redis_run().id == _Whole.run_id


@cache
def probing_client() -> redis.Redis:
    """A client whose answers come soon or not at all: a call that failed has waited already."""
    limits = RedisLimits(connect_seconds=0.2, answer_seconds=0.3, max_connections=8)
    return connect(settings.REDIS_URL, key_prefix=settings.REDIS_KEY_PREFIX, limits=limits)


@cache
def keys() -> Keys:
    return Keys(prefix=settings.REDIS_KEY_PREFIX, default_queue=rules().default_queue)


# --- The two stores, and the one that a call gets ------------------------------------------------------


@_OfRules
def redis_tickets(rules: Rules) -> RedisTicketStore:
    return RedisTicketStore(redis_client(), keys(), rules, run=redis_run(), is_whole=is_redis_whole)


@_OfRules
def redis_tickets_unasked(rules: Rules) -> RedisTicketStore:
    """The same, for whoever brings its data up to history: it is not whole before that is done."""
    return RedisTicketStore(redis_client(), keys(), rules, run=redis_run())


@_OfRules
def postgres_tickets(rules: Rules) -> PostgresBesideRedis:
    """The queues that PostgreSQL serves itself."""
    return PostgresBesideRedis(rules, seats=settings.MATCHMAKING_BACKEND == "postgres", other=redis_tickets())


@_OfRules
def stand_in_tickets(rules: Rules) -> PostgresTicketStore:
    """The queues of Redis, while PostgreSQL stands in for it."""
    return PostgresTicketStore(rules, stands_in=True, seats=True)


@_OfRules
def _redis_with_stand_in(rules: Rules) -> FailoverTicketStore:
    return FailoverTicketStore(redis_tickets(), stand_in_tickets(), link())


@cache
def redis_servers() -> RedisServerPool:
    return RedisServerPool(redis_client(), keys())


@cache
def postgres_servers() -> PostgresServerPool:
    return PostgresServerPool()


@cache
def link() -> Link:
    """Whether this process asks Redis or its stand-in."""

    def probe_redis() -> None:
        probe(probing_client(), keys().probe)

    def is_fallen_back() -> bool:
        with postgres_errors():
            charge = read_charge()
        note_whole_redis(charge.redis_incarnation)
        return charge.is_fallen_back

    def take_over() -> None:
        with postgres_errors():
            fall_back(clock())

    return Link(probe=probe_redis, is_fallen_back=is_fallen_back, fall_back=take_over)


def ticket_store(backend: str = "") -> TicketStore:
    """The store of a named backend (`redis`, `postgres`), or the one that MATCHMAKING_BACKEND names: Redis with its
    stand-in, or PostgreSQL. A player who waits in one of them does not get into the other."""
    if backend == "redis":
        return redis_tickets()
    if backend == "postgres" or settings.MATCHMAKING_BACKEND == "postgres":
        return postgres_tickets()
    return _redis_with_stand_in()


@cache
def server_pool() -> ServerPool:
    """The pool whose seats matches take: that of MATCHMAKING_BACKEND."""
    if settings.MATCHMAKING_BACKEND == "postgres":
        return postgres_servers()
    return FailoverServerPool(redis_servers(), postgres_servers(), link())


def mode() -> str:
    """Which store the default queues are in now: `redis`, `fallback` (PostgreSQL in its place) or `postgres`."""
    if settings.MATCHMAKING_BACKEND == "postgres":
        return "postgres"
    return "fallback" if link().is_fallen_back else "redis"


@cache
def rating_cache() -> RatingCache:
    return RedisRatingCache(redis_client(), keys())


def rating_cache_of(backend: str) -> RatingCache | None:
    """The ratings that joins of a backend read, "" for the default one; None where PostgreSQL serves them now."""
    return rating_cache() if backend == "redis" or (not backend and mode() == "redis") else None


@cache
def kept_history() -> KeptHistory:
    return RedisKeptHistory(redis_client(), keys())


@cache
def expectations() -> Expectations:
    """What this process knows of the queues that calls without a named store are about."""
    return Expectations(store=ticket_store(), pool=server_pool(), kept=kept_history())


@cache
def rate_limiter() -> RateLimiter:
    return RateLimiter(redis_client(), keys(), time.monotonic)


@cache
def keyed_answers() -> KeyedAnswers:
    return KeyedAnswers(redis_client(), keys(), time.monotonic)


def forget() -> None:
    """Drop every store, so that the next call builds it from the settings as they are then."""
    note_whole_redis("")
    for made in (
        redis_run,
        redis_client,
        probing_client,
        keys,
        redis_tickets,
        redis_tickets_unasked,
        postgres_tickets,
        stand_in_tickets,
        redis_servers,
        postgres_servers,
        link,
        _redis_with_stand_in,
        _live_rules,
        server_pool,
        rating_cache,
        kept_history,
        expectations,
        rate_limiter,
        keyed_answers,
    ):
        made.cache_clear()
