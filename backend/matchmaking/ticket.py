"""A ticket: one request to be matched, and what can be said of it."""

from dataclasses import dataclass
from enum import StrEnum

from matchmaking.match import Match, MatchId, MatchStatus, PlayerId, TicketId


class TicketStatus(StrEnum):
    """Where a ticket is on its way. The same words in Redis, PostgreSQL and JSON."""

    WAITING = "waiting"
    MATCHED = "matched"
    LEFT = "left"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a join asks for. `rating` is None unless the store said that it misses it."""

    player_id: PlayerId
    username: str
    queue: str
    region: str
    #: The id that a new ticket gets; an existing one keeps its own.
    ticket_id: TicketId
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class KeptTicket:
    """A ticket as somebody outside its store knows it: the player's signed one, or the other store's."""

    id: TicketId
    player_id: PlayerId
    username: str
    queue: str
    region: str
    rating: float
    joined_ms: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """The ticket waits."""

    ticket_id: TicketId
    queue: str
    rating: float
    joined_ms: int
    #: 1 is the player who has waited longest.
    position: int
    #: Tickets in the queue, this one included, and the sum of their ratings.
    size: int
    rating_sum: float
    region: str = ""
    is_new: bool = False
    #: This join is the first since the last round began: ask for a round.
    wants_round: bool = False


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
class Expired:
    """Nobody asked for the ticket in time."""

    queue: str


@dataclass(frozen=True, slots=True)
class NotInQueue:
    """There is no ticket."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The player waits in another queue."""

    queue: str


@dataclass(frozen=True, slots=True)
class RatingMissing:
    """The store does not know the rating: join again with it."""


@dataclass(frozen=True, slots=True)
class BeingMatched:
    """A round has claimed the ticket, and its match is not announced yet: ask again in a moment."""


@dataclass(frozen=True, slots=True)
class Left:
    """The ticket waited and is gone."""

    queue: str
    ticket_id: TicketId
    waited_ms: int
