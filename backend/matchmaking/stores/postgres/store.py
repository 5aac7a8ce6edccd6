"""Tickets in PostgreSQL: each step one statement or one transaction (see `statements.py`).

A claim writes history itself, so a match is announced in the step that makes it, and there is no outbox.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from django.db import IntegrityError

from datastore import keys as lifetimes
from datastore.batches import in_batches
from datastore.postgres import Crossed, execute, fetch_all, fetch_one, one_transaction
from errors import NotInCharge
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.match import Claims, Match, MatchId, MatchStatus, OutboxEntry, PlayerId, Proposal, TicketId
from matchmaking.rules import QueueRules, Rules
from matchmaking.stores.port import LeftBehind, QueueCounts, RoundTurn
from matchmaking.stores.postgres import statements as sql
from matchmaking.stores.postgres.claims import ROUNDS_SLOT, ClaimBatch, insert_missing_matches
from matchmaking.stores.postgres.rows import Ticket, a_ticket, matches_of
from matchmaking.ticket import (
    BeingMatched,
    Elsewhere,
    Ended,
    Expired,
    JoinRequest,
    KeptTicket,
    Left,
    Matched,
    NotInQueue,
    RatingMissing,
    TicketStatus,
    Waiting,
)

Answer = TypeVar("Answer")

#: Proposals a transaction. More hold tickets and servers for longer than 0.1 s, fewer cost round trips.
CLAIM_BATCH = 500
#: Tickets that one call ends.
EXPIRE_BATCH = 500
#: Times that a step is begun again because another call of the same player came between; two are rare.
TRIES = 20
#: Milliseconds. A lease outlives any round; that of a killed process blocks its queue for so long.
ROUND_LEASE_MS = 5_000
#: Milliseconds. How long status tells what became of a ticket that was left or expired.
LAST_WORD_MS = lifetimes.LAST_WORD_LIFETIME_MS


class PostgresTicketStore:
    """Keeps `TicketStore`'s promise. Safe for threads: each has its own connection.

    `stands_in`: this is the store that serves the queues of Redis while Redis is away. Its tickets are marked, and
    every call that reads or writes them raises `NotInCharge` unless the row of `Charge` says that PostgreSQL has taken
    over, looked at in the same transaction. Without, it serves PostgreSQL's own queues. Neither matches a ticket of
    the other, and a player who waits there is `Elsewhere`.

    `seats`: matches take seats on servers of the PostgreSQL pool. Without, it is as if no server were registered.
    """

    def __init__(self, rules: Rules, *, stands_in: bool, seats: bool) -> None:
        self._rules = rules
        self._stands_in = stands_in
        self._seats = seats

    # --- the player's calls ---------------------------------------------------------------------------

    def join(
        self, request: JoinRequest, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | RatingMissing:
        asked = KeptTicket(
            request.ticket_id, request.player_id, request.username, rules.name, request.region, 0.0, now_ms
        )
        return _until_settled(lambda: self._join(asked, request.rating, now_ms))

    def _join(
        self, asked: KeptTicket, rating: float | None, now_ms: int
    ) -> Waiting | Matched | Elsewhere | RatingMissing:
        who = {"player": asked.player_id, "now": now_ms}
        with self._in_charge():
            ticket, live = self._look(asked.player_id)
            if live:
                execute(sql.SEEN_ONLINE, who)
                return live
            if ticket and ticket.is_waiting:
                if ticket.queue != asked.queue or ticket.is_fallback != self._stands_in:
                    return Elsewhere(queue=ticket.queue)
                execute(sql.SEE_TICKET, who)
                execute(sql.SEEN_ONLINE, who)
                is_new = False
            else:
                known = fetch_one(sql.FIND_RATING, {"player": asked.player_id, "queue": asked.queue})
                found = known[0] if known else rating
                if found is None:
                    return RatingMissing()
                made = replace(asked, rating=found)
                self._put(made, over=ticket, now_ms=now_ms, counts=True)
                ticket, is_new = _as_waiting(made, self._stands_in, now_ms), True
        return self._in_line(ticket, is_new=is_new)

    def restore(
        self, kept: KeptTicket, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        asked = replace(kept, queue=rules.name)
        return _until_settled(lambda: self._restore(asked, now_ms))

    def _restore(self, kept: KeptTicket, now_ms: int) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        with self._in_charge():
            ticket, live = self._look(kept.player_id)
            if live:
                execute(sql.SEEN_ONLINE, {"player": kept.player_id, "now": now_ms})
                return live
            if ticket and ticket.is_waiting and ticket.is_fallback != self._stands_in:
                return Elsewhere(queue=ticket.queue)
            if ticket and (ticket.is_waiting or ticket.id == kept.id):
                return self.status(kept.player_id, now_ms)
            became = fetch_one(sql.FIND_MATCH_OF_TICKET, {"player": kept.player_id, "ticket": kept.id})
            if became:
                return Ended(match_id=MatchId(became[0]), status=MatchStatus(became[1]))
            self._put(kept, over=ticket, now_ms=now_ms, counts=False)
        return self._in_line(_as_waiting(kept, self._stands_in, now_ms), is_new=True)

    def status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        return _until_settled(lambda: self._status(player_id, now_ms))

    def _status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        asked = fetch_one(sql.ASK, {"player": player_id, "now": now_ms, "stands_in": self._stands_in})
        assert asked is not None  # noqa: S101 - the statement always has one row
        is_held, ticket_id, *seen = asked
        if not is_held:
            raise NotInCharge
        if ticket_id is not None:
            queue, rating, joined_ms, region, size, rating_sum, ahead = seen
            return Waiting(ticket_id, queue, rating, joined_ms, ahead + 1, size, rating_sum, region)
        if live := self._live_match(player_id):
            return live
        row = fetch_one(sql.READ_TICKET, {"player": player_id})
        ticket = a_ticket(row) if row else None
        if ticket is None or ticket.is_fallback != self._stands_in or ticket.status is TicketStatus.LEFT:
            return NotInQueue()
        if ticket.is_waiting:
            raise _LookAgain  # it joined since the first statement
        if ticket.status is TicketStatus.EXPIRED:
            return Expired(queue=ticket.queue)
        return self._ended(ticket)

    def _ended(self, ticket: Ticket) -> Ended | NotInQueue:
        row = fetch_one(sql.FIND_MATCH_STATUS, {"match": ticket.match_id})
        if row is None:
            return NotInQueue()
        status = MatchStatus(row[0])
        if status.is_live:
            raise _LookAgain  # it was matched since the second
        return Ended(match_id=MatchId(str(ticket.match_id)), status=status)

    def leave(
        self, player_id: PlayerId, now_ms: int, *, request_key: str = ""
    ) -> Left | Matched | BeingMatched | NotInQueue:
        with self._in_charge():
            ticket, live = self._look(player_id)
            if live:
                return live
            if ticket is None or ticket.is_fallback != self._stands_in:
                return NotInQueue()
            if ticket.status is TicketStatus.LEFT and request_key and ticket.left_by == request_key:
                return Left(ticket.queue, ticket.id, ticket.waited_ms(ticket.changed_ms))
            if not ticket.is_waiting:
                return NotInQueue()
            who = {"player": player_id, "slot": _slot(player_id), "stands_in": self._stands_in}
            execute(sql.LEAVE, {**who, "now": now_ms, "request_key": request_key})
            return Left(ticket.queue, ticket.id, ticket.waited_ms(now_ms))

    @contextmanager
    def _in_charge(self) -> Iterator[None]:
        """One transaction, all of it while this store is in charge."""
        with one_transaction():
            if self._stands_in and not (fetch_one(sql.LOCK_CHARGE, {}) or (False,))[0]:
                raise NotInCharge
            yield

    def _look(self, player_id: PlayerId) -> tuple[Ticket | None, Matched | None]:
        """The player's ticket, locked first, so that no claim comes between it and the look at matches."""
        row = fetch_one(sql.LOCK_TICKET, {"player": player_id})
        live = self._live_match(player_id)
        if live and row:  # a match of the other store: the ticket here may come to nothing
            execute(sql.DELETE_TICKETS, {"players": [player_id], "stands_in": self._stands_in})
        return a_ticket(row) if row else None, live

    @staticmethod
    def _live_match(player_id: PlayerId) -> Matched | None:
        return next(iter(matches_of(fetch_all(sql.FIND_LIVE_MATCH, {"player": player_id}))), None)

    def _put(self, made: KeptTicket, *, over: Ticket | None, now_ms: int, counts: bool) -> None:
        new = {
            "player": made.player_id,
            "ticket": made.id,
            "username": made.username,
            "queue": made.queue,
            "region": made.region,
            "rating": made.rating,
            "joined_ms": made.joined_ms,
            "now": now_ms,
            "stands_in": self._stands_in,
            "over": over.id if over else None,
            "slot": _slot(made.player_id),
            "counts": counts,
        }
        if fetch_one(sql.PUT_TICKET, new) is None:
            raise _LookAgain  # the player got another ticket meanwhile

    def _in_line(self, ticket: Ticket, *, is_new: bool) -> Waiting:
        """The ticket's place in the line, after its transaction."""
        line = {
            "player": ticket.player_id,
            "joined_ms": ticket.joined_ms,
            "queue": ticket.queue,
            "stands_in": self._stands_in,
            "is_new": is_new,
            "nudge_ms": lifetimes.NUDGE_LIFETIME_MS,
        }
        size, rating_sum, ahead, is_first, is_known = _row(fetch_one(sql.STAND_IN_LINE, line))
        if not is_known and is_new:
            execute(sql.MAKE_QUEUE_STATE, line)
            size, rating_sum, ahead, is_first, _ = _row(fetch_one(sql.STAND_IN_LINE, line))
        return Waiting(
            ticket_id=ticket.id,
            queue=ticket.queue,
            rating=ticket.rating,
            joined_ms=ticket.joined_ms,
            position=ahead + 1,
            size=size,
            rating_sum=rating_sum,
            region=ticket.region,
            is_new=is_new,
            wants_round=is_first,
        )

    # --- the round ------------------------------------------------------------------------------------

    def begin_round(self, queue: str, token: str, now_ms: int) -> bool:
        """One round of a queue at a time, over all processes: a row that says who, and until when."""
        turn = {**self._line(queue), "token": token, "lease_ms": ROUND_LEASE_MS, "now": now_ms}
        if execute(sql.BEGIN_ROUND, turn):
            return True
        return bool(execute(sql.MAKE_QUEUE_STATE, turn)) and bool(execute(sql.BEGIN_ROUND, turn))

    def finish_round(self, queue: str, token: str, now_ms: int, *, may_run_again: bool) -> RoundTurn:
        turn = {**self._line(queue), "token": token, "lease_ms": ROUND_LEASE_MS, "now": now_ms}
        row = fetch_one(sql.FINISH_ROUND, {**turn, "may_run_again": may_run_again})
        if row is None:
            return RoundTurn.LOST
        return RoundTurn.AGAIN if row[0] else RoundTurn.DONE

    def snapshot(self, queue: str, *, asked_since_ms: int = 0) -> WaitingTickets:
        rows = fetch_all(sql.SNAPSHOT, {**self._line(queue), "asked_since_ms": asked_since_ms})
        players, marks, ratings, joined_ms = zip(*rows, strict=True) if rows else ((), (), (), ())
        return WaitingTickets(
            player_ids=list(players),
            ratings=np.array(ratings, dtype=np.float64),
            joined_ms=np.array(joined_ms, dtype=np.int64),
            marks=list(marks),
        )

    def claim(self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int, *, epoch: int = 0) -> Claims:
        """Atomic per batch, and so per proposal. `epoch` tells nothing here: that this store is in charge is looked
        at in the transaction that writes history."""
        batch = ClaimBatch(rules, self._stands_in, self._seats, now_ms)
        matches: list[Match] = []
        taken = without_seat = 0
        for some in in_batches(proposals, CLAIM_BATCH):
            for claims in self._claim_batch(batch, some):
                matches += claims.matches
                taken += claims.taken
                without_seat += claims.without_seat
        return Claims(matches, taken, without_seat, are_recorded=True)

    def _claim_batch(self, batch: ClaimBatch, proposals: Sequence[Proposal]) -> list[Claims]:
        """All at once; where the other store's writes come between, once more; then one by one, so that none holds up
        another."""
        for _ in range(2):
            if claims := self._try_claim(batch, proposals):
                return [claims]
        return [self._try_claim(batch, [proposal]) or Claims([], taken=1, are_recorded=True) for proposal in proposals]

    def _try_claim(self, batch: ClaimBatch, proposals: Sequence[Proposal]) -> Claims | None:
        """None where nothing was done, because the other store has matched a player, or was writing that at once."""
        try:
            with self._in_charge():
                return batch.claim(proposals)
        except Crossed:
            return None
        except IntegrityError:
            players = [entrant.player_id for proposal in proposals for team in proposal.teams for entrant in team]
            execute(sql.DELETE_TICKETS_OF_LIVE, {"players": players, "stands_in": self._stands_in})
            return None

    def outbox(self, limit: int) -> list[OutboxEntry]:
        """Nothing: a claim is history at once."""
        return []

    def acknowledge(self, written: Sequence[MatchId], *, dead: Sequence[OutboxEntry] = ()) -> None:
        """Nothing to do: matches are announced by the claim that made them."""

    def withdraw(self, matches: Sequence[Match], now_ms: int, *, gone: Collection[PlayerId] = ()) -> None:
        """Nothing to undo: announced matches stay, and there are no others."""

    # --- matches, and tickets that the other store decides about ----------------------------------------

    def enter(self, matches: Sequence[Matched]) -> None:
        """Whatever tickets the players of these matches hold here, they are matched. A match that history does not
        have is written there; its players' seats follow from it."""
        with one_transaction():
            for status in (MatchStatus.CREATED, MatchStatus.IN_PROGRESS):
                if of_status := [matched.match for matched in matches if matched.status is status]:
                    insert_missing_matches(of_status, status)
            execute(sql.ENTER_TICKETS, {**self._line(""), "matches": [matched.match.id for matched in matches]})

    def drop(self, player_ids: Sequence[PlayerId]) -> None:
        execute(sql.DELETE_TICKETS, {"players": list(player_ids), "stands_in": self._stands_in})

    def start(self, matches: Sequence[Match]) -> None:
        execute(sql.START_MATCHES, {"matches": [match.id for match in matches]})

    def end(self, match: Match, how: MatchStatus) -> None:
        """The first end of a match stands. Its seat is free with it: a server's games are its live matches."""
        execute(sql.END_MATCH, {"match": match.id, "how": how.value})

    def find_matches(self, match_ids: Sequence[MatchId]) -> list[Matched]:
        if not match_ids:
            return []
        found = matches_of(fetch_all(sql.FIND_LIVE_MATCHES, {"matches": list(match_ids)}))
        by_id = {matched.match.id: matched for matched in found}
        return [by_id[match_id] for match_id in match_ids if match_id in by_id]

    # --- the clock's calls ----------------------------------------------------------------------------

    def expire(self, rules: QueueRules, now_ms: int) -> list[TicketId]:
        before_ms = now_ms - rules.ticket_ttl_ms
        bounds = {"before_ms": before_ms, "now": now_ms, "limit": EXPIRE_BATCH, "slot": ROUNDS_SLOT}
        with self._in_charge():
            rows = fetch_all(sql.EXPIRE, {**self._line(rules.name), **bounds})
        return [TicketId(ticket) for (ticket,) in rows]

    def prune_online(self, now_ms: int) -> int:
        """Also purges tickets that ended so long ago that nobody asks what became of them."""
        told_ms = now_ms - LAST_WORD_MS
        over_ms = told_ms - max(rules.match_ttl_ms for rules in self._rules.known.values())
        for statuses, before_ms in ((["left", "expired"], told_ms), (["matched"], over_ms)):
            ended = {"statuses": statuses, "before_ms": before_ms, "stands_in": self._stands_in}
            execute(sql.PURGE_ENDED, ended)
        stray = {"queues": list(self._rules.queues), "before_ms": told_ms, "stands_in": self._stands_in}
        execute(sql.PURGE_STRAY, stray)
        return execute(sql.PRUNE_ONLINE, {"before_ms": now_ms - lifetimes.ONLINE_LIFETIME_MS})

    # --- figures --------------------------------------------------------------------------------------

    def counts(self, queue: str, bands: Sequence[tuple[float, float]]) -> QueueCounts:
        line = self._line(queue)
        ratings = np.array([rating for (rating,) in fetch_all(sql.RATINGS, line)], dtype=np.float64)
        joins, leaves, matches, expired, last_round_ms = _row(fetch_one(sql.COUNTS, line))
        waits = fetch_all(sql.RECENT_WAITS, {**line, "limit": lifetimes.RECENT_WAITS_KEPT})
        return QueueCounts(
            current_size=len(ratings),
            rating_sum=float(ratings.sum()),
            total_joins=joins,
            total_leaves=leaves,
            total_matches=matches,
            total_expired=expired,
            recent_waits_ms=[wait for (wait,) in waits],
            per_band=[int(((ratings >= least) & (ratings < below)).sum()) for least, below in bands],
            last_round_ms=last_round_ms,
        )

    def online(self) -> int:
        return int(_row(fetch_one(sql.COUNT_ONLINE, {}))[0])

    def _line(self, queue: str) -> dict[str, Any]:
        return {"queue": queue, "stands_in": self._stands_in}

    # --- coming home: beyond the port -------------------------------------------------------------------

    def left_behind(self, limit: int) -> list[LeftBehind]:
        """Tickets that stood in for Redis, whoever is in charge, who waited longest first. The caller holds the row
        of `Charge` FOR UPDATE, so that none comes or goes meanwhile."""
        tickets = map(a_ticket, fetch_all(sql.LEFT_BEHIND, {"limit": limit}))
        return [
            LeftBehind(ticket.kept(), ticket.status, ticket.left_by, ticket.waited_ms(ticket.changed_ms))
            for ticket in tickets
        ]

    def cleared(self, player_ids: Sequence[PlayerId]) -> None:
        """These tickets have gone home: forget them here. Repeating it changes nothing."""
        execute(sql.CLEARED, {"players": list(player_ids)})


class _LookAgain(Exception):
    """Another call of the same player came between two statements of a step; nothing was written."""


def _until_settled(step: Callable[[], Answer]) -> Answer:
    for _ in range(TRIES):
        try:
            return step()
        except _LookAgain:
            continue
    raise Crossed("postgresql", "too many calls of one player at once")


def _as_waiting(kept: KeptTicket, stands_in: bool, now_ms: int) -> Ticket:
    return Ticket(
        player_id=kept.player_id,
        id=kept.id,
        username=kept.username,
        queue=kept.queue,
        region=kept.region,
        rating=kept.rating,
        joined_ms=kept.joined_ms,
        status=TicketStatus.WAITING,
        changed_ms=now_ms,
        match_id=None,
        left_by="",
        is_fallback=stands_in,
    )


def _slot(player_id: PlayerId) -> int:
    """Which row of `QueueCount` a player's calls count in."""
    return int(player_id[-1], 16)


def _row(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    assert row is not None  # noqa: S101 - statements with an aggregate always have one row
    return row
