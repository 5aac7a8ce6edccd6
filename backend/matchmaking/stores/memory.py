"""Tickets in memory: the model that the other stores are tested against, and enough for one process."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from datastore import keys as lifetimes
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
    Seat,
    SeatClaims,
    SeatProposal,
    TicketId,
)
from matchmaking.party import members_of, party_text
from matchmaking.recent import RecentMatches, recent_lines, recent_of
from matchmaking.rules import Placement, QueueRules
from matchmaking.stores.port import Change, QueueCounts, RoundTurn
from matchmaking.stores.whole_parties import becomes_of, of_whole_parties, parts_a_party
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
from servers.server import ServerId
from servers.stores.memory import MemoryServerPool


@dataclass(frozen=True, slots=True)
class _Ticket:
    id: TicketId
    player_id: PlayerId
    username: str
    queues: tuple[str, ...]
    region: str
    ratings: tuple[float, ...]
    joined_ms: int
    last_seen_ms: int
    party: str = ""
    traits: str = ""
    #: When a member of a party was put back alone.
    lacks_members_since_ms: int | None = None
    status: TicketStatus = TicketStatus.WAITING
    match_id: MatchId | None = None
    #: Of a ticket that was left: the request that did it, and how long it had waited.
    left_by: str = ""
    waited_ms: int = 0

    @property
    def queue(self) -> str:
        return self.queues[0]

    def rating_in(self, queue: str) -> float:
        return self.ratings[self.queues.index(queue)]


@dataclass(slots=True)
class _Queue:
    joins: int = 0
    leaves: int = 0
    matches: int = 0
    expired: int = 0
    recent: list[str] = field(default_factory=list)
    lease: str | None = None
    is_nudged: bool = False
    last_round_ms: int | None = None


class MemoryTicketStore:
    """Keeps `TicketStore`'s promise under the pool's lock.

    `announces_at_once`: claims are history at once, as those of a store in PostgreSQL are.
    """

    def __init__(self, pool: MemoryServerPool, *, announces_at_once: bool = False) -> None:
        self._pool = pool
        self._announces_at_once = announces_at_once
        self._lock = pool.lock
        self._tickets: dict[PlayerId, _Ticket] = {}
        self._queues: dict[str, _Queue] = {}
        self._matches: dict[MatchId, Match] = {}
        self._statuses: dict[MatchId, MatchStatus] = {}
        self._outbox: dict[MatchId, int] = {}
        #: By the id of their claim.
        self._newcomers: dict[MatchId, Newcomers] = {}
        self._online: dict[PlayerId, int] = {}
        #: Ratings as joins know them, by player and queue.
        self.ratings: dict[tuple[PlayerId, str], float] = {}

    def join(
        self, request: JoinRequest, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | RatingMissing:
        with self._lock:
            player_id = request.player_id
            held = self._held(player_id, request.queues)
            if isinstance(held, Matched):
                self._online[player_id] = now_ms
            if held is not None:
                return held
            ticket = self._tickets.get(player_id)
            is_waiting = ticket is not None and self._is_waiting(ticket)
            if ticket is None or not is_waiting:
                ratings = self._ratings(request, request.queues)
                if ratings is None:
                    return RatingMissing()
                ticket = _a_ticket(request, request.queues, ratings, now_ms)
                self._make(ticket)
            self._online[player_id] = now_ms
            self._tickets[player_id] = replace(ticket, last_seen_ms=now_ms)
            return self._in_line(player_id, is_new=not is_waiting, joins=0 if is_waiting else 1)

    def join_party(
        self, requests: Sequence[JoinRequest], party_id: str, rules: QueueRules, now_ms: int
    ) -> Waiting | MemberBusy | RatingMissing:
        with self._lock:
            queues = requests[0].queues
            party = party_text(party_id, sorted(request.player_id for request in requests))
            waiting = [
                (request.player_id, ticket)
                for request in requests
                if (ticket := self._tickets.get(request.player_id)) is not None and self._is_waiting(ticket)
            ]
            made: list[tuple[JoinRequest, tuple[float, ...]]] = []
            for request in requests:
                held = self._held(request.player_id, queues, party=party)
                if held is not None:
                    return MemberBusy(request.player_id, held)
                if request.player_id not in dict(waiting):
                    ratings = self._ratings(request, queues)
                    if ratings is None:
                        return RatingMissing()
                    made.append((request, ratings))
            if waiting and made:
                return MemberBusy(waiting[0][0], Elsewhere(waiting[0][1].queues))
            for request, ratings in made:
                asked = replace(request, ticket_id=requests[0].ticket_id)
                self._make(replace(_a_ticket(asked, queues, ratings, now_ms), party=party))
            for request in requests:
                self._online[request.player_id] = now_ms
                ticket = self._tickets[request.player_id]
                self._tickets[request.player_id] = replace(ticket, last_seen_ms=now_ms)
            return self._in_line(requests[0].player_id, is_new=bool(made), joins=len(made))

    def _held(
        self, player_id: PlayerId, queues: Sequence[str], *, party: str | None = None
    ) -> Matched | Elsewhere | None:
        """What is in the way of a ticket in these queues; nothing where there is this ticket already."""
        ticket = self._tickets.get(player_id)
        if ticket is None:
            return None
        if self._is_waiting(ticket):
            is_this = set(ticket.queues) == set(queues) and party in (None, ticket.party)
            return None if is_this else Elsewhere(queues=ticket.queues)
        is_live = ticket.match_id is not None and self._is_live(ticket.match_id)
        return self._matched(ticket.match_id) if ticket.match_id and is_live else None

    def _ratings(self, request: JoinRequest, queues: Sequence[str]) -> tuple[float, ...] | None:
        """The known ratings, or those that the join brings; None where one is missing."""
        known = [
            self.ratings.get((request.player_id, queue), brought)
            for queue, brought in zip(queues, request.brought(queues), strict=True)
        ]
        found = tuple(rating for rating in known if rating is not None)
        return found if len(found) == len(known) else None

    def _make(self, ticket: _Ticket) -> None:
        """A new ticket; its ratings are known from now on."""
        self._tickets[ticket.player_id] = ticket
        for queue, rating in zip(ticket.queues, ticket.ratings, strict=True):
            self.ratings[ticket.player_id, queue] = rating

    def _in_line(self, player_id: PlayerId, *, is_new: bool, joins: int) -> Waiting:
        """What a join answers, once its ticket is there."""
        answer = self._waiting(self._tickets[player_id])
        wanted = []
        for name in answer.queues if is_new else ():
            queue = self._queue(name)
            queue.joins += joins
            if len(self._waiting_in(name)) >= 2 and not queue.is_nudged:
                queue.is_nudged = True
                if queue.lease is None:
                    wanted.append(name)
        return replace(answer, is_new=is_new, wanted_rounds=tuple(wanted))

    def restore(
        self, kept: KeptTicket, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        with self._lock:
            ticket = self._tickets.get(kept.player_id)
            if ticket is not None and (self._is_waiting(ticket) or ticket.id == kept.id):
                return self.status(kept.player_id, now_ms)
            if ticket is not None and ticket.match_id and self._is_live(ticket.match_id):
                return self.status(kept.player_id, now_ms)
            members = [member for member in members_of(kept.party) if member != kept.player_id]
            fellows = [self._tickets[member] for member in members if member in self._tickets]
            for fellow in fellows:
                is_live = fellow.match_id is not None and self._is_live(fellow.match_id)
                if is_live or (fellow.status is TicketStatus.WAITING and fellow.id != kept.id):
                    return NotInQueue()
            here = [fellow for fellow in fellows if fellow.status is TicketStatus.WAITING]
            self._online[kept.player_id] = now_ms
            made = _a_ticket(kept, kept.queues, kept.ratings, kept.joined_ms, now_ms)
            self._tickets[kept.player_id] = replace(
                made, party=kept.party, lacks_members_since_ms=now_ms if len(here) < len(members) else None
            )
            return self._in_line(kept.player_id, is_new=True, joins=0)

    def status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        with self._lock:
            self._online[player_id] = now_ms
            ticket = self._tickets.get(player_id)
            if ticket is None or ticket.status is TicketStatus.LEFT:
                return NotInQueue()
            if self._is_waiting(ticket):
                self._tickets[player_id] = ticket = replace(ticket, last_seen_ms=now_ms)
                return self._waiting(ticket)
            if ticket.status is TicketStatus.EXPIRED or ticket.match_id is None:
                return Expired(queue=ticket.queue)
            if self._is_live(ticket.match_id):
                return self._matched(ticket.match_id)
            return Ended(match_id=ticket.match_id, status=self._statuses[ticket.match_id])

    def leave(
        self, player_id: PlayerId, now_ms: int, *, request_key: str = ""
    ) -> Left | Matched | BeingMatched | NotInQueue:
        with self._lock:
            ticket = self._tickets.get(player_id)
            if ticket is None or ticket.status is TicketStatus.EXPIRED:
                return NotInQueue()
            if ticket.status is TicketStatus.LEFT:
                is_same = request_key and ticket.left_by == request_key
                return Left(ticket.queue, ticket.id, ticket.waited_ms) if is_same else NotInQueue()
            if ticket.match_id in self._outbox:
                return BeingMatched()
            if ticket.match_id:
                return self._matched(ticket.match_id) if self._is_live(ticket.match_id) else NotInQueue()
            waited_ms = max(0, now_ms - ticket.joined_ms)
            others = [member for member in members_of(ticket.party) if member != player_id]
            for gone in [fellow.player_id for fellow in self._fellows(ticket)]:
                left_by = request_key if gone == player_id else ""
                self._end(gone, TicketStatus.LEFT, left_by=left_by, waited_ms=waited_ms)
                for name in ticket.queues:
                    self._queue(name).leaves += 1
            self._online.pop(player_id, None)
            return Left(ticket.queue, ticket.id, waited_ms, others=tuple(others))

    def _fellows(self, ticket: _Ticket) -> list[_Ticket]:
        """The tickets of its party that wait, itself among them; without a party itself."""
        if not ticket.party:
            return [ticket]
        fellows = [self._tickets.get(member) for member in members_of(ticket.party)]
        return [one for one in fellows if one and one.status is TicketStatus.WAITING and one.id == ticket.id]

    def _end(self, player_id: PlayerId, status: TicketStatus, *, left_by: str = "", waited_ms: int = 0) -> None:
        ticket = self._tickets[player_id]
        self._tickets[player_id] = replace(ticket, status=status, match_id=None, left_by=left_by, waited_ms=waited_ms)

    def waited_in(self, queues: Sequence[str]) -> set[str]:
        with self._lock:
            return {queue for queue in queues if self._waiting_in(queue)}

    def snapshot(self, queue: str, *, asked_since_ms: int = 0) -> WaitingTickets:
        with self._lock:
            waiting = [ticket for ticket in self._waiting_in(queue) if ticket.last_seen_ms >= asked_since_ms]
            return of_whole_parties(
                [ticket.player_id for ticket in waiting],
                np.array([ticket.rating_in(queue) for ticket in waiting], dtype=np.float64),
                np.array([ticket.joined_ms for ticket in waiting], dtype=np.int64),
                marks=[ticket.id for ticket in waiting],
                parties=[ticket.party for ticket in waiting],
                traits=[ticket.traits for ticket in waiting],
            )

    def claim(self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int, *, epoch: int = 0) -> Claims:
        matches: list[Match] = []
        refused = {"taken": 0, "without_seat": 0}
        for proposal in proposals:
            with self._lock:
                made = self._claim_one(rules, proposal, now_ms)
                if isinstance(made, Match):
                    matches.append(made)
                    if not self._announces_at_once:
                        self._outbox[made.id] = epoch
                else:
                    refused[made] += 1
        return Claims(matches=matches, are_recorded=self._announces_at_once, **refused)

    def _claim_one(self, rules: QueueRules, proposal: Proposal, now_ms: int) -> Match | str:
        teams = [[self._tickets.get(entrant.player_id) for entrant in team] for team in proposal.teams]
        tickets = [ticket for team in teams for ticket in team if ticket is not None]
        entrants = [entrant for team in proposal.teams for entrant in team]
        all_wait = all(t.status is TicketStatus.WAITING and rules.name in t.queues for t in tickets)
        are_the_same = {t.player_id: t.id for t in tickets} == {e.player_id: e.mark for e in entrants}
        if len({t.player_id for t in tickets}) < len(entrants) or not all_wait or not are_the_same:
            return "taken"
        if any(parts_a_party([(t.player_id, t.party) for t in team if t is not None]) for team in teams):
            return "taken"
        named = {ticket.region for ticket in tickets if ticket.region}
        common = named.pop() if len(named) == 1 else ""
        region = common if proposal.region is None else proposal.region
        server = None if rules.placement is Placement.NONE else self._pool.find_seat(region)
        if rules.placement is Placement.REQUIRED and server is None:
            return "without_seat"
        match = Match(
            id=proposal.match_id,
            queue=rules.name,
            region=region,
            teams=tuple(tuple(_matched_player(t, rules.name, now_ms) for t in team if t is not None) for team in teams),
            server=Seat(server.id, server.generation, server.host, server.port, server.region) if server else None,
            created_ms=now_ms,
            acceptance_ms=rules.acceptance_ms,
        )
        self._take(match, rules.name)
        queue = self._queue(rules.name)
        queue.matches += 1
        queue.recent = [*recent_lines([match]), *queue.recent][: lifetimes.RECENT_MATCHES_KEPT]
        return match

    def claim_seats(self, queue: str, proposals: Sequence[SeatProposal], now_ms: int, *, epoch: int = 0) -> SeatClaims:
        with self._lock:
            made = [self._claim_seats(queue, proposal, now_ms, epoch) for proposal in proposals]
            return SeatClaims([one for one in made if one], are_recorded=self._announces_at_once)

    def _claim_seats(self, queue: str, proposal: SeatProposal, now_ms: int, epoch: int) -> Newcomers | None:
        found = [(self._tickets.get(player), mark) for player, mark in proposal.entrants]
        tickets = [
            ticket
            for ticket, mark in found
            if ticket and ticket.status is TicketStatus.WAITING and ticket.id == mark and queue in ticket.queues
        ]
        if len({ticket.player_id for ticket in tickets}) < len(found):
            return None
        if parts_a_party([(ticket.player_id, ticket.party) for ticket in tickets]):
            return None
        becomes = proposal.match_id if self._announces_at_once else proposal.claim_id
        for ticket in tickets:
            self._tickets[ticket.player_id] = replace(ticket, status=TicketStatus.MATCHED, match_id=becomes)
        players = tuple(_matched_player(ticket, queue, now_ms) for ticket in tickets)
        newcomers = Newcomers(proposal.claim_id, proposal.match_id, queue, proposal.team, players)
        if not self._announces_at_once:
            self._outbox[proposal.claim_id] = epoch
            self._newcomers[proposal.claim_id] = newcomers
        return newcomers

    def give_back(self, newcomers: Sequence[Newcomers], now_ms: int, *, gone: Collection[PlayerId] = ()) -> None:
        with self._lock:
            for one in newcomers:
                if self._newcomers.pop(one.claim_id, None) is None:
                    continue
                del self._outbox[one.claim_id]
                self._wait_again(becomes_of(one.players, gone), now_ms)

    def change_players(
        self,
        match: Match,
        status: MatchStatus,
        *,
        left: Sequence[MatchedPlayer] = (),
        newcomers: Newcomers | None = None,
    ) -> Change:
        with self._lock:
            is_known = match.id in self._statuses and self._is_live(match.id)
            if status.is_live and not is_known:
                return Change.UNKNOWN
            claim_id = newcomers.claim_id if newcomers else None
            came = [self._tickets.get(player.id) for player in newcomers.players] if newcomers else []
            is_announced = all(ticket is not None and ticket.match_id == match.id for ticket in came)
            if status.is_live and claim_id and claim_id not in self._newcomers and not is_announced:
                return Change.GIVEN_BACK
            if is_known:
                self._matches[match.id] = match
            elif match.id not in self._statuses:
                self._matches[match.id], self._statuses[match.id] = match, status
            if claim_id:
                for player in match.players:
                    ticket = self._tickets.get(player.id)
                    if ticket is not None and ticket.match_id == claim_id:
                        self._tickets[player.id] = replace(ticket, match_id=match.id)
            for player in left:
                ticket = self._tickets.get(player.id)
                if ticket is not None and ticket.match_id in (match.id, claim_id):
                    self._end(player.id, TicketStatus.LEFT)
            if claim_id:
                self._outbox.pop(claim_id, None)
                self._newcomers.pop(claim_id, None)
            return Change.CHANGED

    def _wait_again(self, becomes: Mapping[PlayerId, str], now_ms: int) -> None:
        for player_id, word in becomes.items():
            if word == "GONE":
                del self._tickets[player_id]
            elif word == "LEFT":
                self._end(player_id, TicketStatus.LEFT)
            else:
                ticket = self._tickets[player_id]
                self._tickets[player_id] = replace(
                    ticket, status=TicketStatus.WAITING, match_id=None, last_seen_ms=now_ms
                )

    def _take(self, match: Match, queue: str) -> None:
        self._matches[match.id] = match
        self._statuses[match.id] = match.first_status
        for player in match.players:
            ticket = self._tickets[player.id]
            self._tickets[player.id] = replace(ticket, status=TicketStatus.MATCHED, match_id=match.id)
        if match.server:
            self._pool.take_seat(ServerId(match.server.id), match.id)

    def expire(self, rules: QueueRules, now_ms: int) -> list[TicketId]:
        with self._lock:
            before = now_ms - rules.ticket_ttl_ms
            ended: list[_Ticket] = []
            for ticket in self._waiting_in(rules.name):
                party = self._fellows(ticket)
                is_silent = any(fellow.last_seen_ms < before for fellow in party if rules.name in fellow.queues)
                is_alone = any((fellow.lacks_members_since_ms or now_ms) < before for fellow in party)
                if is_silent or (is_alone and len(party) < len(members_of(ticket.party))):
                    ended.append(ticket)
            for ticket in ended:
                self._end(ticket.player_id, TicketStatus.EXPIRED)
                for name in ticket.queues:
                    self._queue(name).expired += 1
            return [ticket.id for ticket in ended]

    def outbox(self, limit: int) -> list[OutboxEntry]:
        with self._lock:
            return [
                OutboxEntry(one, self._matches.get(one), one, epoch, self._newcomers.get(one))
                for one, epoch in list(self._outbox.items())[:limit]
            ]

    def acknowledge(self, written: Sequence[MatchId], *, dead: Sequence[OutboxEntry] = ()) -> None:
        with self._lock:
            for match_id in [*written, *(entry.match_id for entry in dead)]:
                self._outbox.pop(match_id, None)

    def withdraw(self, matches: Sequence[Match], now_ms: int, *, gone: Collection[PlayerId] = ()) -> None:
        with self._lock:
            for match in matches:
                if self._outbox.pop(match.id, None) is None:
                    continue
                if match.server:
                    self._pool.free_seat(ServerId(match.server.id), match.id)
                self._queue(match.queue).matches -= 1
                self._wait_again(becomes_of(match.players, gone), now_ms)
                del self._matches[match.id], self._statuses[match.id]

    def enter(self, matches: Sequence[Matched]) -> None:
        with self._lock:
            for matched in matches:
                match = matched.match
                if match.id in self._statuses and self._is_live(match.id):
                    continue
                for player in match.players:
                    known = self._tickets.get(player.id)
                    if known is not None and known.status is TicketStatus.WAITING:
                        for fellow in self._fellows(known):
                            self._end(fellow.player_id, TicketStatus.LEFT)
                    if known is None or known.id != player.ticket_id:
                        queues, ratings = (match.queue,), (player.rating,)
                        kept = KeptTicket(player.ticket_id, player.id, player.username, queues, "", ratings, 0)
                        self._tickets[player.id] = _a_ticket(kept, queues, ratings, 0)
                self._take(match, match.queue)
                self._statuses[match.id] = matched.status

    def drop(self, player_ids: Sequence[PlayerId]) -> None:
        with self._lock:
            for player_id in player_ids:
                ticket = self._tickets.get(player_id)
                if ticket is not None and ticket.status is TicketStatus.WAITING:
                    del self._tickets[player_id]

    def tickets_of(self, matches: Sequence[Match]) -> dict[PlayerId, KeptTicket]:
        with self._lock:
            made_of = [(self._tickets.get(player.id), match.id) for match in matches for player in match.players]
            return {one.player_id: _kept(one) for one, match_id in made_of if one and one.match_id == match_id}

    def confirm(self, matches: Sequence[Match]) -> None:
        with self._lock:
            for match in matches:
                if self._statuses.get(match.id) is MatchStatus.PENDING_ACCEPTANCE:
                    self._statuses[match.id] = MatchStatus.CREATED

    def call_off(self, called_off: CalledOff) -> None:
        match, at_ms = called_off.match, called_off.at_ms
        with self._lock:
            if self._is_live(match.id):
                self._queue(match.queue).matches -= 1
            self.end(match, MatchStatus.ABANDONED)
            for player_id, kept in called_off.back.items():
                ticket = self._tickets.get(player_id)
                if ticket is None or ticket.match_id != match.id:
                    continue
                kept = kept or _kept(ticket)
                made = _a_ticket(kept, kept.queues, kept.ratings, kept.joined_ms, at_ms)
                self._tickets[player_id] = replace(made, party=kept.party)

    def start(self, matches: Sequence[Match]) -> None:
        with self._lock:
            for match in matches:
                if self._statuses.get(match.id) is MatchStatus.CREATED and match.id not in self._outbox:
                    self._statuses[match.id] = MatchStatus.IN_PROGRESS

    def end(self, match: Match, how: MatchStatus) -> None:
        with self._lock:
            self._outbox.pop(match.id, None)
            if match.id in self._statuses:
                self._statuses[match.id] = how
            if match.server:
                self._pool.free_seat(ServerId(match.server.id), match.id)

    def find_matches(self, match_ids: Sequence[MatchId]) -> list[Matched]:
        with self._lock:
            announced = [match_id for match_id in match_ids if match_id not in self._outbox]
            return [self._matched(match_id) for match_id in announced if self._is_live(match_id)]

    def counts(self, queue: str, bands: Sequence[tuple[float, float]]) -> QueueCounts:
        with self._lock:
            ratings = [ticket.rating_in(queue) for ticket in self._waiting_in(queue)]
            seen = self._queue(queue)
            return QueueCounts(
                current_size=len(ratings),
                rating_sum=sum(ratings),
                total_joins=seen.joins,
                total_leaves=seen.leaves,
                total_matches=seen.matches,
                total_expired=seen.expired,
                recent_waits_ms=self.recent(queue, lifetimes.RECENT_WAITS_KEPT // 2).waits_ms.tolist(),
                per_band=[sum(least <= rating < below for rating in ratings) for least, below in bands],
                last_round_ms=seen.last_round_ms,
            )

    def recent(self, queue: str, limit: int) -> RecentMatches:
        with self._lock:
            return recent_of(self._queue(queue).recent[:limit])

    def begin_round(self, queue: str, token: str, now_ms: int) -> bool:
        with self._lock:
            seen = self._queue(queue)
            if seen.lease is not None:
                return False
            seen.lease, seen.is_nudged, seen.last_round_ms = token, False, now_ms
            return True

    def finish_round(self, queue: str, token: str, now_ms: int, *, may_run_again: bool) -> RoundTurn:
        with self._lock:
            seen = self._queue(queue)
            if seen.lease != token:
                return RoundTurn.LOST
            if may_run_again and seen.is_nudged:
                seen.is_nudged, seen.last_round_ms = False, now_ms
                return RoundTurn.AGAIN
            seen.lease = None
            return RoundTurn.DONE

    def prune_online(self, now_ms: int) -> int:
        with self._lock:
            gone = [p for p, seen in self._online.items() if seen < now_ms - lifetimes.ONLINE_LIFETIME_MS]
            for player_id in gone:
                del self._online[player_id]
            return len(gone)

    def online(self) -> int:
        with self._lock:
            return len(self._online)

    def _queue(self, name: str) -> _Queue:
        return self._queues.setdefault(name, _Queue())

    def _waiting_in(self, queue: str) -> list[_Ticket]:
        return [t for t in self._tickets.values() if t.status is TicketStatus.WAITING and queue in t.queues]

    def _is_waiting(self, ticket: _Ticket) -> bool:
        """As its player is told: a claimed ticket waits until its match is announced."""
        return ticket.status is TicketStatus.WAITING or ticket.match_id in self._outbox

    def _waiting(self, ticket: _Ticket) -> Waiting:
        queue = self._waiting_in(ticket.queue)
        line = [t.player_id for t in sorted(queue, key=lambda t: (t.joined_ms, t.player_id))]
        return Waiting(
            ticket_id=ticket.id,
            queues=ticket.queues,
            ratings=ticket.ratings,
            joined_ms=ticket.joined_ms,
            position=1 + line.index(ticket.player_id) if ticket.player_id in line else 1,
            size=len(queue),
            rating_sum=sum(t.rating_in(ticket.queue) for t in queue),
            region=ticket.region,
            party=ticket.party,
            traits=ticket.traits,
        )

    def _is_live(self, match_id: MatchId) -> bool:
        return match_id in self._statuses and self._statuses[match_id].is_live

    def _matched(self, match_id: MatchId) -> Matched:
        return Matched(match=self._matches[match_id], status=self._statuses[match_id])


def _matched_player(ticket: _Ticket, queue: str, now_ms: int) -> MatchedPlayer:
    return MatchedPlayer(
        id=ticket.player_id,
        username=ticket.username,
        rating=ticket.rating_in(queue),
        waited_ms=max(0, now_ms - ticket.joined_ms),
        ticket_id=ticket.id,
    )


def _kept(ticket: _Ticket) -> KeptTicket:
    return KeptTicket(
        id=ticket.id,
        player_id=ticket.player_id,
        username=ticket.username,
        queues=ticket.queues,
        region=ticket.region,
        ratings=ticket.ratings,
        joined_ms=ticket.joined_ms,
        party=ticket.party,
        traits=ticket.traits,
    )


def _a_ticket(
    asked: JoinRequest | KeptTicket,
    queues: tuple[str, ...],
    ratings: tuple[float, ...],
    joined_ms: int,
    seen_ms: int | None = None,
) -> _Ticket:
    return _Ticket(
        id=asked.ticket_id if isinstance(asked, JoinRequest) else asked.id,
        player_id=asked.player_id,
        username=asked.username,
        queues=queues,
        region=asked.region,
        ratings=ratings,
        joined_ms=joined_ms,
        last_seen_ms=joined_ms if seen_ms is None else seen_ms,
        traits=asked.traits,
    )
