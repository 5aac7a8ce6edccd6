"""A ticket: one request to be matched, and what can be said of it."""

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from matchmaking.match import Match, MatchId, MatchStatus, PlayerId, TicketId


class TicketStatus(StrEnum):
    """Where a ticket is on its way. The same words in Redis, PostgreSQL and JSON."""

    WAITING = "waiting"
    MATCHED = "matched"
    LEFT = "left"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a join asks for: one ticket, in one queue or several at once."""

    player_id: PlayerId
    username: str
    #: At least one, each once. The first one's place in the line is what the player is told.
    queues: tuple[str, ...]
    region: str
    #: The id that a new ticket gets; an existing one keeps its own.
    ticket_id: TicketId
    #: One a queue, None where it is not known; empty unless the store said that it misses them.
    ratings: tuple[float | None, ...] = ()
    #: What the caller knows of the player, as `engine.traits` writes it; the store adds what it knows itself.
    traits: str = ""

    @property
    def queue(self) -> str:
        return self.queues[0]

    def brought(self, queues: Sequence[str]) -> list[float | None]:
        """The ratings in these queues, None where the request does not bring one."""
        ratings = dict(zip(self.queues, self.ratings, strict=False))
        return [ratings.get(queue) for queue in queues]


@dataclass(frozen=True, slots=True)
class KeptTicket:
    """A ticket as somebody outside its store knows it: the player's signed one, or the other store's."""

    id: TicketId
    player_id: PlayerId
    username: str
    queues: tuple[str, ...]
    region: str
    ratings: tuple[float, ...]
    joined_ms: int
    #: "", or the party and its members, see `matchmaking.party`. They have one ticket each, of the same id.
    party: str = ""
    traits: str = ""

    @property
    def queue(self) -> str:
        return self.queues[0]

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_tree(cls, tree: dict[str, Any]) -> "KeptTicket":
        """What `to_json` wrote, parsed."""
        return cls(**{**tree, "queues": tuple(tree["queues"]), "ratings": tuple(tree["ratings"])})

    def within(self, queues: Container[str]) -> "KeptTicket | None":
        """The ticket in those of its queues that there are; None where there is none of them any more."""
        places = [(queue, rating) for queue, rating in zip(self.queues, self.ratings, strict=True) if queue in queues]
        if not places:
            return None
        names, ratings = zip(*places, strict=True)
        return replace(self, queues=names, ratings=ratings)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The ticket waits, in each of its queues."""

    ticket_id: TicketId
    queues: tuple[str, ...]
    ratings: tuple[float, ...]
    joined_ms: int
    #: In the first queue: 1 is the player who has waited longest.
    position: int
    #: Tickets in the first queue, this one included, and the sum of their ratings.
    size: int
    rating_sum: float
    region: str = ""
    is_new: bool = False
    #: Queues in which this join is the first since their last round began, and none runs: have a round of each begun.
    wanted_rounds: tuple[str, ...] = ()
    party: str = ""
    traits: str = ""

    @property
    def queue(self) -> str:
        return self.queues[0]

    @property
    def rating(self) -> float:
        return self.ratings[0]

    @property
    def wants_round(self) -> bool:
        return bool(self.wanted_rounds)


@dataclass(frozen=True, slots=True)
class Matched:
    """The ticket became a match, which is live."""

    match: Match
    status: MatchStatus


@dataclass(frozen=True, slots=True)
class Ended:
    """The ticket became a match, which is over."""

    match_id: MatchId
    status: MatchStatus


@dataclass(frozen=True, slots=True)
class CalledOff:
    """A match that was not accepted, and the tickets that wait again, by player; the others end. None instead of a
    ticket: it is one of PostgreSQL's own queues, which has it whole."""

    match: Match
    back: Mapping[PlayerId, KeptTicket | None]
    #: When it fell, which its tickets count as asked for at.
    at_ms: int


@dataclass(frozen=True, slots=True)
class Expired:
    """Nobody asked for the ticket in time; `queue` is its first one."""

    queue: str


@dataclass(frozen=True, slots=True)
class NotInQueue:
    """There is no ticket."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The player waits in another queue, or in others than those asked for."""

    queues: tuple[str, ...]

    @property
    def queue(self) -> str:
        return self.queues[0]


@dataclass(frozen=True, slots=True)
class MemberBusy:
    """A party cannot join: this member waits already, or is in a live match. Nothing was written."""

    player_id: PlayerId
    why: Matched | Elsewhere


@dataclass(frozen=True, slots=True)
class RatingMissing:
    """The store does not know a rating: join again with those of all queues, for all members of a party."""


@dataclass(frozen=True, slots=True)
class BeingMatched:
    """A round has claimed the ticket, and its match is not announced yet: ask again in a moment."""


@dataclass(frozen=True, slots=True)
class Left:
    """The ticket waited and is gone, from all of its queues; `queue` is the first one."""

    queue: str
    ticket_id: TicketId
    waited_ms: int
    #: The other members of the party, whose tickets are gone with it; a repeated leave does not name them.
    others: tuple[PlayerId, ...] = field(default=(), compare=False)
