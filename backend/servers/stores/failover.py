"""The server pool in the first store while it answers, and in the one that stands in for it while it does not.

What changes a server is written through to the stand-in, so that it knows every server when its time comes. Where the
stand-in does not answer meanwhile, the log says so, and the next heartbeat tells it again.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from datastore.link import Link
from errors import StoreUnavailable
from servers.server import Absence, GameServer, Hosting, Registration, ServerId
from servers.stores.port import ServerPool

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class FailoverServerPool:
    """Keeps `ServerPool`'s promise as long as one of its two pools does."""

    def __init__(self, first: ServerPool, stand_in: ServerPool, link: Link) -> None:
        self._first = first
        self._stand_in = stand_in
        self._link = link

    def _ask(self, call: Callable[[ServerPool], Answer]) -> tuple[Answer, bool]:
        """The answer, and whether the first pool gave it."""
        if self._link.prefers_first():
            try:
                return call(self._first), True
            except StoreUnavailable as error:
                self._link.failed(error)
        return call(self._stand_in), False

    def _tell(self, server_id: ServerId, call: Callable[[ServerPool], object]) -> None:
        try:
            call(self._stand_in)
        except StoreUnavailable as error:
            logger.warning("server %s is not noted in PostgreSQL: %s", server_id, error.reason)

    def register(self, registration: Registration, now_ms: int) -> int:
        generation, by_first = self._ask(lambda pool: pool.register(registration, now_ms))
        if by_first:
            self._tell_whole(registration.id)
        return generation

    def adopt(self, server: GameServer) -> None:
        self._ask(lambda pool: pool.adopt(server))

    def heartbeat(
        self,
        server_id: ServerId,
        generation: int,
        now_ms: int,
        *,
        cpu_usage: float | None = None,
        memory_usage: float | None = None,
    ) -> Hosting | Absence:
        def beat(pool: ServerPool) -> Hosting | Absence:
            return pool.heartbeat(server_id, generation, now_ms, cpu_usage=cpu_usage, memory_usage=memory_usage)

        answer, by_first = self._ask(beat)
        if by_first and isinstance(answer, Hosting):
            try:
                if isinstance(beat(self._stand_in), Absence):
                    self._tell_whole(server_id)
            except StoreUnavailable as error:
                logger.warning("server %s is not noted in PostgreSQL: %s", server_id, error.reason)
        return answer

    def _tell_whole(self, server_id: ServerId) -> None:
        server = self._first.find(server_id)
        if server is not None:
            self._tell(server_id, lambda pool: pool.adopt(server))

    def drain(self, server_id: ServerId, generation: int | None) -> Absence | None:
        absence, by_first = self._ask(lambda pool: pool.drain(server_id, generation))
        if by_first and absence is None:
            self._tell(server_id, lambda pool: pool.drain(server_id, None))
        return absence

    def lose(self, server_id: ServerId, generation: int | None, *, silent_since_ms: int | None) -> list[str] | Absence:
        left, by_first = self._ask(lambda pool: pool.lose(server_id, generation, silent_since_ms=silent_since_ms))
        if by_first and not isinstance(left, Absence):
            self._tell(server_id, lambda pool: pool.lose(server_id, None, silent_since_ms=None))
        return left

    def forget(self, server_id: ServerId) -> bool:
        is_forgotten, by_first = self._ask(lambda pool: pool.forget(server_id))
        if by_first and is_forgotten:
            self._tell(server_id, lambda pool: pool.forget(server_id))
        return is_forgotten

    def silent(self, since_ms: int) -> list[ServerId]:
        return self._ask(lambda pool: pool.silent(since_ms))[0]

    def list(self) -> list[GameServer]:
        return self._ask(lambda pool: pool.list())[0]

    def find(self, server_id: ServerId) -> GameServer | None:
        return self._ask(lambda pool: pool.find(server_id))[0]
