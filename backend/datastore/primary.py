"""Where the primary is now: at a fixed address, or to be asked for.

All keys of an installation are in one hash slot (see `datastore/keys.py`), so in a Redis Cluster one node has them all,
and a client has to do no more than to find that node: docs/adr/0003. Sentinels are asked in the same way.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import redis
from redis.crc import key_slot
from redis.exceptions import ResponseError

from datastore.address import Node

#: Asks one node one command, within so many seconds, and answers its raw answer.
Ask = Callable[[Node, Sequence[str], float], Any]

#: A silent node may use up this part of a search; then another is asked.
_SHARE_OF_ONE_NODE = 0.5


class PrimaryNotFound(redis.ConnectionError):
    """No node that was asked could tell where the primary is."""


class Place:
    """An address that was found at one time. A connection made at another time goes to another place."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node


class Primary(ABC):
    """Finds the primary when asked, and again once it was forgotten. Safe for threads; two may search at once."""

    def __init__(self) -> None:
        self._place: Place | None = None

    def find(self) -> Place:
        """Where it is. Raises `PrimaryNotFound`, or what kept the last node from answering."""
        place = self._place
        if place is None:
            place = self._place = Place(self._search())
        return place

    def is_at(self, place: Place) -> bool:
        """Whether `place` is still where it is, as far as is known."""
        return self._place is place

    def forget(self, place: Place) -> None:
        """It failed there: search before anybody connects again, and let go of all connections to there."""
        if self._place is place:
            self._place = None

    def has_moved(self, node: Node) -> None:
        """A node says where it is now."""
        self._place = Place(node)

    @abstractmethod
    def _search(self) -> Node: ...


class FixedPrimary(Primary):
    """One address. Should the server behind its name change, connections made before are not used again."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def _search(self) -> Node:
        return self._node


class AskedPrimary(Primary):
    """Asks one node after another; those that fail are asked last the next time."""

    def __init__(self, nodes: Sequence[Node], ask: Ask, *, seconds: float) -> None:
        super().__init__()
        self._nodes = list(nodes)
        self._ask = ask
        self._seconds = seconds

    def _search(self) -> Node:
        deadline = time.monotonic() + self._seconds
        failure: redis.RedisError = PrimaryNotFound("there was no time to ask")
        for node in list(self._nodes):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                found = self._ask_one(node, min(left, self._seconds * _SHARE_OF_ONE_NODE))
            except (redis.ConnectionError, redis.TimeoutError, ResponseError) as error:
                failure = error
            else:
                if found is not None:
                    return found
                failure = PrimaryNotFound(f"{node} does not know where")
            self._nodes = [*(other for other in self._nodes if other != node), node]
        raise PrimaryNotFound(str(failure)) from failure

    @abstractmethod
    def _ask_one(self, node: Node, seconds: float) -> Node | None:
        """What `node` says; None where it does not know."""


class SentinelPrimary(AskedPrimary):
    """The primary of a service, as its sentinels have it."""

    def __init__(self, nodes: Sequence[Node], ask: Ask, *, seconds: float, service: str) -> None:
        super().__init__(nodes, ask, seconds=seconds)
        self._service = service

    def _ask_one(self, node: Node, seconds: float) -> Node | None:
        answer = self._ask(node, ("SENTINEL", "get-master-addr-by-name", self._service), seconds)
        return Node(answer[0], int(answer[1])) if answer else None


class SlotOwner(AskedPrimary):
    """The node of a Redis Cluster that has the slot of all our keys."""

    def __init__(self, nodes: Sequence[Node], ask: Ask, *, seconds: float, key_prefix: str) -> None:
        super().__init__(nodes, ask, seconds=seconds)
        self._given = tuple(nodes)
        self._slot = key_slot(key_prefix.encode())

    def _ask_one(self, node: Node, seconds: float) -> Node | None:
        # CLUSTER SHARDS is new in 7.0. A range is [first, last, primary, replica…], a node [host, port, id, …].
        ranges = self._ask(node, ("CLUSTER", "SLOTS"), seconds)
        known = {Node(entry[0] or node.host, int(entry[1])) for (_, _, *nodes) in ranges for entry in nodes}
        # Who answered is asked first again. Those that were given stay: their names may lead to other nodes one day.
        self._nodes = list(dict.fromkeys([node, *sorted(known, key=str), *self._given]))
        for first, last, primary, *_ in ranges:
            if int(first) <= self._slot <= int(last):
                return Node(primary[0] or node.host, int(primary[1]))
        return None


def asking(make_connection: Callable[..., Any]) -> Ask:
    """An `Ask` that opens a connection for each question: they are rare."""

    def ask(node: Node, command: Sequence[str], seconds: float) -> Any:
        limits = {"socket_connect_timeout": seconds, "socket_timeout": seconds}
        connection = make_connection(host=node.host, port=node.port, **limits)
        try:
            connection.send_command(*command)
            return connection.read_response()
        finally:
            connection.disconnect()

    return ask
