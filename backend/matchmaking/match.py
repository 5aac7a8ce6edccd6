"""A match: the players, team by team, and the seat on a server where there is one."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NewType

MatchId = NewType("MatchId", str)
PlayerId = NewType("PlayerId", str)


class MatchStatus(StrEnum):
    """Where a match is on its way. The same words in Redis, PostgreSQL and JSON."""

    CREATED = "created"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    ABANDONED = "abandoned"

    @property
    def is_live(self) -> bool:
        return self in (MatchStatus.CREATED, MatchStatus.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class MatchedPlayer:
    """A player as matched: the rating is that of the ticket."""

    id: PlayerId
    username: str
    rating: float
    waited_ms: int


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a match is played: a server, in the generation that took it."""

    id: str
    generation: int
    host: str
    port: int
    region: str


@dataclass(frozen=True, slots=True)
class Match:
    """A match as claimed; it does not change. Its status is kept beside it."""

    id: MatchId
    queue: str
    #: The region that its players asked for, or "".
    region: str
    teams: tuple[tuple[MatchedPlayer, ...], ...]
    server: Seat | None
    created_ms: int

    @property
    def players(self) -> list[MatchedPlayer]:
        return [player for team in self.teams for player in team]

    def to_json(self) -> str:
        """The form in which stores keep a match: the fields by name."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Match":
        tree: dict[str, Any] = json.loads(text)
        server = tree["server"]
        return cls(
            id=MatchId(tree["id"]),
            queue=tree["queue"],
            region=tree["region"],
            teams=tuple(tuple(MatchedPlayer(**player) for player in team) for team in tree["teams"]),
            server=Seat(**server) if server else None,
            created_ms=int(tree["created_ms"]),
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """Tickets that the engine would put together, under the id that their match would get."""

    match_id: MatchId
    teams: tuple[tuple[PlayerId, ...], ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """What became of a batch of proposals."""

    matches: list[Match]
    #: Proposals of which a ticket no longer waits.
    taken: int = 0
    #: Proposals that the queue's rules refuse without a seat.
    without_seat: int = 0


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A match claimed and perhaps not yet in PostgreSQL. `match` is None where it cannot be read."""

    match_id: MatchId
    match: Match | None
    raw: str
