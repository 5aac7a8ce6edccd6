"""The promise that every ticket store keeps. Times are milliseconds since the epoch, given by the caller.

Every method is one atomic step (or says otherwise), can be repeated, and raises `StoreUnavailable`
where the store cannot answer; an unavailable store is never an empty one.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from matchmaking.engine.tickets import WaitingTickets
from matchmaking.match import (
    Claims,
    Match,
    MatchedPlayer,
    MatchId,
    MatchStatus,
    Newcomers,
    OutboxEntry,
    PlayerId,
    Proposal,
    SeatClaims,
    SeatProposal,
    TicketId,
)
from matchmaking.recent import RecentMatches
from matchmaking.rules import QueueRules
from matchmaking.ticket import (
    BeingMatched,
    CalledOff,
    Elsewhere,
    Ended,
    Expired,
    JoinRequest,
    KeptTicket,
    Left,
    Matched,
    MemberBusy,
    NotInQueue,
    RatingMissing,
    TicketStatus,
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


class Change(StrEnum):
    """What `change_players` answers."""

    CHANGED = "CHANGED"
    UNKNOWN = "UNKNOWN"
    GIVEN_BACK = "GIVEN_BACK"


class TicketStore(Protocol):
    """Where tickets wait and become matches.

    A claimed match is *announced* once history has it: until then its players' status says that they wait. Where the
    rules ask for acceptance it is `pending_acceptance`, and by the store's word live; history says who has accepted.

    A ticket waits in one queue or in several; a claim in one takes it out of all. The members of a party have a row
    each, of the same ticket id: they join, leave, expire and are claimed together.
    """

    def join(
        self, request: JoinRequest, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | RatingMissing:
        """Add a ticket; `rules` are those of its first queue. A second join for the same queues, in any order, answers
        the same ticket, arrival time kept; a live match is answered instead; a ticket in other queues is `Elsewhere`.
        An ended match or expired ticket makes way."""
        ...

    def join_party(
        self, requests: Sequence[JoinRequest], party_id: str, rules: QueueRules, now_ms: int
    ) -> Waiting | MemberBusy | RatingMissing:
        """Add a ticket for all members of a party, or for none. Each brings its own name, region, ratings and traits;
        the queues and the ticket's id are those of the first request, whose place is answered. The same party with the
        same queues again is the same ticket."""
        ...

    def restore(
        self, kept: KeptTicket, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        """Put back a ticket that the store has lost, arrival time kept. Where the store knows a ticket or match
        of the player, or that this very ticket has ended, it answers that and changes nothing. Members of a party
        come back one by one; they are in no snapshot until all are there, and expire together if one stays away."""
        ...

    def status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        """What became of the player's ticket. Keeps a waiting one from expiring. Unknown: `NotInQueue`."""
        ...

    def leave(
        self, player_id: PlayerId, now_ms: int, *, request_key: str = ""
    ) -> Left | Matched | BeingMatched | NotInQueue:
        """Take the ticket out if it waits. Against a claim exactly one wins: `Left`, or `Matched`; between claim
        and announcement nobody knows yet: `BeingMatched`. The same `request_key` again answers the same `Left`.
        Takes the whole party out; the others' status then is `NotInQueue`."""
        ...

    def waited_in(self, queues: Sequence[str]) -> set[str]:
        """Those of these queues in which somebody waits, alone or in several. Not one instant."""
        ...

    def snapshot(self, queue: str, *, asked_since_ms: int = 0) -> WaitingTickets:
        """The tickets that wait, if their players have asked since, and parties only whole. Not one instant: `claim`
        checks each again. `parties` and `traits` are empty where no ticket has any."""
        ...

    def claim(self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int, *, epoch: int = 0) -> Claims:
        """Make proposals into matches, each whole or not at all: tickets out of all their queues, a seat taken as the
        rules' `placement` says (least loaded, the match's region first), match and outbox entry in, counted. Atomic per
        proposal. A proposal claimed twice is `taken` the second time, and so is one that would part a party or have
        its members in two teams. Proposals may differ in their numbers of teams and players."""
        ...

    def claim_seats(self, queue: str, proposals: Sequence[SeatProposal], now_ms: int, *, epoch: int = 0) -> SeatClaims:
        """Take tickets out of all their queues for open seats of running matches, with an outbox entry under the id of
        the claim: their players wait, by their status, until `change_players` names them, or `give_back`. Each
        proposal whole or not at all; one whose tickets do not all wait, or that would part a party, is left out."""
        ...

    def give_back(self, newcomers: Sequence[Newcomers], now_ms: int, *, gone: Collection[PlayerId] = ()) -> None:
        """Undo such claims, as `withdraw` does claims of matches. Those that are announced stay."""
        ...

    def change_players(
        self,
        match: Match,
        status: MatchStatus,
        *,
        left: Sequence[MatchedPlayer] = (),
        newcomers: Newcomers | None = None,
    ) -> Change:
        """The players of a match are now those of `match`: tickets claimed for `newcomers` are this match's, or end
        with it where `status` says that it is over; the tickets of `left` end without a word. Nothing is written where
        the match is live and not known, or where the claim was given back since."""
        ...

    def expire(self, rules: QueueRules, now_ms: int) -> list[TicketId]:
        """End tickets that nobody asked for within the rules' lifetime, some hundred a call. In several queues the
        shortest lifetime counts: what a queue promises of who waits in it holds for all. A party expires whole, with
        its first silent member."""
        ...

    def outbox(self, limit: int) -> list[OutboxEntry]:
        """Some matches that are not announced. A match may be listed though history has it already."""
        ...

    def acknowledge(self, written: Sequence[MatchId], *, dead: Sequence[OutboxEntry] = ()) -> None:
        """History has these matches: announce them. Lay `dead` entries aside for an operator."""
        ...

    def withdraw(self, matches: Sequence[Match], now_ms: int, *, gone: Collection[PlayerId] = ()) -> None:
        """Undo claims that are not announced: seats are free, tickets wait again with their arrival times, as if
        asked for now: it was not their players who were silent.
        The tickets of `gone`, players who are matched elsewhere, end without a word, and the rest of their parties is
        as if they had left. Announced ones stay."""
        ...

    def enter(self, matches: Sequence[Matched]) -> None:
        """Make announced live matches known that the store has lost or never had: their players are matched,
        whatever tickets they hold, their seats taken. Those it knows stay as they are. The rest of a party
        that such a ticket was of is as if it had left."""
        ...

    def drop(self, player_ids: Sequence[PlayerId]) -> None:
        """Waiting tickets of these players end without a word: they ended in the other store, which names every
        member of a party."""
        ...

    def tickets_of(self, matches: Sequence[Match]) -> dict[PlayerId, KeptTicket]:
        """The whole tickets that these claimed matches are made of, by player, as long as the store has them."""
        ...

    def confirm(self, matches: Sequence[Match]) -> None:
        """All players of these matches have accepted: they are `created`. Others stay as they are."""
        ...

    def call_off(self, called_off: CalledOff) -> None:
        """A match was not accepted: it is over, its seat free and not counted; some tickets wait again in all their
        queues, arrival time kept, the others have ended with it. Once, whatever is repeated; a ticket that is not
        this match's any more stays as it is."""
        ...

    def start(self, matches: Sequence[Match]) -> None:
        """Mark live matches as in progress, for their players too. Ended ones stay as they are, and so do those that
        wait for acceptance."""
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

    def recent(self, queue: str, limit: int) -> RecentMatches:
        """The last matches of a queue, `limit` at most and not more than the last 1,000. Newest first."""
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


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A ticket of the store that stood in, and what became of it there."""

    kept: KeptTicket
    status: TicketStatus
    #: Of one that was left: the request that did it, and how long it had waited.
    left_by: str = ""
    waited_ms: int = 0


class VolatileStore(TicketStore, Protocol):
    """A ticket store that can lose what it held: wiped, restarted without its data, or rolled back."""

    def incarnation(self) -> str:
        """A word for the server and the data in it; another one after a restart, a failover or a wipe."""
        ...

    def mark(self, word: str) -> str:
        """Mark the data as holding what it should. Answers the incarnation from now on."""
        ...

    def note_ended(self, ended: Sequence[LeftBehind]) -> None:
        """Tickets that were left or expired in the other store have ended for this one too: none is put back, and the
        request that left one again gets the same answer."""
        ...

    def drop_played(self, tickets: Sequence[tuple[PlayerId, TicketId]]) -> None:
        """Those of these tickets that wait end without a word: they became matches that are over, which the store has
        lost. Any other ticket of their players stays."""
        ...

    def live(self) -> Iterator[list[MatchId]]:
        """Ids of all matches that it takes for live, announced or not, page by page; some may come twice."""
        ...


class StandIn(TicketStore, Protocol):
    """A ticket store that takes another's place while that is away."""

    def left_behind(self, limit: int) -> list[LeftBehind]:
        """Tickets that it held in the other's place, waiting and ended ones, some hundred a call."""
        ...

    def cleared(self, player_ids: Sequence[PlayerId]) -> None:
        """The other store has these tickets now: forget them."""
        ...
