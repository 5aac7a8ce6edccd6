"""Connections that go where the primary is, and say so when it is not there any more.

redis-py keeps a connection to a primary that has become a replica for as long as the socket lives, and each
connection of a pool has to fail by itself. Here the first one that fails lets go of all: whoever takes an idle
connection from the pool next gets a new one, to the primary as it is then.
"""

from typing import Any

import redis
from redis.exceptions import MovedError, ResponseError

from datastore.address import Node
from datastore.primary import Place, Primary
from datastore.refusals import is_not_primary


class FollowingConnection(redis.Connection):
    """TCP. `primary` is shared by all connections of a pool."""

    def __init__(self, *, primary: Primary, **options: Any) -> None:
        self._primary = primary
        self._place: Place | None = None
        super().__init__(**options)  # type: ignore[no-untyped-call]

    @property
    def is_ready(self) -> bool:
        """Whether there is a connection, to where the primary is now."""
        return self.is_connected and self._place is not None and self._primary.is_at(self._place)

    def connect_check_health(self, *args: Any, **options: Any) -> None:
        """Connect, if there is no connection to where the primary is now. Every way to connect goes through here."""
        if self._place is not None and not self._primary.is_at(self._place):
            self.disconnect()  # type: ignore[no-untyped-call]
            self._place = None
        if self._place is None:
            self._place = self._primary.find()
            self.host, self.port = self._place.node.host, self._place.node.port
        try:
            super().connect_check_health(*args, **options)
        except (redis.ConnectionError, redis.TimeoutError):
            self._forget()
            raise

    def read_response(self, *args: Any, **options: Any) -> Any:
        """An answer. The socket stays open after an error that came as one: more answers may be on their way."""
        try:
            return super().read_response(*args, **options)
        except MovedError as moved:
            self._primary.has_moved(Node(moved.host or self.host, moved.port))
            raise
        except ResponseError as error:
            if is_not_primary(error):
                self._forget()
            raise
        except (redis.ConnectionError, redis.TimeoutError):
            self._forget()
            raise

    def _forget(self) -> None:
        if self._place is not None:
            self._primary.forget(self._place)


class FollowingTlsConnection(FollowingConnection, redis.SSLConnection):
    """TCP with TLS; the certificate has to be for the host that it connects to."""
