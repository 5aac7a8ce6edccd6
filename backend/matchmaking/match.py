"""A match: the players, team by team, and the seat on a server where there is one."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, NewType

MatchId = NewType("MatchId", str)
PlayerId = NewType("PlayerId", str)
TicketId = NewType("TicketId", str)


class MatchStatus(StrEnum):
    """Where a match is on its way. The same words in Redis, PostgreSQL and JSON."""

    PENDING_ACCEPTANCE = "pending_acceptance"
    CREATED = "created"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    ABANDONED = "abandoned"

    @property
    def is_live(self) -> bool:
        return self in (MatchStatus.PENDING_ACCEPTANCE, MatchStatus.CREATED, MatchStatus.IN_PROGRESS)


class MatchedPlayer(NamedTuple):
    """A player as matched: the rating is that of the ticket."""

    id: PlayerId
    username: str
    rating: float
    waited_ms: int
    #: The ticket that became this match; "" in matches older than this field.
    ticket_id: TicketId = TicketId("")
    #: Rating points: how uncertain the rating is; 0 where the queue's rating model has none.
    deviation: float = 0.0


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a match is played: a server, in the generation that took it."""

    id: str
    generation: int
    host: str
    port: int
    region: str


@lru_cache(maxsize=1024)
def seat_json(seat: Seat) -> str:
    """The seat as JSON. The matches of a round share a few."""
    return json.dumps(asdict(seat))


@dataclass(frozen=True, slots=True)
class Match:
    """A match as claimed; it does not change. Its status is kept beside it."""

    id: MatchId
    queue: str
    #: The region that it was made for, or "".
    region: str
    teams: tuple[tuple[MatchedPlayer, ...], ...]
    server: Seat | None
    created_ms: int
    #: Milliseconds that its players have to accept it, from when history has it; 0 asks nobody.
    acceptance_ms: int = field(default=0, compare=False)

    @property
    def first_status(self) -> MatchStatus:
        return first_status(self.acceptance_ms)

    @property
    def players(self) -> list[MatchedPlayer]:
        return [player for team in self.teams for player in team]


def first_status(acceptance_ms: int) -> MatchStatus:
    """As what a match begins, by the time that its players have to accept it."""
    return MatchStatus.PENDING_ACCEPTANCE if acceptance_ms else MatchStatus.CREATED


class Entrant(NamedTuple):
    """A player and the mark of the ticket as a snapshot saw it: a claim takes this very ticket or none."""

    player_id: PlayerId
    mark: str


class Proposal(NamedTuple):
    """Tickets that the engine would put together, under the id that their match would get."""

    match_id: MatchId
    teams: tuple[tuple[Entrant, ...], ...]
    #: Where the match is to be played; None: the region that all its tickets name which name one.
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What became of a batch of proposals."""

    matches: list[Match]
    #: Proposals of which a ticket no longer waits, or which would part a party.
    taken: int = 0
    #: Proposals that the queue's rules refuse without a seat.
    without_seat: int = 0
    #: Whether history has them already: a store in PostgreSQL claims and records in one step.
    are_recorded: bool = False


class SeatProposal(NamedTuple):
    """Tickets that the engine would seat in one team of a running match, under the id that their claim would get."""

    claim_id: MatchId
    match_id: MatchId
    #: 1 is the first of the match.
    team: int
    entrants: tuple[Entrant, ...]


@dataclass(frozen=True, slots=True)
class Newcomers:
    """Players whose tickets are claimed for open seats in one team of a running match: all get in, or none."""

    claim_id: MatchId
    match_id: MatchId
    queue: str
    team: int
    players: tuple[MatchedPlayer, ...]


@dataclass(frozen=True, slots=True)
class SeatClaims:
    """Which proposals for open seats were claimed."""

    newcomers: list[Newcomers]
    #: Whether history has them already, as in `Claims`.
    are_recorded: bool = False


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A match claimed and not yet announced, or players claimed for one that runs (`newcomers`). Both are None where it
    cannot be read."""

    match_id: MatchId
    match: Match | None
    raw: str
    #: The epoch of its claim: history refuses it where the stores have been switched since.
    epoch: int
    newcomers: Newcomers | None = None
