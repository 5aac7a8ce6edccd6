"""The queues of PostgreSQL beside those of Redis: a player holds one ticket over both.

Who joins here is held there: while the ticket waits, a join in Redis answers that the player waits elsewhere. Where
Redis does not answer, nobody can join there either; and whatever both stores do at the same moment, history takes one
live match of a player.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from errors import StoreUnavailable
from matchmaking.match import Match, MatchedPlayer, MatchStatus, Newcomers, PlayerId
from matchmaking.rules import QueueRules, Rules
from matchmaking.stores.port import Change
from matchmaking.stores.postgres.store import PostgresTicketStore
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

#: Milliseconds beyond a ticket's own life for which its player is held.
_GRACE_MS = 5_000


class Holder(Protocol):
    """The other store."""

    def hold(self, player_id: PlayerId, queue: str, lifetime_ms: int) -> Matched | Elsewhere | None:
        """No ticket there for this player; or the live match or waiting ticket there is."""
        ...

    def let_go(self, *player_ids: PlayerId) -> None:
        """The players may join there again."""
        ...

    def start(self, matches: Sequence[Match]) -> None:
        """As `TicketStore.start`."""
        ...

    def confirm(self, matches: Sequence[Match]) -> None:
        """As `TicketStore.confirm`."""
        ...

    def call_off(self, called_off: CalledOff) -> None:
        """As `TicketStore.call_off`; lets its players go."""
        ...

    def end(self, match: Match, how: MatchStatus) -> None:
        """As `TicketStore.end`; lets its players go."""
        ...

    def change_players(
        self,
        match: Match,
        status: MatchStatus,
        *,
        left: Sequence[MatchedPlayer] = (),
        newcomers: Newcomers | None = None,
    ) -> Change:
        """As `TicketStore.change_players`; lets those who left go."""
        ...


class PostgresBesideRedis(PostgresTicketStore):
    """PostgreSQL's own queues, whose players are held in Redis while they wait."""

    def __init__(self, rules: Rules, *, seats: bool, other: Holder) -> None:
        super().__init__(rules, stands_in=False, seats=seats)
        self._other = other

    def join(
        self, request: JoinRequest, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | RatingMissing:
        held = self._hold(request.player_id, request.queues)
        return held if held is not None else super().join(request, rules, now_ms)

    def join_party(
        self, requests: Sequence[JoinRequest], party_id: str, rules: QueueRules, now_ms: int
    ) -> Waiting | MemberBusy | RatingMissing:
        for place, request in enumerate(requests):
            held = self._hold(request.player_id, requests[0].queues)
            if held is not None:
                self._let_go(*(earlier.player_id for earlier in requests[:place]))
                return MemberBusy(request.player_id, held)
        outcome = super().join_party(requests, party_id, rules, now_ms)
        if isinstance(outcome, MemberBusy):
            free = (request.player_id for request in requests if request.player_id != outcome.player_id)
            self._let_go(*free)
        return outcome

    def restore(
        self, kept: KeptTicket, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        held = self._hold(kept.player_id, kept.queues)
        return held if held is not None else super().restore(kept, rules, now_ms)

    def status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        outcome = super().status(player_id, now_ms)
        if isinstance(outcome, Waiting) and any(queue in self._rules.known for queue in outcome.queues):
            self._hold(player_id, outcome.queues)
        elif not isinstance(outcome, Matched):
            self._let_go(player_id)
        return outcome

    def leave(
        self, player_id: PlayerId, now_ms: int, *, request_key: str = ""
    ) -> Left | Matched | BeingMatched | NotInQueue:
        outcome = super().leave(player_id, now_ms, request_key=request_key)
        if isinstance(outcome, Left):
            self._let_go(player_id, *outcome.others)
        return outcome

    def start(self, matches: Sequence[Match]) -> None:
        super().start(matches)
        try:
            self._other.start(matches)
        except StoreUnavailable:
            return  # a status that lags behind until the match ends

    def confirm(self, matches: Sequence[Match]) -> None:
        super().confirm(matches)
        with suppress(StoreUnavailable):  # a status that lags behind, until the player asks
            self._other.confirm(matches)

    def call_off(self, called_off: CalledOff) -> None:
        """Its tickets wait here again; where a recovery has made the match known there, they end there."""
        super().call_off(called_off)
        with suppress(StoreUnavailable):
            self._other.call_off(replace(called_off, back={}))

    def end(self, match: Match, how: MatchStatus) -> None:
        """Told to both, whichever made it; `StoreUnavailable` where it has to be told again."""
        super().end(match, how)
        self._other.end(match, how)

    def change_players(
        self,
        match: Match,
        status: MatchStatus,
        *,
        left: Sequence[MatchedPlayer] = (),
        newcomers: Newcomers | None = None,
    ) -> Change:
        """Told to both; `StoreUnavailable` where the other one has to be told again."""
        self._other.change_players(match, status, left=left)
        return super().change_players(match, status, left=left, newcomers=newcomers)

    def _hold(self, player_id: PlayerId, queues: Sequence[str]) -> Matched | Elsewhere | None:
        lifetime_ms = max(self._rules.known[queue].ticket_ttl_ms for queue in queues if queue in self._rules.known)
        try:
            return self._other.hold(player_id, f"postgres/{queues[0]}", lifetime_ms + _GRACE_MS)
        except StoreUnavailable as error:
            logger.warning("a player is not held in the other store: %s", error.reason, extra={"player": player_id})
            return None

    def _let_go(self, *player_ids: PlayerId) -> None:
        if not player_ids:
            return
        try:
            self._other.let_go(*player_ids)
        except StoreUnavailable:
            return  # it ends by itself
