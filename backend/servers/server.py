"""A game server as the pool knows it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

ServerId = NewType("ServerId", str)


class ServerStatus(StrEnum):
    """Whether matches go there: yes, no more, never again."""

    READY = "ready"
    DRAINING = "draining"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Registration:
    """What a server says of itself when it registers."""

    id: ServerId
    host: str
    port: int
    region: str
    #: Games it hosts at the same time, at most.
    capacity: int


@dataclass(frozen=True, slots=True)
class GameServer:
    """A registered server and its load now."""

    id: ServerId
    host: str
    port: int
    region: str
    capacity: int
    generation: int
    status: ServerStatus
    registered_ms: int
    last_heartbeat_ms: int
    active_games: int
    #: Percent, as last reported; None where it never said.
    cpu_usage: float | None = None
    memory_usage: float | None = None


@dataclass(frozen=True, slots=True)
class Hosting:
    """What a heartbeat learns: the ids of the matches the server has to host."""

    match_ids: list[str]
    status: ServerStatus


class Absence(StrEnum):
    """Why a server cannot be acted for or upon."""

    #: Not registered, or lost: register again.
    UNKNOWN = "UNKNOWN"
    #: A newer registration holds the place.
    STALE = "STALE"
    #: It has called meanwhile, so it is not lost.
    ALIVE = "ALIVE"
