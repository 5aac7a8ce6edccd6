"""One way to a Redis client: short limits, explicit retries, errors as `StoreUnavailable`.

redis-py's own defaults retry each command ten times, also after it was sent; every option that bounds
a wait is therefore named here.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from errors import StoreUnavailable

logger = logging.getLogger(__name__)

#: What a server says that is there but cannot serve (now): at the beginning, or, from a script on Redis 6.2, behind
#: the script's place: `Error running script (…): @user_script: 27: -OOM command not allowed …`.
_UNAVAILABLE = re.compile(r"(?:^|[ -])(?:OOM|READONLY|LOADING|CLUSTERDOWN|MASTERDOWN|MISCONF|UNBLOCKED|NOREPLICAS)\b")


@dataclass(frozen=True, slots=True)
class RedisLimits:
    """How long a call may take. Seconds.

    Too small: a busy server counts as dead. Too large: players wait for the answer that it is.
    """

    connect_seconds: float = 0.5
    answer_seconds: float = 1.0
    max_connections: int = 64


def connect(url: str, *, limits: RedisLimits | None = None) -> redis.Redis:
    """A client for `url` (`redis://`, `rediss://` with verification); connects at first use."""
    limits = limits or RedisLimits()
    pool = redis.ConnectionPool.from_url(
        url,
        socket_connect_timeout=limits.connect_seconds,
        socket_timeout=limits.answer_seconds,
        socket_keepalive=True,
        health_check_interval=10,
        max_connections=limits.max_connections,
        retry=Retry(NoBackoff(), 0),
        # Sorted sets come as flat lists, which numpy reads ten times faster than pairs.
        protocol=2,
        decode_responses=True,
    )
    return redis.Redis(connection_pool=pool)


def address(url: str) -> str:
    """`host:port` of a Redis URL, without its password, for log lines."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn the driver's "not there" and "cannot now" into `StoreUnavailable`; our own faults stay faults."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, AuthenticationError) as error:
        raise StoreUnavailable("redis", type(error).__name__) from error
    except NoScriptError as error:
        raise StoreUnavailable("redis", "NoScriptError") from error
    except ResponseError as error:
        if _UNAVAILABLE.search(str(error)):
            raise StoreUnavailable("redis", str(error)) from error
        raise
    except RedisError as error:
        raise StoreUnavailable("redis", type(error).__name__) from error


def run_id(client: redis.Redis, key: str) -> str:
    """Which run of which server holds `key`: another one after a restart or a failover."""
    where = {"target_nodes": client.get_node_from_key(key)} if isinstance(client, redis.RedisCluster) else {}
    told: Any = client.execute_command("INFO", "server", **where)
    return str(told["run_id"])


def probe(client: redis.Redis, key: str) -> None:
    """Write something small: a server that is full, read-only or loading answers PING, and is of no use."""
    with redis_errors():
        client.set(key, "1", px=1000)
