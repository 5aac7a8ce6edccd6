"""Tickets in Redis: each step one Lua script (see `lua/`), each key from `datastore.keys`."""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import redis
from redis.exceptions import MovedError

from datastore import keys as lifetimes
from datastore.batches import in_batches
from datastore.client import redis_errors, run_id
from datastore.keys import Keys
from datastore.lane import lane
from datastore.run import Run
from datastore.scripts import Scripts
from errors import StoreLost
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
from matchmaking.party import members_of, party_text
from matchmaking.recent import RecentMatches, recent_of
from matchmaking.rules import QueueRules, Rules
from matchmaking.stores.port import Change, LeftBehind, QueueCounts, RoundTurn
from matchmaking.stores.redis.claim_form import ClaimForm
from matchmaking.stores.redis.waiting_rows import WaitingRows, waits_in
from matchmaking.stores.redis.words import (
    FILLING,
    ended_word,
    filling_word,
    kept_of,
    last_word_of,
    left_of,
    live_word,
    matched_of,
    matched_player,
    newcomers_of,
    row_of,
    ticket_word,
    waiting_of,
)
from matchmaking.stores.whole_parties import becomes_of, parts_a_party
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

#: Duels a claim script, and so many fewer of larger matches: more would block Redis for over 2 ms, fewer would cost
#: round trips.
CLAIM_BATCH = 40
#: Batches on their way at once: Redis works on one, the next lies there, and the one after that is made up.
CLAIMS_AHEAD = 2
#: Tickets an expiry script and players a pruning script look at.
EXPIRE_BATCH = 200
#: Tickets a snapshot page: an HMGET of this size takes less than 1 ms of Redis.
SNAPSHOT_PAGE = 1000
#: Milliseconds. A lease outlives any round; the lease of a killed worker blocks its queue for so long.
ROUND_LEASE_MS = 5_000


class RedisTicketStore:
    """Keeps `TicketStore`'s promise. One client; safe for threads."""

    def __init__(
        self,
        client: redis.Redis,
        keys: Keys,
        rules: Rules,
        *,
        run: Run | None = None,
        is_whole: Callable[[], bool] = lambda: True,
    ) -> None:
        """`run` is what `client` notes at each connect; without it the server is asked. `is_whole` tells whether the
        server that answers is one that is known to hold what it should."""
        self._client = client
        self._run = run
        self._is_whole = is_whole
        self._keys = keys
        self._scripts = Scripts(client, Path(__file__).parent / "lua")
        self._queues = list(rules.known)
        ticket_ttl_ms = max(queue.ticket_ttl_ms for queue in rules.known.values())
        self._last_word_ms = max(lifetimes.LAST_WORD_LIFETIME_MS, 2 * ticket_ttl_ms)
        self._per_queue_keys = [
            key
            for queue in map(keys.of_queue, self._queues)
            for key in (queue.queue, queue.arrivals, queue.last_seen, queue.stats)
        ]
        self._keys_of_wanted = {
            name: (queue.queue, queue.arrivals, queue.last_seen, queue.stats, queue.nudge, queue.round_lease)
            for name, queue in zip(self._queues, map(keys.of_queue, self._queues), strict=True)
        }
        self._player_keys = [keys.tickets, keys.online, keys.online_last_seen, keys.matches, keys.outbox]
        self._match_keys = [keys.matches, keys.outbox, keys.tickets]
        self._pool_keys = [
            keys.servers,
            keys.servers_seats,
            keys.active_games,
        ]
        self._offer_keys = [keys.servers_offers, *self._pool_keys[1:], keys.servers_regions]

    # --- the player's calls ---------------------------------------------------------------------------

    def join(
        self, request: JoinRequest, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | RatingMissing:
        asked: list[str | int] = [request.ticket_id, now_ms, request.region, "", request.traits, request.username]
        answer = self._join(request.player_id, request.queues, _brought(request, request.queues), now_ms, asked, "")
        return RatingMissing() if isinstance(answer, NotInQueue | Expired | Ended) else answer

    def restore(
        self, kept: KeptTicket, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        asked: list[str | int] = [kept.id, kept.joined_ms, kept.region, kept.party, kept.traits, kept.username]
        outcome = self._join(kept.player_id, kept.queues, list(map(repr, kept.ratings)), now_ms, asked, "RESTORE")
        waits_here = isinstance(outcome, Elsewhere) and outcome.queue in self._queues
        return self.status(kept.player_id, now_ms) if waits_here else outcome

    def _join(
        self,
        player_id: PlayerId,
        queues: Sequence[str],
        ratings: Sequence[str],
        now_ms: int,
        ticket: Sequence[str | int],
        mode: str,
    ) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        """The join script; `NotInQueue` where it misses a rating, and where the ticket's party is parted."""
        keys = self._keys
        answer = self._ask(
            "join_queue",
            [
                keys.tickets,
                keys.online,
                keys.online_last_seen,
                keys.matches,
                keys.outbox,
                keys.elsewhere(player_id),
                keys.last_word(player_id),
                keys.ratings(player_id),
                keys.incarnation,
                *self._wanted_keys(queues),
            ],
            [player_id, now_ms, len(queues), mode, *ticket, *_join_lifetimes_ms(), *queues, *ratings, *self._queues],
        )
        match answer[0]:
            case "WAITING":
                return waiting_of(answer, self._queues)
            case "MATCHED":
                return matched_of(answer[1])
            case "ELSEWHERE":
                return Elsewhere(queues=tuple(answer[1].split(",")))
            case "OVER":
                return last_word_of(answer[1])
            case _:
                return NotInQueue()

    def _wanted_keys(self, queues: Sequence[str]) -> list[str]:
        """Five a queue, in the order of `join_queue` and `join_party`."""
        return [key for queue in queues for key in self._keys_of_wanted[queue]]

    def join_party(
        self, requests: Sequence[JoinRequest], party_id: str, rules: QueueRules, now_ms: int
    ) -> Waiting | MemberBusy | RatingMissing:
        keys, queues = self._keys, requests[0].queues
        players = [request.player_id for request in requests]
        members = [
            word
            for request in requests
            for word in (
                request.player_id,
                request.region,
                request.traits,
                request.username,
                *_brought(request, queues),
            )
        ]
        party = party_text(party_id, sorted(players))
        answer = self._ask(
            "join_party",
            [
                keys.tickets,
                keys.online,
                keys.online_last_seen,
                keys.matches,
                keys.outbox,
                keys.incarnation,
                *self._wanted_keys(queues),
                *[key for player in players for key in (keys.elsewhere(player), keys.ratings(player))],
            ],
            [
                now_ms,
                len(queues),
                len(requests),
                requests[0].ticket_id,
                party,
                *_join_lifetimes_ms(),
                *queues,
                *members,
                *self._queues,
            ],
        )
        match answer[0]:
            case "WAITING":
                return waiting_of(answer, self._queues)
            case "MATCHED":
                return MemberBusy(answer[2], matched_of(answer[1]))
            case "ELSEWHERE":
                return MemberBusy(answer[2], Elsewhere(queues=tuple(answer[1].split(","))))
            case _:
                return RatingMissing()

    def status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        answer = self._ask(
            "ticket_status",
            [*self._player_keys, self._keys.incarnation, self._keys.last_word(player_id), *self._per_queue_keys],
            [player_id, now_ms, lifetimes.ONLINE_LIFETIME_MS, *self._queues],
        )
        match answer[0]:
            case "WAITING":
                return waiting_of(answer, self._queues)
            case "MATCHED":
                return matched_of(answer[1])
            case "OVER":
                return last_word_of(answer[1])
            case _:
                return NotInQueue()

    def leave(
        self, player_id: PlayerId, now_ms: int, *, request_key: str = ""
    ) -> Left | Matched | BeingMatched | NotInQueue:
        players = [player_id]
        answer = self._leave(players, now_ms, request_key)
        while answer[0] == "PARTY":
            players = [player_id, *(member for member in members_of(answer[1]) if member != player_id)]
            answer = self._leave(players, now_ms, request_key)
        match answer[0]:
            case "LEFT":
                return left_of(answer[1], others=tuple(players[1:]))
            case "MATCHED":
                return matched_of(answer[1])
            case "BEING_MATCHED":
                return BeingMatched()
            case _:
                return NotInQueue()

    def _leave(self, players: Sequence[PlayerId], now_ms: int, request_key: str) -> list[Any]:
        return self._ask(
            "leave_queue",
            [
                *self._player_keys,
                self._keys.incarnation,
                *map(self._keys.last_word, players),
                *self._per_queue_keys,
            ],
            [now_ms, self._last_word_ms, request_key, len(players), *players, *self._queues],
        )

    def _ask(self, script: str, keys: list[str], args: list[str | int]) -> list[Any]:
        """A player's call. Raises `StoreUnavailable` where the data may be another than was promised: wiped, or of a
        server that was restarted or promoted, until it has been compared with history."""
        answer: list[Any] = self._scripts.call(script, keys, args)
        if answer[0] == "LOST" or not self._is_whole():
            raise StoreLost("redis", "its data is being compared with history")
        return answer

    def hold(self, player_id: PlayerId, queue: str, lifetime_ms: int) -> Matched | Elsewhere | None:
        """No ticket here for this player, who waits in another store's queue; or the match or ticket there is."""
        keys = [self._keys.tickets, self._keys.matches, self._keys.outbox, self._keys.elsewhere(player_id)]
        answer = self._scripts.call("hold_player", keys, [player_id, queue, lifetime_ms])
        if answer[0] == "HELD":
            return None
        return matched_of(answer[1]) if answer[0] == "MATCHED" else Elsewhere(tuple(answer[1].split(",")))

    def let_go(self, *player_ids: PlayerId) -> None:
        """They no longer wait elsewhere, as far as is known."""
        if player_ids:
            with redis_errors():
                self._client.delete(*map(self._keys.elsewhere, player_ids))

    # --- the round ------------------------------------------------------------------------------------

    def begin_round(self, queue: str, token: str, now_ms: int) -> bool:
        keys = self._keys.of_queue(queue)
        kept = {
            keys.queue: lifetimes.QUEUE_LIFETIME_MS,
            keys.arrivals: lifetimes.QUEUE_LIFETIME_MS,
            keys.last_seen: lifetimes.QUEUE_LIFETIME_MS,
            keys.stats: lifetimes.STATS_LIFETIME_MS,
            self._keys.tickets: lifetimes.MATCHES_LIFETIME_MS,
            self._keys.matches: lifetimes.MATCHES_LIFETIME_MS,
            self._keys.online: lifetimes.ONLINE_LIFETIME_MS,
            self._keys.online_last_seen: lifetimes.ONLINE_LIFETIME_MS,
            self._keys.incarnation: lifetimes.STATS_LIFETIME_MS,
        }
        args = [*self._round_args(token, now_ms), *kept.values()]
        return bool(self._scripts.call("begin_round", [*self._round_keys(queue), *kept], args) == "BEGUN")

    def finish_round(self, queue: str, token: str, now_ms: int, *, may_run_again: bool) -> RoundTurn:
        args = [*self._round_args(token, now_ms), "AGAIN" if may_run_again else ""]
        return RoundTurn(self._scripts.call("finish_round", self._round_keys(queue), args))

    def _round_keys(self, queue: str) -> list[str]:
        keys = self._keys.of_queue(queue)
        return [keys.round_lease, keys.nudge, keys.last_round]

    @staticmethod
    def _round_args(token: str, now_ms: int) -> list[str | int]:
        return [token, ROUND_LEASE_MS, now_ms, lifetimes.STATS_LIFETIME_MS]

    def waited_in(self, queues: Sequence[str]) -> set[str]:
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for queue in queues:
                pipeline.zcard(self._keys.of_queue(queue).queue)
            sizes = pipeline.execute()
        return {queue for queue, size in zip(queues, sizes, strict=True) if size}

    def snapshot(self, queue: str, *, asked_since_ms: int = 0) -> WaitingTickets:
        """One page after the other, so that Redis serves others in between. A ticket that comes, goes or moves
        between two pages is in none or once; it waits for the next round."""
        with redis_errors():
            try:
                return self._snapshot(queue, asked_since_ms)
            except MovedError:  # by now the connections know where to
                return self._snapshot(queue, asked_since_ms)

    def _snapshot(self, queue: str, asked_since_ms: int) -> WaitingTickets:
        """While Redis looks for the rows of a page and for the next page, the rows of the page before are looked at."""
        rows = WaitingRows(queue)
        unread: tuple[Sequence[str], Sequence[str | None]] = ((), ())
        with lane(self._client) as one:
            first = 0
            one.ask(*self._page(queue, asked_since_ms, first))
            while page := one.answer():
                one.ask("HMGET", self._keys.tickets, *page)
                first += SNAPSHOT_PAGE
                one.ask(*self._page(queue, asked_since_ms, first))
                rows.add(*unread)
                unread = (page, one.answer())
        rows.add(*unread)
        return rows.tickets

    def _page(self, queue: str, asked_since_ms: int, first: int) -> tuple[str | int, ...]:
        """The command for players of the queue; for those who have asked since. One who moves may come twice."""
        keys = self._keys.of_queue(queue)
        if asked_since_ms:
            return ("ZRANGE", keys.last_seen, asked_since_ms, "+inf", "BYSCORE", "LIMIT", first, SNAPSHOT_PAGE)
        return ("ZRANGE", keys.queue, first, first + SNAPSHOT_PAGE - 1)

    def claim(self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int, *, epoch: int = 0) -> Claims:
        matches: list[Match] = []
        refused = {"TAKEN": 0, "NO_SEAT": 0}
        forms: deque[ClaimForm] = deque()
        calls = self._claim_calls(rules, proposals, now_ms, epoch, forms)
        for answers in self._scripts.call_ahead("claim_matches", calls, ahead=CLAIMS_AHEAD):
            for one in forms.popleft().outcomes(answers):
                if isinstance(one, str):
                    refused[one] += 1
                else:
                    matches.append(one)
        return Claims(matches=matches, taken=refused["TAKEN"], without_seat=refused["NO_SEAT"])

    def _claim_calls(
        self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int, epoch: int, forms: deque[ClaimForm]
    ) -> Iterator[tuple[list[str], list[str | int]]]:
        """Keys and arguments of `claim_matches` for each batch, whose form is added to `forms`."""
        one_line_in = 1 + len(proposals) // lifetimes.RECENT_MATCHES_KEPT
        for batch in in_batches(proposals, max(1, 2 * CLAIM_BATCH // rules.format.players)):
            form = ClaimForm(rules.name, now_ms, batch, one_line_in=one_line_in, acceptance_ms=rules.acceptance_ms)
            forms.append(form)
            yield self._claim_call(rules, form, len(batch), epoch)

    def _claim_call(
        self, rules: QueueRules, form: ClaimForm, proposals: int, epoch: int
    ) -> tuple[list[str], list[str | int]]:
        queue = self._keys.of_queue(rules.name)
        keys = [queue.queue, queue.arrivals, queue.last_seen, queue.stats, queue.recent_matches, self._keys.tickets]
        keys += [self._keys.matches, self._keys.outbox, *self._offer_keys]
        for other in map(self._keys.of_queue, form.other_queues):
            keys += [other.queue, other.arrivals, other.last_seen, other.stats]
        args: list[str | int] = [
            rules.placement,
            proposals,
            epoch,
            lifetimes.MATCHES_LIFETIME_MS,
            lifetimes.STATS_LIFETIME_MS,
            lifetimes.RECENT_MATCHES_KEPT,
        ]
        return keys, [*args, *form.args]

    def claim_seats(self, queue: str, proposals: Sequence[SeatProposal], now_ms: int, *, epoch: int = 0) -> SeatClaims:
        made = [self._claim_seats(queue, proposal, now_ms, epoch) for proposal in proposals]
        return SeatClaims([one for one in made if one])

    def _claim_seats(self, queue: str, proposal: SeatProposal, now_ms: int, epoch: int) -> Newcomers | None:
        if not all(waits_in(queue, mark) for _, mark in proposal.entrants):
            return None
        found = [matched_player(player, mark, queue, now_ms) for player, mark in proposal.entrants]
        if parts_a_party([(player.id, party) for player, _, party in found if party]):
            return None
        answer = self._scripts.call(
            "claim_seats",
            [self._keys.tickets, self._keys.matches, self._keys.outbox, *self._per_queue_keys],
            [
                proposal.claim_id,
                filling_word(queue, proposal, now_ms),
                epoch,
                lifetimes.MATCHES_LIFETIME_MS,
                len(proposal.entrants),
                *[word for entrant in proposal.entrants for word in entrant],
                *self._queues,
            ],
        )
        if answer[0] == "TAKEN":
            return None
        players = tuple(player for player, _, _ in found)
        return Newcomers(proposal.claim_id, proposal.match_id, queue, proposal.team, players)

    def give_back(self, newcomers: Sequence[Newcomers], now_ms: int, *, gone: Collection[PlayerId] = ()) -> None:
        """As a match without a seat that was not counted."""
        claims = [Match(one.claim_id, "", "", (one.players,), None, now_ms) for one in newcomers]
        self.withdraw(claims, now_ms, gone=gone)

    # --- the clock's calls ----------------------------------------------------------------------------

    def expire(self, rules: QueueRules, now_ms: int) -> list[TicketId]:
        keys = self._keys.of_queue(rules.name)
        before = now_ms - rules.ticket_ttl_ms
        while True:
            with redis_errors():
                silent: Any = self._client.zrange(
                    keys.last_seen, "-inf", f"({before}", byscore=True, offset=0, num=EXPIRE_BATCH
                )
            ended = self._expire_with_parties(rules.name, before, silent)
            if ended or len(silent) < EXPIRE_BATCH:  # else they all were matched since, and are taken out now
                return ended

    def _expire_with_parties(self, queue: str, before_ms: int, players: Sequence[str]) -> list[TicketId]:
        ended: list[str] = []
        while players:
            answer = self._expire(queue, before_ms, players)
            until = answer.index("PARTY") if "PARTY" in answer else len(answer)
            ended += answer[:until]
            others = [player for player in answer[until + 1 :] if player not in players]
            players = [*players, *others] if others else []
        return [TicketId(ticket) for ticket in ended]

    def _expire(self, queue: str, before_ms: int, players: Sequence[str]) -> list[str]:
        answer: list[str] = self._scripts.call(
            "expire_tickets",
            [self._keys.tickets, *self._per_queue_keys, *map(self._keys.last_word, players)],
            [before_ms, self._last_word_ms, len(self._queues), queue, *self._queues, *players],
        )
        return answer

    def prune_online(self, now_ms: int) -> int:
        keys = [self._keys.online, self._keys.online_last_seen]
        return int(self._scripts.call("prune_online", keys, [now_ms - lifetimes.ONLINE_LIFETIME_MS, EXPIRE_BATCH]))

    # --- the match's life -----------------------------------------------------------------------------

    def outbox(self, limit: int) -> list[OutboxEntry]:
        with redis_errors():
            epochs: Any = self._client.hscan(self._keys.outbox, count=limit)[1]
            found: Any = self._client.hmget(self._keys.matches, list(epochs)) if epochs else []
        return [
            _outbox_entry(match_id, raw or "", int(epoch))
            for (match_id, epoch), raw in zip(epochs.items(), found, strict=True)
        ]

    def acknowledge(self, written: Sequence[MatchId], *, dead: Sequence[OutboxEntry] = ()) -> None:
        with redis_errors(), self._client.pipeline(transaction=True) as pipeline:
            for batch in in_batches(written, 1000):
                pipeline.hdel(self._keys.outbox, *batch)
            if dead:
                pipeline.hset(self._keys.outbox_dead, mapping={entry.match_id: entry.raw for entry in dead})
                pipeline.pexpire(self._keys.outbox_dead, lifetimes.DEAD_LIFETIME_MS)
                pipeline.hdel(self._keys.outbox, *(entry.match_id for entry in dead))
            pipeline.execute()

    def withdraw(self, matches: Sequence[Match], now_ms: int, *, gone: Collection[PlayerId] = ()) -> None:
        for match in matches:
            players = [player.id for player in match.players]
            self._scripts.call(
                "withdraw_match",
                [
                    *self._match_keys,
                    *self._pool_keys,
                    *self._per_queue_keys,
                    *map(self._keys.last_word, players),
                ],
                [
                    match.id,
                    match.server.id if match.server else "",
                    now_ms,
                    lifetimes.QUEUE_LIFETIME_MS,
                    self._last_word_ms,
                    match.queue,
                    len(players),
                    *[word for pair in becomes_of(match.players, gone).items() for word in pair],
                    *self._queues,
                ],
            )

    def enter(self, matches: Sequence[Matched]) -> None:
        for matched in matches:
            answer = self._enter(matched, [])
            while answer[0] == "PARTY":
                answer = self._enter(matched, answer[1:])

    def _enter(self, matched: Matched, fellows: Sequence[str]) -> list[str]:
        match = matched.match
        players = [word for player in match.players for word in (player.id, match.id + ticket_word(match, player))]
        answer: list[str] = self._scripts.call(
            "enter_match",
            [
                *self._match_keys,
                *self._pool_keys,
                *self._per_queue_keys,
                *map(self._keys.last_word, fellows),
            ],
            [
                match.id,
                live_word(match, matched.status),
                match.server.id if match.server else "",
                lifetimes.MATCHES_LIFETIME_MS,
                lifetimes.SERVERS_LIFETIME_MS,
                len(match.players),
                len(fellows),
                self._last_word_ms,
                *players,
                *fellows,
                *self._queues,
            ],
        )
        return answer

    def drop(self, player_ids: Sequence[PlayerId]) -> None:
        self._drop([(player_id, "") for player_id in player_ids])

    def drop_played(self, tickets: Sequence[tuple[PlayerId, TicketId]]) -> None:
        self._drop(tickets)

    def _drop(self, tickets: Sequence[tuple[PlayerId, str]]) -> None:
        for batch in in_batches(tickets, EXPIRE_BATCH):
            words = [self._keys.last_word(player_id) for player_id, _ in batch]
            keys = [self._keys.tickets, *self._per_queue_keys, *words]
            self._scripts.call("drop_tickets", keys, [len(batch), *chain.from_iterable(batch), *self._queues])

    def tickets_of(self, matches: Sequence[Match]) -> dict[PlayerId, KeptTicket]:
        found: dict[PlayerId, KeptTicket] = {}
        for match in matches:
            players = [player.id for player in match.players]
            with redis_errors():
                rows: Any = self._client.hmget(self._keys.tickets, list(players))
            for player, row in zip(players, rows, strict=True):
                if row is not None and row.startswith(f"{match.id}|"):
                    found[player] = kept_of(player, row)
        return found

    def confirm(self, matches: Sequence[Match]) -> None:
        for match in matches:
            self._scripts.call("confirm_match", [self._keys.matches], [match.id])

    def call_off(self, called_off: CalledOff) -> None:
        match = called_off.match
        players = [player.id for player in match.players]
        back = {player: kept.within(self._queues) for player, kept in called_off.back.items() if kept is not None}
        rows = {player: row_of(kept) for player, kept in back.items() if kept is not None}
        self._scripts.call(
            "call_off_match",
            [*self._match_keys, *self._pool_keys, *self._per_queue_keys, *map(self._keys.last_word, players)],
            [
                match.id,
                match.server.id if match.server else "",
                called_off.at_ms,
                lifetimes.QUEUE_LIFETIME_MS,
                self._last_word_ms,
                match.queue,
                len(players),
                *[word for player in players for word in (player, rows.get(player, ""))],
                *self._queues,
            ],
        )
        self.let_go(*players)

    def start(self, matches: Sequence[Match]) -> None:
        for match in matches:
            self._scripts.call("start_match", [self._keys.matches, self._keys.outbox], [match.id])

    def end(self, match: Match, how: MatchStatus) -> None:
        players = [player.id for player in match.players]
        self._scripts.call(
            "end_match",
            [*self._match_keys, *self._pool_keys, *map(self._keys.last_word, players)],
            [match.id, how, match.server.id if match.server else "", self._last_word_ms, *players],
        )
        self.let_go(*players)

    def change_players(
        self,
        match: Match,
        status: MatchStatus,
        *,
        left: Sequence[MatchedPlayer] = (),
        newcomers: Newcomers | None = None,
    ) -> Change:
        playing, gone = [player.id for player in match.players], [player.id for player in left]
        came = [player.id for player in newcomers.players] if newcomers else []
        answer = self._scripts.call(
            "change_players",
            [*self._match_keys, *map(self._keys.last_word, [*playing, *gone])],
            [
                match.id,
                live_word(match, status),
                "" if status.is_live else status.value,
                newcomers.claim_id if newcomers else "",
                self._last_word_ms,
                len(playing),
                len(came),
                *came,
                *playing,
                *gone,
            ],
        )
        self.let_go(*gone)
        return Change(answer[0])

    def find_matches(self, match_ids: Sequence[MatchId]) -> list[Matched]:
        if not match_ids:
            return []
        with redis_errors(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.hmget(self._keys.outbox, list(match_ids))
            pipeline.hmget(self._keys.matches, list(match_ids))
            unannounced, found = pipeline.execute()
        return [matched_of(raw) for epoch, raw in zip(unannounced, found, strict=True) if raw and epoch is None]

    # --- what may be lost -----------------------------------------------------------------------------

    def incarnation(self) -> str:
        with redis_errors():
            marked: Any = self._client.get(self._keys.incarnation)
            return f"{(self._run and self._run.id) or run_id(self._client)} {marked or ''}"

    def mark(self, word: str) -> str:
        with redis_errors():
            self._client.set(self._keys.incarnation, word, px=lifetimes.STATS_LIFETIME_MS)
        return self.incarnation()

    def note_ended(self, ended: Sequence[LeftBehind]) -> None:
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for one in ended:
                pipeline.set(self._keys.last_word(one.kept.player_id), ended_word(one), px=self._last_word_ms)
            pipeline.execute()

    def live(self) -> Iterator[list[MatchId]]:
        cursor = 0
        while True:
            with redis_errors():
                answer: Any = self._client.hscan(self._keys.matches, cursor, count=1000)
            cursor = int(answer[0])
            yield [MatchId(match_id) for match_id in answer[1]]
            if cursor == 0:
                return

    # --- figures --------------------------------------------------------------------------------------

    def counts(self, queue: str, bands: Sequence[tuple[float, float]]) -> QueueCounts:
        keys = self._keys.of_queue(queue)
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            pipeline.zcard(keys.queue)
            pipeline.hgetall(keys.stats)
            pipeline.lrange(keys.recent_matches, 0, lifetimes.RECENT_WAITS_KEPT // 2 - 1)
            pipeline.get(keys.last_round)
            for least, below in bands:
                pipeline.zcount(keys.queue, least, f"({below}")
            size, stats, recent, last_round, *per_band = pipeline.execute()
        return QueueCounts(
            current_size=size,
            rating_sum=float(stats.get("rating_sum", 0)) if size else 0.0,
            total_joins=int(stats.get("total_joins", 0)),
            total_leaves=int(stats.get("total_leaves", 0)),
            total_matches=int(stats.get("total_matches", 0)),
            total_expired=int(stats.get("total_expired", 0)),
            recent_waits_ms=recent_of(recent).waits_ms.tolist(),
            per_band=per_band,
            last_round_ms=int(last_round) if last_round else None,
        )

    def recent(self, queue: str, limit: int) -> RecentMatches:
        with redis_errors():
            lines: Any = self._client.lrange(self._keys.of_queue(queue).recent_matches, 0, limit - 1)
        return recent_of(lines)

    def online(self) -> int:
        with redis_errors():
            return int(self._client.hlen(self._keys.online))


def _join_lifetimes_ms() -> tuple[int, ...]:
    return (
        lifetimes.QUEUE_LIFETIME_MS,
        lifetimes.STATS_LIFETIME_MS,
        lifetimes.NUDGE_LIFETIME_MS,
        lifetimes.RATINGS_LIFETIME_MS,
        lifetimes.ONLINE_LIFETIME_MS,
    )


def _brought(request: JoinRequest, queues: Sequence[str]) -> list[str]:
    """The ratings that a join brings, as scripts take them: "" is none."""
    return ["" if rating is None else repr(rating) for rating in request.brought(queues)]


def _outbox_entry(match_id: str, raw: str, epoch: int) -> OutboxEntry:
    try:
        if raw.startswith(FILLING):
            return OutboxEntry(MatchId(match_id), None, raw, epoch, newcomers_of(raw))
        return OutboxEntry(MatchId(match_id), matched_of(raw).match, raw, epoch)
    except (ValueError, KeyError, TypeError):
        return OutboxEntry(MatchId(match_id), None, raw, epoch)
