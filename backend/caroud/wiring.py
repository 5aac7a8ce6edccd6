"""The one place where settings become stores. Doors take from here and hand to services."""

import time
import uuid
from functools import cache

import redis
from django.conf import settings

from datastore.client import RedisLimits, connect
from datastore.keys import Keys
from matchmaking.rules import QueueRules, Rules
from matchmaking.stores.port import TicketStore
from matchmaking.stores.redis.store import RedisTicketStore
from players.stores.port import RatingCache
from players.stores.redis.ratings import RedisRatingCache
from servers.stores.port import ServerPool
from servers.stores.redis.pool import RedisServerPool


def clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    return str(uuid.uuid4())


def rules() -> Rules:
    found: Rules = settings.RULES
    return found


def queue_rules(queue: str) -> QueueRules:
    """The rules of a queue that exists."""
    return rules().queues[queue]


@cache
def redis_client() -> redis.Redis:
    limits = RedisLimits(answer_seconds=settings.REDIS_ANSWER_SECONDS)
    return connect(settings.REDIS_URL, key_prefix=settings.REDIS_KEY_PREFIX, limits=limits)


@cache
def keys() -> Keys:
    return Keys(prefix=settings.REDIS_KEY_PREFIX, default_queue=rules().default_queue)


@cache
def ticket_store() -> TicketStore:
    return RedisTicketStore(redis_client(), keys(), rules())


@cache
def server_pool() -> ServerPool:
    return RedisServerPool(redis_client(), keys())


@cache
def rating_cache() -> RatingCache:
    return RedisRatingCache(redis_client(), keys())


def forget() -> None:
    """Drop every store, so that the next call builds it from the settings as they are then."""
    for made in (redis_client, keys, ticket_store, server_pool, rating_cache):
        made.cache_clear()
