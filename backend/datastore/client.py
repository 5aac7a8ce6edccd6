"""One way to a Redis client: short limits, explicit retries, errors as `StoreUnavailable`.

redis-py's own defaults retry each command ten times, also after it was sent; every option that bounds
a wait is therefore named here.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import MovedError, RedisError, ResponseError
from redis.retry import Retry

from datastore.address import RedisAddress, Topology
from datastore.connection import FollowingConnection, FollowingTlsConnection
from datastore.pool import Pool
from datastore.primary import FixedPrimary, Primary, SentinelPrimary, SlotOwner, asking
from datastore.refusals import is_unavailable, word_of
from datastore.run import Run
from errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class RedisLimits:
    """How long a call may take. Seconds.

    Too small: a busy server counts as dead. Too large: players wait for the answer that it is.
    """

    #: For a connection, and as much again for asking where the primary is, where that has to be asked.
    connect_seconds: float = 0.5
    answer_seconds: float = 1.0
    max_connections: int = 64


def connect(
    url: str, *, key_prefix: str = "", limits: RedisLimits | None = None, run: Run | None = None
) -> redis.Redis:
    """A client for `url` (see `datastore/address.py`); connects at first use. Safe for threads.

    `key_prefix` is in front of every key that the client will use: in a Redis Cluster its hash tag says which node has
    them. Nothing is sent twice, but for what a cluster node refused because the slot has moved. `run` is told which
    server answers, whenever a connection is made.
    """
    limits = limits or RedisLimits()
    address = RedisAddress.parse(url)
    options = {
        **parse_url(address.url_of(address.nodes[0])),  # type: ignore[no-untyped-call]
        "socket_connect_timeout": limits.connect_seconds,
        "socket_timeout": limits.answer_seconds,
        "socket_keepalive": True,
        # Sorted sets come as flat lists, which numpy reads ten times faster than pairs.
        "protocol": 2,
        "decode_responses": True,
        "retry": Retry(NoBackoff(), 1, supported_errors=(MovedError,)),
    }
    if run is not None:
        options["redis_connect_func"] = run.greet
    for replaced in ("host", "port", "connection_class"):
        options.pop(replaced, None)
    pool = Pool(
        connection_class=FollowingTlsConnection if address.is_tls else FollowingConnection,
        primary=_primary_of(address, options, limits, key_prefix),
        health_check_interval=10,
        max_connections=limits.max_connections,
        **options,
    )
    return redis.Redis(connection_pool=pool)


def _primary_of(address: RedisAddress, options: dict[str, Any], limits: RedisLimits, key_prefix: str) -> Primary:
    make_connection: Any = partial(redis.SSLConnection if address.is_tls else redis.Connection, **options)
    seconds = limits.connect_seconds
    match address.topology:
        case Topology.SERVER:
            return FixedPrimary(address.nodes[0])
        case Topology.CLUSTER:
            return SlotOwner(address.nodes, asking(make_connection), seconds=seconds, key_prefix=key_prefix)
        case Topology.SENTINEL:
            # A sentinel has no databases, and a login of its own.
            login = {"db": 0, "username": None, "password": None, **address.sentinel_login}
            ask = asking(partial(make_connection, **login))
            return SentinelPrimary(address.nodes, ask, seconds=seconds, service=address.service)


def is_cluster_node(client: redis.Redis) -> bool:
    """Whether the server is a node of a Redis Cluster."""
    return str(client.info("cluster").get("cluster_enabled")) == "1"


def address(url: str) -> str:
    """Where a Redis URL leads to, without its password, for log lines."""
    return str(RedisAddress.parse(url))


class _RedisErrors:
    """See `redis_errors`. A class, because a generator costs more than the whole of what it looks at."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, ResponseError):
            if is_unavailable(error):
                # The name of the error where it has one, the server's word where a script brought it.
                reason = word_of(error) if type(error) is ResponseError else type(error).__name__
                raise StoreUnavailable("redis", reason) from error
        elif isinstance(error, RedisError):
            raise StoreUnavailable("redis", type(error).__name__) from error


_redis_errors = _RedisErrors()


def redis_errors() -> _RedisErrors:
    """Turn the driver's "not there" and "cannot now" into `StoreUnavailable`; our own faults stay faults."""
    return _redis_errors


def run_id(client: redis.Redis) -> str:
    """Which run of which server this is: another one after a restart or a failover."""
    return str(client.info("server")["run_id"])


def probe(client: redis.Redis, key: str) -> None:
    """Write something small: a server that is full, read-only or loading answers PING, and is of no use."""
    with redis_errors():
        client.set(key, "1", px=1000)
