"""The promise that every ticket store keeps. Times are milliseconds since the epoch, given by the caller.

Every method is one atomic step (or says otherwise), can be repeated, and raises `StoreUnavailable`
where the store cannot answer; an unavailable store is never an empty one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from matchmaking.engine.tickets import WaitingTickets
from matchmaking.match import Claims, Match, MatchId, MatchStatus, OutboxEntry, PlayerId, Proposal
from matchmaking.rules import QueueRules
from matchmaking.ticket import (
    Elsewhere,
    Ended,
    Expired,
    JoinRequest,
    Left,
    Matched,
    NotInQueue,
    RatingMissing,
    TicketId,
    Waiting,
)


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """What a queue has seen and holds. Counts since the store began; waits of recent matches, ms."""

    current_size: int
    rating_sum: float
    total_joins: int
    total_leaves: int
    total_matches: int
    total_expired: int
    recent_waits_ms: Sequence[int]
    #: Tickets per rating band, in the order of the bands asked for.
    per_band: Sequence[int]
    #: When the last round began, or None.
    last_round_ms: int | None


class RoundTurn(StrEnum):
    """What `finish_round` answers."""

    AGAIN = "AGAIN"
    DONE = "DONE"
    LOST = "LOST"


class TicketStore(Protocol):
    """Where tickets wait and become matches."""

    def join(
        self, request: JoinRequest, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | RatingMissing:
        """Add a ticket. A second join answers the same ticket, arrival time kept; a live match is answered
        instead; a ticket in another queue is `Elsewhere`. An ended match or expired ticket makes way."""
        ...

    def status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        """What became of the player's ticket. Keeps a waiting one from expiring. Unknown: `NotInQueue`."""
        ...

    def leave(self, player_id: PlayerId, now_ms: int) -> Left | Matched | NotInQueue:
        """Take the ticket out if it waits. Against a claim exactly one wins: `Left`, or `Matched`."""
        ...

    def snapshot(self, queue: str) -> WaitingTickets:
        """The tickets that wait. Read in pages, so not one instant; `claim` checks each again."""
        ...

    def claim(self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int) -> Claims:
        """Make proposals into matches, each whole or not at all: tickets out, a seat taken as the rules'
        `placement` says (least loaded, the players' region first), match and outbox entry in, counted.
        Atomic per proposal. A proposal claimed twice is `taken` the second time."""
        ...

    def expire(self, rules: QueueRules, now_ms: int) -> list[TicketId]:
        """End tickets that nobody asked for within the rules' lifetime, some hundred a call."""
        ...

    def outbox(self, limit: int) -> list[OutboxEntry]:
        """The oldest matches not yet acknowledged. A match may be listed though it is written already."""
        ...

    def acknowledge(self, written: Sequence[MatchId], *, dead: Sequence[OutboxEntry] = ()) -> None:
        """Drop from the outbox what is in PostgreSQL; lay `dead` entries aside for an operator."""
        ...

    def start(self, matches: Sequence[Match]) -> None:
        """Mark live matches as in progress, for their players too. Ended ones stay as they are."""
        ...

    def end(self, match: Match, how: MatchStatus) -> None:
        """Free the players and the seat of a match, once, whatever is repeated."""
        ...

    def find_matches(self, match_ids: Sequence[MatchId]) -> list[Matched]:
        """Live matches by id, with their status; those not known, or ended, are left out."""
        ...

    def counts(self, queue: str, bands: Sequence[tuple[float, float]]) -> QueueCounts:
        """Sizes and counters. `bands` are [least, below) rating bounds. Not one instant."""
        ...

    def begin_round(self, queue: str, token: str, now_ms: int) -> bool:
        """Take the queue's round lease. False while another round runs: it will run again if asked to."""
        ...

    def finish_round(self, queue: str, token: str, now_ms: int, *, may_run_again: bool) -> RoundTurn:
        """Give the lease back, or keep it (`AGAIN`) because a join asked for a round meanwhile."""
        ...

    def prune_online(self, now_ms: int) -> int:
        """Forget players who have not called for long. Answers how many."""
        ...

    def online(self) -> int:
        """Players who called within the last minutes."""
        ...
