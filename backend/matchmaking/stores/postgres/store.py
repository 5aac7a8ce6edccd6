"""Tickets in PostgreSQL: each step one statement or one transaction (see `statements.py`).

A claim writes history itself, so a match is announced in the step that makes it, and there is no outbox.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
from django.db import IntegrityError

from datastore import keys as lifetimes
from datastore.batches import in_batches
from datastore.postgres import Crossed, execute, fetch_all, fetch_one, one_transaction
from errors import NotInCharge
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.engine.traits import Traits, traits_text
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
from matchmaking.party import members_of, party_text
from matchmaking.recent import RecentMatches, RecentRow, gap_of, recent_columns
from matchmaking.rules import QueueRules, Rules
from matchmaking.stores.port import Change, LeftBehind, QueueCounts, RoundTurn
from matchmaking.stores.postgres import statements as sql
from matchmaking.stores.postgres.claims import ROUNDS_SLOT, ClaimBatch, insert_missing_matches
from matchmaking.stores.postgres.claims import claim_seats as claim_seats_of
from matchmaking.stores.postgres.rows import Ticket, a_ticket, matches_of
from matchmaking.stores.whole_parties import of_whole_parties
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

Answer = TypeVar("Answer")

#: Proposals a transaction. More hold tickets and servers for longer than 0.1 s, fewer cost round trips and commits.
CLAIM_BATCH = 1000
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
        return _until_settled(lambda: self._join(request, now_ms))

    def _join(self, request: JoinRequest, now_ms: int) -> Waiting | Matched | Elsewhere | RatingMissing:
        with self._in_charge():
            ticket, live = self._look(request.player_id)
            if live:
                execute(sql.SEEN_ONLINE, {"player": request.player_id, "now": now_ms})
                return live
            if ticket and ticket.is_waiting:
                if not self._is_this(ticket, request.queues):
                    return Elsewhere(queues=ticket.queues)
                self._see([request.player_id], now_ms)
                is_new = False
            else:
                known = self._known(request, request.queues)
                if known is None:
                    return RatingMissing()
                made = _kept(request, request.queues, known, now_ms)
                self._put(made, over=ticket, now_ms=now_ms, counts=True)
                ticket, is_new = _as_waiting(made, self._stands_in, now_ms), True
        return self._in_line(ticket, is_new=is_new)

    def join_party(
        self, requests: Sequence[JoinRequest], party_id: str, rules: QueueRules, now_ms: int
    ) -> Waiting | MemberBusy | RatingMissing:
        return _until_settled(lambda: self._join_party(requests, party_id, now_ms))

    def _join_party(
        self, requests: Sequence[JoinRequest], party_id: str, now_ms: int
    ) -> Waiting | MemberBusy | RatingMissing:
        queues, ticket_id = requests[0].queues, requests[0].ticket_id
        players = [request.player_id for request in requests]
        party = party_text(party_id, sorted(players))
        with self._in_charge():
            rows = map(a_ticket, fetch_all(sql.LOCK_TICKETS_OF, {"players": players}))
            tickets = {ticket.player_id: ticket for ticket in rows}
            waiting = [tickets[player] for player in players if player in tickets and tickets[player].is_waiting]
            made: list[KeptTicket] = []
            for request in requests:
                player = request.player_id
                if live := self._live_match(player):
                    return MemberBusy(player, live)
                ticket = tickets.get(player)
                if ticket and ticket.is_waiting:
                    if not self._is_this(ticket, queues, party):
                        return MemberBusy(player, Elsewhere(queues=ticket.queues))
                    continue
                known = self._known(request, queues)
                if known is None:
                    return RatingMissing()
                made.append(_kept(request, queues, known, now_ms, ticket_id=ticket_id, party=party))
            if waiting and made:
                return MemberBusy(waiting[0].player_id, Elsewhere(queues=waiting[0].queues))
            for one in sorted(made, key=lambda kept: kept.player_id):
                self._put(one, over=tickets.get(one.player_id), now_ms=now_ms, counts=True)
            self._see([ticket.player_id for ticket in waiting], now_ms)
        first = _as_waiting(made[0], self._stands_in, now_ms) if made else waiting[0]
        return self._in_line(first, is_new=bool(made))

    def _is_this(self, ticket: Ticket, queues: Sequence[str], party: str | None = None) -> bool:
        """Whether it is the ticket of a join for these queues, by its player alone or by this party."""
        is_here = ticket.is_fallback == self._stands_in
        return is_here and set(ticket.queues) == set(queues) and party in (None, ticket.party)

    @staticmethod
    def _see(players: Sequence[PlayerId], now_ms: int) -> None:
        execute(sql.SEE_TICKETS, {"players": list(players), "now": now_ms})
        for player in sorted(players):
            execute(sql.SEEN_ONLINE, {"player": player, "now": now_ms})

    @staticmethod
    def _known(request: JoinRequest, queues: Sequence[str]) -> tuple[tuple[float, ...], str] | None:
        """The known ratings, or those that the join brings, and the traits that the ticket gets: what the join says,
        how sure the first queue's rating is, whom the player has blocked. None where a rating is missing."""
        rows = fetch_all(sql.FIND_RATINGS, {"player": request.player_id, "queues": list(queues)})
        by_queue = {row[0]: row for row in rows}
        brought = zip(queues, request.brought(queues), strict=True)
        found = [by_queue[queue][1] if queue in by_queue else rating for queue, rating in brought]
        ratings = tuple(rating for rating in found if rating is not None)
        if len(ratings) < len(found):
            return None
        _, _, deviation, games, blocked = by_queue.get(queues[0], (queues[0], 0.0, None, 0, ()))
        known = traits_text(Traits(deviation=deviation or 0.0, games=games, blocked=frozenset(blocked)))
        return ratings, ";".join(filter(None, (request.traits, known)))

    def restore(
        self, kept: KeptTicket, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        return _until_settled(lambda: self._restore(kept, now_ms))

    def _restore(self, kept: KeptTicket, now_ms: int) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        with self._in_charge():
            ticket, live = self._look(kept.player_id)
            if live:
                execute(sql.SEEN_ONLINE, {"player": kept.player_id, "now": now_ms})
                return live
            if ticket and ticket.is_waiting and ticket.is_fallback != self._stands_in:
                return Elsewhere(queues=ticket.queues)
            if ticket and (ticket.is_waiting or ticket.id == kept.id):
                return self.status(kept.player_id, now_ms)
            became = fetch_one(sql.FIND_MATCH_OF_TICKET, {"player": kept.player_id, "ticket": kept.id})
            if became:
                status = MatchStatus(became[1])  # of a live match, the player has left it
                return NotInQueue() if status.is_live else Ended(match_id=MatchId(became[0]), status=status)
            if kept.party and self._is_parted(kept):
                return NotInQueue()
            self._put(kept, over=ticket, now_ms=now_ms, counts=False)
        return self._in_line(_as_waiting(kept, self._stands_in, now_ms), is_new=True)

    def _is_parted(self, kept: KeptTicket) -> bool:
        """Whether another member of its party waits with another ticket, or is in a match."""
        others = [member for member in members_of(kept.party) if member != kept.player_id]
        return bool(fetch_all(sql.FIND_PARTED, {"players": others, "ticket": kept.id}))

    def status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        return _until_settled(lambda: self._status(player_id, now_ms))

    def _status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        asked = fetch_one(sql.ASK, {"player": player_id, "now": now_ms, "stands_in": self._stands_in})
        assert asked is not None  # noqa: S101 - the statement always has one row
        is_held, ticket_id, *seen = asked
        if not is_held:
            raise NotInCharge
        if ticket_id is not None:
            queue, rating, joined_ms, region, other_queues, other_ratings, party, traits, *line = seen
            size, rating_sum, ahead = line
            return Waiting(
                ticket_id=ticket_id,
                queues=(queue, *(other_queues or ())),
                ratings=(rating, *(other_ratings or ())),
                joined_ms=joined_ms,
                position=ahead + 1,
                size=size,
                rating_sum=rating_sum,
                region=region,
                party=party or "",
                traits=traits,
            )
        if live := self._live_match(player_id):
            return live
        row = fetch_one(sql.READ_TICKET, {"player": player_id})
        ticket = a_ticket(row) if row else None
        if ticket is None and self._has_gone_home():  # and the ticket with it, since the first statement began
            raise NotInCharge
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
        party: list[PlayerId] = []
        return _until_settled(lambda: self._leave(player_id, party, now_ms, request_key))

    def _leave(
        self, player_id: PlayerId, party: list[PlayerId], now_ms: int, request_key: str
    ) -> Left | Matched | BeingMatched | NotInQueue:
        """`party` are the members of the player's party, once they are known: they are locked in the order in which all
        transactions lock them."""
        with self._in_charge():
            if party:
                fetch_all(sql.LOCK_TICKETS_OF, {"players": party})
            ticket, live = self._look(player_id)
            if live:
                return live
            if ticket is None or ticket.is_fallback != self._stands_in:
                return NotInQueue()
            if ticket.status is TicketStatus.LEFT and request_key and ticket.left_by == request_key:
                return Left(ticket.queue, ticket.id, ticket.waited_ms(ticket.changed_ms))
            if not ticket.is_waiting:
                return NotInQueue()
            members = members_of(ticket.party)
            if not set(members) <= set(party):
                party[:] = members
                raise _LookAgain
            others = tuple(member for member in members if member != player_id)
            who = {"player": player_id, "players": [player_id, *others], "ticket": ticket.id}
            count = {"slot": _slot(player_id), "stands_in": self._stands_in}
            execute(sql.LEAVE, {**who, **count, "now": now_ms, "request_key": request_key})
            return Left(ticket.queue, ticket.id, ticket.waited_ms(now_ms), others=others)

    @contextmanager
    def _in_charge(self) -> Iterator[None]:
        """One transaction, all of it while this store is in charge."""
        with one_transaction():
            if self._stands_in and not (fetch_one(sql.LOCK_CHARGE, {}) or (False,))[0]:
                raise NotInCharge
            yield

    def _has_gone_home(self) -> bool:
        """Whether what this store held in the other's place is there again."""
        return self._stands_in and not (fetch_one(sql.READ_CHARGE, {}) or (False,))[0]

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

    def _put(self, made: KeptTicket, *, over: Ticket | None, now_ms: int, counts: bool, is_seen: bool = True) -> None:
        """The ticket waits. `counts`: as a join; `is_seen`: its player has called, and is online."""
        new = {
            "player": made.player_id,
            "ticket": made.id,
            "username": made.username,
            "queue": made.queue,
            "rating": made.ratings[0],
            "other_queues": list(made.queues[1:]) or None,
            "other_ratings": list(made.ratings[1:]) or None,
            "region": made.region,
            "party": made.party or None,
            "traits": made.traits,
            "joined_ms": made.joined_ms,
            "now": now_ms,
            "stands_in": self._stands_in,
            "over": over.id if over else None,
            "slot": _slot(made.player_id),
            "counts": counts,
            "is_seen": is_seen,
        }
        if fetch_one(sql.PUT_TICKET, new) is None:
            raise _LookAgain  # the player got another ticket meanwhile

    def _in_line(self, ticket: Ticket, *, is_new: bool) -> Waiting:
        """The ticket's place in the line of its first queue, after its transaction; and which of its queues it is the
        first to want a round of."""
        line = self._stand(ticket, ticket.queue, is_new)
        wanted = [ticket.queue] if line[3] else []
        if is_new:
            wanted += [queue for queue in ticket.queues[1:] if self._stand(ticket, queue, is_new)[3]]
        size, rating_sum, ahead, _, _ = line
        return Waiting(
            ticket_id=ticket.id,
            queues=ticket.queues,
            ratings=ticket.ratings,
            joined_ms=ticket.joined_ms,
            position=ahead + 1,
            size=size,
            rating_sum=rating_sum,
            region=ticket.region,
            is_new=is_new,
            wanted_rounds=tuple(wanted),
            party=ticket.party,
            traits=ticket.traits,
        )

    def _stand(self, ticket: Ticket, queue: str, is_new: bool) -> tuple[Any, ...]:
        line = {
            "player": ticket.player_id,
            "joined_ms": ticket.joined_ms,
            "queue": queue,
            "stands_in": self._stands_in,
            "is_new": is_new,
            "nudge_ms": lifetimes.NUDGE_LIFETIME_MS,
        }
        row = _row(fetch_one(sql.STAND_IN_LINE, line))
        if is_new and not row[4]:  # the queue's state is not there yet
            execute(sql.MAKE_QUEUE_STATE, line)
            row = _row(fetch_one(sql.STAND_IN_LINE, line))
        return row

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

    def waited_in(self, queues: Sequence[str]) -> set[str]:
        rows = fetch_all(sql.WAITED_IN, {"queues": list(queues), "stands_in": self._stands_in})
        return {queue for (queue,) in rows}

    def snapshot(self, queue: str, *, asked_since_ms: int = 0) -> WaitingTickets:
        rows = fetch_all(sql.SNAPSHOT, {**self._line(queue), "asked_since_ms": asked_since_ms})
        columns = zip(*rows, strict=True) if rows else ((), (), (), (), (), ())
        players, marks, ratings, joined_ms, parties, traits = columns
        return of_whole_parties(
            list(players),
            np.array(ratings, dtype=np.float64),
            np.array(joined_ms, dtype=np.int64),
            marks=list(marks),
            parties=[party or "" for party in parties] if any(parties) else [""] * len(rows),
            traits=traits,
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
        """All at once; where the other store's writes come between, once more; then in halves, so that none holds up
        another."""
        for _ in range(2):
            if claims := self._try_claim(batch, proposals):
                return [claims]
        if len(proposals) == 1:
            return [Claims([], taken=1, are_recorded=True)]
        middle = len(proposals) // 2
        return [*self._claim_batch(batch, proposals[:middle]), *self._claim_batch(batch, proposals[middle:])]

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

    def claim_seats(self, queue: str, proposals: Sequence[SeatProposal], now_ms: int, *, epoch: int = 0) -> SeatClaims:
        """Seated in the transaction that takes their tickets. `epoch` tells nothing here, as in `claim`."""
        seated: list[Newcomers] = []
        for proposal in proposals:
            try:
                with self._in_charge():
                    if newcomers := claim_seats_of(proposal, queue, now_ms, stands_in=self._stands_in):
                        seated.append(newcomers)
            except Crossed:
                continue  # the next round tries again
        return SeatClaims(seated, are_recorded=True)

    def give_back(self, newcomers: Sequence[Newcomers], now_ms: int, *, gone: Collection[PlayerId] = ()) -> None:
        """Nothing to undo: whoever is claimed is seated."""

    def change_players(
        self,
        match: Match,
        status: MatchStatus,
        *,
        left: Sequence[MatchedPlayer] = (),
        newcomers: Newcomers | None = None,
    ) -> Change:
        """Nothing to do: who plays is read from history, and the tickets were written with it."""
        return Change.CHANGED

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
            for status in (MatchStatus.PENDING_ACCEPTANCE, MatchStatus.CREATED, MatchStatus.IN_PROGRESS):
                if of_status := [matched.match for matched in matches if matched.status is status]:
                    insert_missing_matches(of_status, status)
            execute(sql.PART_PARTIES, {**self._line(""), "matches": [matched.match.id for matched in matches]})
            execute(sql.ENTER_TICKETS, {**self._line(""), "matches": [matched.match.id for matched in matches]})

    def drop(self, player_ids: Sequence[PlayerId]) -> None:
        execute(sql.DELETE_TICKETS, {"players": list(player_ids), "stands_in": self._stands_in})

    def tickets_of(self, matches: Sequence[Match]) -> dict[PlayerId, KeptTicket]:
        rows = map(a_ticket, fetch_all(sql.TICKETS_OF, {"matches": [match.id for match in matches]}))
        return {ticket.player_id: ticket.kept() for ticket in rows}

    def confirm(self, matches: Sequence[Match]) -> None:
        execute(sql.CONFIRM_MATCHES, {"matches": [match.id for match in matches]})

    def call_off(self, called_off: CalledOff) -> None:
        """The tickets of PostgreSQL's own queues wait there again, whoever is in charge. Any other match's tickets wait
        here, in the same transaction in which the match is noted as released: where this store is not in charge it
        raises `NotInCharge`."""
        _until_settled(lambda: self._call_off(called_off))

    def _call_off(self, called_off: CalledOff) -> None:
        match, at_ms = called_off.match, called_off.at_ms
        with one_transaction():
            is_here = not self._stands_in or bool((fetch_one(sql.LOCK_CHARGE, {}) or (False,))[0])
            players = [player.id for player in match.players]
            rows = map(a_ticket, fetch_all(sql.LOCK_TICKETS_OF, {"players": players}))
            tickets = {ticket.player_id: ticket for ticket in rows}
            made_here = [ticket.is_fallback for ticket in tickets.values() if ticket.match_id == match.id]
            if not is_here and not any(not is_fallback for is_fallback in made_here):
                raise NotInCharge
            if not execute(sql.RELEASE_ONCE, {"match": match.id, "at": at_ms}):
                return
            execute(sql.END_MATCH, {"match": match.id, "how": MatchStatus.ABANDONED.value})
            own = [player for player, kept in called_off.back.items() if kept is None]
            execute(sql.WAIT_AGAIN, {"players": own, "match": match.id, "at": at_ms})
            for kept in sorted(filter(None, called_off.back.values()), key=lambda one: one.player_id):
                self._put_again(kept, tickets.get(kept.player_id), at_ms)
            for is_fallback in made_here[:1]:
                line = {"queue": match.queue, "stands_in": is_fallback, "slot": ROUNDS_SLOT, "matches": -1}
                execute(sql.COUNT_ROUND, line)

    def _put_again(self, kept: KeptTicket, held: Ticket | None, at_ms: int) -> None:
        """Unless the player has done something else since."""
        has_ended = held is not None and held.id == kept.id and held.status is not TicketStatus.MATCHED
        if not has_ended and not (held and held.is_waiting) and not self._live_match(kept.player_id):
            self._put(kept, over=held, now_ms=at_ms, counts=False, is_seen=False)

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
        waits = self.recent(queue, lifetimes.RECENT_WAITS_KEPT // 2).waits_ms
        return QueueCounts(
            current_size=len(ratings),
            rating_sum=float(ratings.sum()),
            total_joins=joins,
            total_leaves=leaves,
            total_matches=matches,
            total_expired=expired,
            recent_waits_ms=waits.tolist(),
            per_band=[int(((ratings >= least) & (ratings < below)).sum()) for least, below in bands],
            last_round_ms=last_round_ms,
        )

    def recent(self, queue: str, limit: int) -> RecentMatches:
        """From history, whichever store made the matches."""
        found = fetch_all(sql.RECENT, {"queue": queue, "limit": min(limit, lifetimes.RECENT_MATCHES_KEPT)})
        rows: list[RecentRow] = []
        for _, players in groupby(found, key=lambda row: row[0]):
            of_match = list(players)
            teams = [[row[2] for row in team] for _, team in groupby(of_match, key=lambda row: row[1])]
            gap = gap_of(teams)
            rows += [(rating, waited_ms, gap, at_ms, region) for _, _, rating, waited_ms, at_ms, region in of_match]
        return recent_columns(rows)

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


def _kept(
    request: JoinRequest,
    queues: tuple[str, ...],
    known: tuple[tuple[float, ...], str],
    now_ms: int,
    *,
    ticket_id: TicketId | None = None,
    party: str = "",
) -> KeptTicket:
    ratings, traits = known
    return KeptTicket(
        id=ticket_id or request.ticket_id,
        player_id=request.player_id,
        username=request.username,
        queues=queues,
        region=request.region,
        ratings=ratings,
        joined_ms=now_ms,
        party=party,
        traits=traits,
    )


def _as_waiting(kept: KeptTicket, stands_in: bool, now_ms: int) -> Ticket:
    return Ticket(
        player_id=kept.player_id,
        id=kept.id,
        username=kept.username,
        queues=kept.queues,
        region=kept.region,
        ratings=kept.ratings,
        joined_ms=kept.joined_ms,
        party=kept.party,
        traits=kept.traits,
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
