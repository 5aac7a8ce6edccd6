"""What Celery has to know of its broker. One way to write a URL serves both: `datastore/address.py`."""

from typing import Any

from redis.backoff import NoBackoff
from redis.retry import Retry

from datastore.address import RedisAddress, Topology

#: Seconds. A worker finds out about each of its silent connections by itself, one after the other, each after so long:
#: with 5 it was back after 22 s. kombu's own default waits for ever. Smaller than a second: BRPOP, which is answered
#: after a second at the latest, would count as silent.
ANSWER_SECONDS = 2
#: Seconds. One lost packet on the way to the connection costs a second.
CONNECT_SECONDS = 2
#: Seconds between two looks at connections that wait for messages.
HEALTH_CHECK_SECONDS = 2
#: Seconds. A message that no worker has acknowledged for so long is delivered again: more than three time limits of a
#: task, or one that is still at work would be started a second time.
VISIBILITY_SECONDS = 60


def broker_settings(url: str, *, key_prefix: str) -> dict[str, Any]:
    """Celery's settings that begin with `broker_`, for a broker at `url`."""
    options: dict[str, Any] = {
        "visibility_timeout": VISIBILITY_SECONDS,
        # One slot, and apart from another installation in the same Redis.
        "global_keyprefix": f"{{celery{key_prefix.strip('{}:')}}}:",
        "socket_timeout": ANSWER_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": HEALTH_CHECK_SECONDS,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
    }
    always = {"broker_connection_retry_on_startup": True, "broker_connection_max_retries": None}
    if url.startswith("redis") and (address := RedisAddress.parse(url)).topology is Topology.SENTINEL:
        return {**_by_sentinel(address, options), **always}
    return {**_urls(url), "broker_transport_options": options, **always}


def _urls(url: str) -> dict[str, Any]:
    """All three: where the variable CELERY_BROKER_URL is set, Celery takes `broker_url` from there, as it stands."""
    return {"broker_url": url, "broker_read_url": url, "broker_write_url": url}


def _by_sentinel(address: RedisAddress, options: dict[str, Any]) -> dict[str, Any]:
    """kombu wants a URL for each sentinel, and the rest apart."""
    tls = {"ssl_cert_reqs": "required", **address.options} if address.is_tls else {}
    to_sentinels = {
        **address.sentinel_login,
        **({"ssl": True, **tls} if tls else {}),
        "socket_timeout": 1,
        "socket_connect_timeout": 0.5,
        # redis-py's default asks a dead sentinel ten times, with pauses, before the next one.
        "retry": Retry(NoBackoff(), 0),
    }
    urls = (f"sentinel://{address.login}{node}/{address.db}" for node in address.nodes)
    return {
        **_urls(";".join(urls)),
        "broker_transport_options": {**options, "master_name": address.service, "sentinel_kwargs": to_sentinels},
        "broker_use_ssl": tls or None,
    }
