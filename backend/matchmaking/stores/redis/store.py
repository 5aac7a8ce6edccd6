"""Tickets in Redis: each step one Lua script (see `lua/`), each key from `datastore.keys`."""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import redis

from datastore import keys as lifetimes
from datastore.batches import in_batches
from datastore.client import redis_errors, run_id
from datastore.keys import Keys
from datastore.run import Run
from datastore.scripts import Scripts
from errors import StoreLost
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.match import Claims, Match, MatchId, MatchStatus, OutboxEntry, PlayerId, Proposal, TicketId
from matchmaking.rules import QueueRules, Rules
from matchmaking.stores.port import LeftBehind, QueueCounts, RoundTurn
from matchmaking.stores.redis.claim_form import ClaimForm
from matchmaking.stores.redis.words import ended_word, last_word_of, left_of, matched_of, ticket_word, waiting_of
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
    Waiting,
)

#: Proposals a claim script: more would block Redis for over 2 ms, fewer would cost round trips.
CLAIM_BATCH = 50
#: Batches under way at once: one is prepared while Redis works on the other.
CLAIMS_AT_ONCE = 2
#: Tickets an expiry script and players a pruning script look at.
EXPIRE_BATCH = 200
#: Tickets a snapshot page: one ZRANGE or HMGET of this size takes about 1 ms of Redis.
SNAPSHOT_PAGE = 2000
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
        self._player_keys = [keys.tickets, keys.online, keys.online_last_seen, keys.matches, keys.outbox]
        self._match_keys = [keys.matches, keys.outbox, keys.tickets]
        self._pool_keys = [
            keys.servers,
            keys.servers_active,
            keys.servers_load,
            keys.servers_seats,
            keys.active_games,
        ]

    # --- the player's calls ---------------------------------------------------------------------------

    def join(
        self, request: JoinRequest, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | RatingMissing:
        rating = "" if request.rating is None else repr(request.rating)
        keep: list[str | int] = [request.ticket_id, rating, now_ms, request.region, request.username]
        answer = self._join(request.player_id, rules, now_ms, keep, "")
        return RatingMissing() if isinstance(answer, NotInQueue | Expired | Ended) else answer

    def restore(
        self, kept: KeptTicket, rules: QueueRules, now_ms: int
    ) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        keep: list[str | int] = [kept.id, repr(kept.rating), kept.joined_ms, kept.region, kept.username]
        outcome = self._join(kept.player_id, rules, now_ms, keep, "RESTORE")
        waits_here = isinstance(outcome, Elsewhere) and outcome.queue in self._queues
        return self.status(kept.player_id, now_ms) if waits_here else outcome

    def _join(
        self, player_id: PlayerId, rules: QueueRules, now_ms: int, ticket: list[str | int], mode: str
    ) -> Waiting | Matched | Elsewhere | Ended | Expired | NotInQueue:
        """The join script; `NotInQueue` where it misses the rating."""
        queue, keys = self._keys.of_queue(rules.name), self._keys
        answer = self._ask(
            "join_queue",
            [
                keys.tickets,
                queue.queue,
                queue.arrivals,
                queue.last_seen,
                queue.stats,
                queue.nudge,
                keys.online,
                keys.online_last_seen,
                keys.matches,
                keys.outbox,
                keys.elsewhere(player_id),
                keys.last_word(player_id),
                keys.ratings(player_id),
                keys.incarnation,
            ],
            [
                player_id,
                now_ms,
                rules.name,
                *ticket,
                mode,
                lifetimes.QUEUE_LIFETIME_MS,
                lifetimes.STATS_LIFETIME_MS,
                lifetimes.NUDGE_LIFETIME_MS,
                lifetimes.RATINGS_LIFETIME_MS,
                lifetimes.ONLINE_LIFETIME_MS,
                *self._queues,
            ],
        )
        match answer[0]:
            case "WAITING":
                return waiting_of(answer)
            case "MATCHED":
                return matched_of(answer[1])
            case "ELSEWHERE":
                return Elsewhere(queue=answer[1])
            case "OVER":
                return last_word_of(answer[1])
            case _:
                return NotInQueue()

    def status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        answer = self._ask(
            "ticket_status",
            [*self._player_keys, self._keys.incarnation, self._keys.last_word(player_id), *self._per_queue_keys],
            [player_id, now_ms, lifetimes.ONLINE_LIFETIME_MS, *self._queues],
        )
        match answer[0]:
            case "WAITING":
                return waiting_of(answer)
            case "MATCHED":
                return matched_of(answer[1])
            case "OVER":
                return last_word_of(answer[1])
            case _:
                return NotInQueue()

    def leave(
        self, player_id: PlayerId, now_ms: int, *, request_key: str = ""
    ) -> Left | Matched | BeingMatched | NotInQueue:
        answer = self._ask(
            "leave_queue",
            [*self._player_keys, self._keys.incarnation, self._keys.last_word(player_id), *self._per_queue_keys],
            [player_id, now_ms, self._last_word_ms, request_key, *self._queues],
        )
        match answer[0]:
            case "LEFT":
                return left_of(answer[1])
            case "MATCHED":
                return matched_of(answer[1])
            case "BEING_MATCHED":
                return BeingMatched()
            case _:
                return NotInQueue()

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
        return matched_of(answer[1]) if answer[0] == "MATCHED" else Elsewhere(queue=answer[1])

    def let_go(self, *player_ids: PlayerId) -> None:
        """They no longer wait elsewhere, as far as is known."""
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

    def snapshot(self, queue: str, *, asked_since_ms: int = 0) -> WaitingTickets:
        """One page after the other, so that Redis serves others in between. A ticket that comes, goes or moves
        between two pages is in none or once; it waits for the next round."""
        players = self._listed(self._keys.of_queue(queue), asked_since_ms)
        marks: list[str] = []
        with redis_errors():
            for page in in_batches(players, SNAPSHOT_PAGE):
                found: Any = self._client.hmget(self._keys.tickets, list(page))
                marks += found
        head = f"|{queue}|"
        rows = [row for row, mark in enumerate(marks) if mark is not None and mark.startswith(head)]
        if len(rows) < len(players):
            players, marks = [players[row] for row in rows], [marks[row] for row in rows]
        parts = [mark.split("|", 5) for mark in marks]
        return WaitingTickets(
            player_ids=players,
            ratings=np.array([part[3] for part in parts], dtype=np.float64),
            joined_ms=np.array([part[4] for part in parts], dtype=np.int64),
            marks=marks,
        )

    def _listed(self, keys: Any, asked_since_ms: int) -> list[str]:
        """Players of the queue, each once; those who have asked since."""
        players: dict[str, None] = {}
        with redis_errors():
            if asked_since_ms:
                asked: Any = self._client.zrange(keys.last_seen, asked_since_ms, "+inf", byscore=True)
                return list(asked)
            first = 0
            while True:
                page: Any = self._client.zrange(keys.queue, first, first + SNAPSHOT_PAGE - 1)
                players.update(dict.fromkeys(page))
                first += SNAPSHOT_PAGE
                if len(page) < SNAPSHOT_PAGE:
                    return list(players)

    def claim(self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int, *, epoch: int = 0) -> Claims:
        matches: list[Match] = []
        refused = {"TAKEN": 0, "NO_SEAT": 0}
        with ThreadPoolExecutor(CLAIMS_AT_ONCE) as threads:
            batches = in_batches(proposals, CLAIM_BATCH)
            for made in threads.map(lambda batch: self._claim_batch(rules, batch, now_ms, epoch), batches):
                for one in made:
                    if isinstance(one, str):
                        refused[one] += 1
                    else:
                        matches.append(one)
        return Claims(matches=matches, taken=refused["TAKEN"], without_seat=refused["NO_SEAT"])

    def _claim_batch(
        self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int, epoch: int
    ) -> list[Match | str]:
        form = ClaimForm(rules.name, now_ms, proposals)
        queue = self._keys.of_queue(rules.name)
        keys = [queue.queue, queue.arrivals, queue.last_seen, queue.stats, queue.recent_waits, self._keys.tickets]
        keys += [self._keys.matches, self._keys.outbox, *self._pool_keys]
        args: list[str | int] = [
            rules.placement,
            form.players_a_match,
            epoch,
            lifetimes.MATCHES_LIFETIME_MS,
            lifetimes.STATS_LIFETIME_MS,
            lifetimes.RECENT_WAITS_KEPT,
        ]
        return form.outcomes(self._scripts.call("claim_matches", keys, args + form.args))

    # --- the clock's calls ----------------------------------------------------------------------------

    def expire(self, rules: QueueRules, now_ms: int) -> list[TicketId]:
        keys = self._keys.of_queue(rules.name)
        before = now_ms - rules.ticket_ttl_ms
        with redis_errors():
            silent: Any = self._client.zrange(
                keys.last_seen, "-inf", f"({before}", byscore=True, offset=0, num=EXPIRE_BATCH
            )
        if not silent:
            return []
        ended: list[str] = self._scripts.call(
            "expire_tickets",
            [
                keys.queue,
                keys.arrivals,
                keys.last_seen,
                keys.stats,
                self._keys.tickets,
                *map(self._keys.last_word, silent),
            ],
            [rules.name, before, self._last_word_ms, *silent],
        )
        return [TicketId(ticket) for ticket in ended]

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
            queue = self._keys.of_queue(match.queue)
            players = [word for player in match.players for word in (player.id, "GONE" if player.id in gone else "")]
            self._scripts.call(
                "withdraw_match",
                [*self._match_keys, queue.queue, queue.arrivals, queue.last_seen, queue.stats, *self._pool_keys],
                [match.id, match.server.id if match.server else "", now_ms, lifetimes.QUEUE_LIFETIME_MS, *players],
            )

    def enter(self, matches: Sequence[Matched]) -> None:
        for matched in matches:
            match = matched.match
            players = [word for player in match.players for word in (player.id, match.id + ticket_word(match, player))]
            self._scripts.call(
                "enter_match",
                [*self._match_keys, *self._pool_keys, *self._per_queue_keys],
                [
                    match.id,
                    f"{matched.status} {match.to_json()}",
                    match.server.id if match.server else "",
                    lifetimes.MATCHES_LIFETIME_MS,
                    lifetimes.SERVERS_LIFETIME_MS,
                    len(match.players),
                    *players,
                    *self._queues,
                ],
            )

    def drop(self, player_ids: Sequence[PlayerId]) -> None:
        for batch in in_batches(player_ids, EXPIRE_BATCH):
            keys = [self._keys.tickets, *self._per_queue_keys]
            self._scripts.call("drop_tickets", keys, [len(batch), *batch, *self._queues])

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
            pipeline.lrange(keys.recent_waits, 0, lifetimes.RECENT_WAITS_KEPT - 1)
            pipeline.get(keys.last_round)
            for least, below in bands:
                pipeline.zcount(keys.queue, least, f"({below}")
            size, stats, waits, last_round, *per_band = pipeline.execute()
        return QueueCounts(
            current_size=size,
            rating_sum=float(stats.get("rating_sum", 0)) if size else 0.0,
            total_joins=int(stats.get("total_joins", 0)),
            total_leaves=int(stats.get("total_leaves", 0)),
            total_matches=int(stats.get("total_matches", 0)),
            total_expired=int(stats.get("total_expired", 0)),
            recent_waits_ms=[int(wait) for wait in waits],
            per_band=per_band,
            last_round_ms=int(last_round) if last_round else None,
        )

    def online(self) -> int:
        with redis_errors():
            return int(self._client.hlen(self._keys.online))


def _outbox_entry(match_id: str, raw: str, epoch: int) -> OutboxEntry:
    try:
        return OutboxEntry(MatchId(match_id), matched_of(raw).match, raw, epoch)
    except (ValueError, KeyError, TypeError):
        return OutboxEntry(MatchId(match_id), None, raw, epoch)
