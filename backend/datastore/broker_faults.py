"""Three faults of kombu's Redis transport (5.7) by which a worker is lost for good, mended.

**Planned failover.** The primary becomes a replica without going away (ElastiCache does it for maintenance and scaling;
Sentinel, when it is told to). It then answers the `BRPOP` that a worker waits in with `UNBLOCKED force unblock …`, and
every later command that writes with `READONLY …`. kombu takes both for faults of the program: the worker ends with
`Unrecoverable error: ResponseError` (https://github.com/celery/celery/issues/7946), publishers fail for as long as the
connection lives. Both mean the same as a connection that broke: the primary is elsewhere now. So kombu's connections
are made to break when they hear it.

**A lost acknowledgement.** A task that has ended is acknowledged (`task_acks_late`); if that fails because the
connection is silent, kombu logs `Couldn't ack` and goes on, with the message still counted as under way. With
`worker_prefetch_multiplier=1` that is one place less for each such loss, and a worker whose places are all gone waits
for ever, healthy to look at. So a failed acknowledgement gives its place back, and breaks the connection. The message
comes once more after the visibility timeout; every task may run twice.

**A full Redis.** While it is out of memory it takes no transaction, and an acknowledgement is one. kombu takes the
refusal (`OOM …`) for a fault of the program, too, and the worker ends. It is made a broken connection as well: the
worker connects again until there is memory.

What kombu does about broken connections (connect again, by name or through Sentinel, and go on) does the rest.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from kombu.transport import redis as transport
from kombu.transport import virtual
from redis.exceptions import ResponseError
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

from datastore.refusals import is_full, is_not_primary


class BrokerConnection(redis.Connection):
    """TCP. Closed, and says so, once the server at its other end is no primary any more, or is full."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)
        except ResponseError as error:
            if not (is_not_primary(error) or is_full(error)):
                raise
            self.disconnect()  # type: ignore[no-untyped-call]
            what = "is full" if is_full(error) else "is no primary any more"
            raise redis.ConnectionError(f"the broker {what}: {error}") from error


class BrokerTlsConnection(BrokerConnection, redis.SSLConnection):
    """The same over TLS."""


class SentinelBrokerConnection(BrokerConnection, SentinelManagedConnection):
    """The same, to where Sentinel says."""


class SentinelBrokerTlsConnection(BrokerConnection, SentinelManagedSSLConnection):
    """The same over TLS, to where Sentinel says."""


class BrokerQoS(transport.QoS):
    """Which messages are under way, and how many more may be."""

    def ack(self, delivery_tag: str) -> None:
        with self._place_back_on_loss(delivery_tag):
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        with self._place_back_on_loss(delivery_tag):
            super().reject(delivery_tag, requeue=requeue)  # type: ignore[no-untyped-call]

    @contextmanager
    def _place_back_on_loss(self, delivery_tag: str) -> Iterator[None]:
        try:
            yield
        except self.channel.connection_errors as error:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]
            # The one error of an acknowledgement that kombu does not keep to itself.
            raise BrokenPipeError(f"an acknowledgement was lost: {error}") from error


def mend_kombu() -> None:
    """Let kombu make its connections and counts of these classes, from now on, in this process."""
    transport.Channel.QoS = BrokerQoS
    transport.Channel.connection_class = BrokerConnection
    transport.Channel.connection_class_ssl = BrokerTlsConnection
    transport.SentinelChannel.connection_class = SentinelBrokerConnection
    transport.SentinelChannel.connection_class_ssl = SentinelBrokerTlsConnection  # type: ignore[assignment]
