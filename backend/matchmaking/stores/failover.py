"""Tickets in the first store while it answers, and in the one that stands in for it while it does not.

Only `StoreUnavailable` falls over; what a store says of a ticket is said. Rounds, expiry and the outbox belong to each
store itself: whoever runs them names the store; here they go to whichever is in charge.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TypeVar

from datastore.link import Link
from errors import NotInCharge, StoreLost, StoreUnavailable
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
from matchmaking.stores.port import Change, QueueCounts, RoundTurn, TicketStore
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
    Waiting,
)

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class FailoverTicketStore:
    """Keeps `TicketStore`'s promise as long as one of its two stores does."""

    def __init__(self, first: TicketStore, stand_in: TicketStore, link: Link) -> None:
        self._first = first
        self._stand_in = stand_in
        self._link = link

    def _ask(self, player: str, call: Callable[[TicketStore], Answer]) -> Answer:
        """The first store's answer, or the stand-in's. A call that arrives while the charge changes is asked twice."""
        for _ in range(2):
            if self._link.prefers_first():
                try:
                    return call(self._first)
                except StoreLost:
                    raise  # it answers: what it has lost is brought back in a moment
                except StoreUnavailable as error:
                    self._link.failed(error)
            if player:
                logger.warning("⚠️ Using PostgreSQL fallback for %s", player)
            try:
                return call(self._stand_in)
            except NotInCharge:
                self._link.look()
        raise StoreUnavailable("redis", "the stores are being switched")

    # --- the player's calls ---------------------------------------------------------------------------

    def join(
        self, request: JoinRequest, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | RatingMissing:
        return self._ask(request.username, lambda store: store.join(request, rules, now_ms))

    def join_party(
        self, requests: Sequence[JoinRequest], party_id: str, rules: QueueRules, now_ms: int
    ) -> Waiting | MemberBusy | RatingMissing:
        return self._ask(requests[0].username, lambda store: store.join_party(requests, party_id, rules, now_ms))

    def restore(
        self, kept: KeptTicket, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        return self._ask(kept.username, lambda store: store.restore(kept, rules, now_ms))

    def status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        return self._ask("", lambda store: store.status(player_id, now_ms))

    def leave(
        self, player_id: PlayerId, now_ms: int, *, request_key: str = ""
    ) -> Left | Matched | BeingMatched | NotInQueue:
        return self._ask(player_id, lambda store: store.leave(player_id, now_ms, request_key=request_key))

    # --- the match's life -----------------------------------------------------------------------------

    def enter(self, matches: Sequence[Matched]) -> None:
        self._ask("", lambda store: store.enter(matches))

    def start(self, matches: Sequence[Match]) -> None:
        self._ask("", lambda store: store.start(matches))

    def end(self, match: Match, how: MatchStatus) -> None:
        """Told to both. `StoreUnavailable` where the first one was not told, so that it is told again: coming home may
        have looked at history a moment before the match ended."""
        self._stand_in.end(match, how)
        if not self._link.prefers_first():
            raise StoreUnavailable("redis", "it is told when it is in charge again")
        self._first.end(match, how)

    def change_players(
        self,
        match: Match,
        status: MatchStatus,
        *,
        left: Sequence[MatchedPlayer] = (),
        newcomers: Newcomers | None = None,
    ) -> Change:
        """Told to both, for the reason of `end`."""
        self._stand_in.change_players(match, status, left=left, newcomers=newcomers)
        if not self._link.prefers_first():
            raise StoreUnavailable("redis", "it is told when it is in charge again")
        return self._first.change_players(match, status, left=left, newcomers=newcomers)

    def tickets_of(self, matches: Sequence[Match]) -> dict[PlayerId, KeptTicket]:
        return self._ask("", lambda store: store.tickets_of(matches))

    def confirm(self, matches: Sequence[Match]) -> None:
        """Told to both, as an end is."""
        self._stand_in.confirm(matches)
        if not self._link.prefers_first():
            raise StoreUnavailable("redis", "it is told when it is in charge again")
        self._first.confirm(matches)

    def call_off(self, called_off: CalledOff) -> None:
        """Tickets wait again in the store that is in charge, as PostgreSQL says in the same step; coming home brings
        them along. Those of PostgreSQL's own queues wait there: a recovery may have made their match known here."""
        try:
            self._stand_in.call_off(called_off)
        except NotInCharge:
            self._first.call_off(called_off)
            return
        if called_off.back and not any(called_off.back.values()):
            with suppress(StoreUnavailable):
                self._first.call_off(called_off)

    def find_matches(self, match_ids: Sequence[MatchId]) -> list[Matched]:
        return self._ask("", lambda store: store.find_matches(match_ids))

    # --- figures --------------------------------------------------------------------------------------

    def counts(self, queue: str, bands: Sequence[tuple[float, float]]) -> QueueCounts:
        return self._ask("", lambda store: store.counts(queue, bands))

    def recent(self, queue: str, limit: int) -> RecentMatches:
        return self._ask("", lambda store: store.recent(queue, limit))

    def online(self) -> int:
        return self._ask("", lambda store: store.online())

    # --- rounds and reaping: whichever store is in charge ------------------------------------------------

    def waited_in(self, queues: Sequence[str]) -> set[str]:
        return self._ask("", lambda store: store.waited_in(queues))

    def snapshot(self, queue: str, *, asked_since_ms: int = 0) -> WaitingTickets:
        return self._ask("", lambda store: store.snapshot(queue, asked_since_ms=asked_since_ms))

    def claim(self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int, *, epoch: int = 0) -> Claims:
        return self._ask("", lambda store: store.claim(rules, proposals, now_ms, epoch=epoch))

    def claim_seats(self, queue: str, proposals: Sequence[SeatProposal], now_ms: int, *, epoch: int = 0) -> SeatClaims:
        return self._ask("", lambda store: store.claim_seats(queue, proposals, now_ms, epoch=epoch))

    def give_back(self, newcomers: Sequence[Newcomers], now_ms: int, *, gone: Collection[PlayerId] = ()) -> None:
        self._ask("", lambda store: store.give_back(newcomers, now_ms, gone=gone))

    def expire(self, rules: QueueRules, now_ms: int) -> list[TicketId]:
        return self._ask("", lambda store: store.expire(rules, now_ms))

    def outbox(self, limit: int) -> list[OutboxEntry]:
        return self._ask("", lambda store: store.outbox(limit))

    def acknowledge(self, written: Sequence[MatchId], *, dead: Sequence[OutboxEntry] = ()) -> None:
        self._ask("", lambda store: store.acknowledge(written, dead=dead))

    def withdraw(self, matches: Sequence[Match], now_ms: int, *, gone: Collection[PlayerId] = ()) -> None:
        self._ask("", lambda store: store.withdraw(matches, now_ms, gone=gone))

    def drop(self, player_ids: Sequence[PlayerId]) -> None:
        self._ask("", lambda store: store.drop(player_ids))

    def begin_round(self, queue: str, token: str, now_ms: int) -> bool:
        return self._ask("", lambda store: store.begin_round(queue, token, now_ms))

    def finish_round(self, queue: str, token: str, now_ms: int, *, may_run_again: bool) -> RoundTurn:
        return self._ask("", lambda store: store.finish_round(queue, token, now_ms, may_run_again=may_run_again))

    def prune_online(self, now_ms: int) -> int:
        return self._ask("", lambda store: store.prune_online(now_ms))
