"""Tickets in Redis: each step one Lua script (see `lua/`), each key from `datastore.keys`."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import redis

from datastore import keys as lifetimes
from datastore.batches import in_batches
from datastore.client import redis_errors
from datastore.keys import Keys
from datastore.scripts import Scripts
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.match import Claims, Match, MatchId, MatchStatus, OutboxEntry, PlayerId, Proposal
from matchmaking.rules import QueueRules, Rules
from matchmaking.stores.port import QueueCounts, RoundTurn
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

#: Proposals a claim script: more would block Redis for over 2 ms, fewer would cost round trips.
CLAIM_BATCH = 25
#: Batches under way at once: one is prepared while Redis works on the other.
CLAIMS_AT_ONCE = 2
#: Tickets an expiry script and players a pruning script look at.
EXPIRE_BATCH = 200
#: Tickets a snapshot page: one ZRANGE of this size takes about 1 ms of Redis.
SNAPSHOT_PAGE = 5000
#: Milliseconds. A lease outlives any round; the lease of a killed worker blocks its queue for so long.
ROUND_LEASE_MS = 5_000
#: Milliseconds. Keys outlive what they hold by so much, so that the reaper, not Redis, ends tickets and matches.
GRACE_MS = 3600_000


class RedisTicketStore:
    """Keeps `TicketStore`'s promise. One client; safe for threads."""

    def __init__(self, client: redis.Redis, keys: Keys, rules: Rules) -> None:
        self._client = client
        self._keys = keys
        self._scripts = Scripts(client, Path(__file__).parent / "lua")
        self._queues = list(rules.queues)
        self._ticket_lifetime_ms = max(map(_ticket_lifetime_ms, rules.queues.values()))
        self._per_queue_keys = [
            key
            for queue in map(keys.of_queue, self._queues)
            for key in (queue.queue, queue.arrivals, queue.last_seen, queue.stats)
        ]
        self._per_player_keys = [keys.online, keys.online_last_seen, keys.matches, *self._per_queue_keys]
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
        queue = self._keys.of_queue(rules.name)
        answer = self._scripts.call(
            "join_queue",
            [
                self._keys.ticket(request.player_id),
                queue.queue,
                queue.arrivals,
                queue.last_seen,
                queue.stats,
                queue.nudge,
                self._keys.online,
                self._keys.online_last_seen,
                self._keys.ratings(request.player_id),
                self._keys.matches,
            ],
            [
                request.player_id,
                request.username,
                rules.name,
                request.region,
                request.ticket_id,
                now_ms,
                "" if request.rating is None else repr(request.rating),
                self._ticket_lifetime_ms,
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
                return _waiting(answer)
            case "MATCHED":
                return _matched(answer)
            case "ELSEWHERE":
                return Elsewhere(queue=answer[1])
            case _:
                return RatingMissing()

    def status(self, player_id: PlayerId, now_ms: int) -> Waiting | Matched | Ended | Expired | NotInQueue:
        answer = self._scripts.call(
            "ticket_status",
            [self._keys.ticket(player_id), *self._per_player_keys],
            [
                player_id,
                now_ms,
                self._ticket_lifetime_ms,
                lifetimes.ONLINE_LIFETIME_MS,
                lifetimes.QUEUE_LIFETIME_MS,
                *self._queues,
            ],
        )
        match answer[0]:
            case "WAITING":
                return _waiting(answer)
            case "MATCHED":
                return _matched(answer)
            case "ENDED":
                return Ended(match_id=MatchId(answer[2]), status=MatchStatus(answer[1]))
            case "EXPIRED":
                return Expired(queue=answer[1])
            case _:
                return NotInQueue()

    def leave(self, player_id: PlayerId, now_ms: int) -> Left | Matched | NotInQueue:
        answer = self._scripts.call(
            "leave_queue",
            [self._keys.ticket(player_id), *self._per_player_keys],
            [player_id, now_ms, *self._queues],
        )
        match answer[0]:
            case "LEFT":
                return Left(queue=answer[1], ticket_id=TicketId(answer[2]), waited_ms=int(answer[3]))
            case "MATCHED":
                return _matched(answer)
            case _:
                return NotInQueue()

    # --- the round ------------------------------------------------------------------------------------

    def begin_round(self, queue: str, token: str, now_ms: int) -> bool:
        return bool(
            self._scripts.call("begin_round", self._round_keys(queue), self._round_args(token, now_ms)) == "BEGUN"
        )

    def finish_round(self, queue: str, token: str, now_ms: int, *, may_run_again: bool) -> RoundTurn:
        args = [*self._round_args(token, now_ms), "AGAIN" if may_run_again else ""]
        return RoundTurn(self._scripts.call("finish_round", self._round_keys(queue), args))

    def _round_keys(self, queue: str) -> list[str]:
        keys = self._keys.of_queue(queue)
        return [keys.round_lease, keys.nudge, keys.last_round]

    @staticmethod
    def _round_args(token: str, now_ms: int) -> list[str | int]:
        return [token, ROUND_LEASE_MS, now_ms, lifetimes.STATS_LIFETIME_MS]

    def snapshot(self, queue: str) -> WaitingTickets:
        keys = self._keys.of_queue(queue)
        players, ratings = self._scores(keys.queue)
        arrivals = dict(zip(*self._scores(keys.arrivals), strict=True))
        # A ticket that came or went between the two reads is in one of them only; it waits for the next round.
        # One that moved between two pages may be listed twice; it is one ticket.
        rows = {player: row for row, player in enumerate(players) if player in arrivals}
        if len(rows) < len(players):
            players, ratings = list(rows), ratings[list(rows.values())]
        return WaitingTickets(
            player_ids=players,
            ratings=ratings,
            joined_ms=np.fromiter((arrivals[player] for player in players), dtype=np.int64, count=len(players)),
        )

    def _scores(self, key: str) -> tuple[list[str], np.ndarray]:
        """A sorted set as (members, scores), page by page, so that Redis serves others in between."""
        members: list[str] = []
        scores: list[np.ndarray] = []
        client: Any = self._client
        with redis_errors():
            while True:
                first = len(members)
                page = client.execute_command("ZRANGE", key, first, first + SNAPSHOT_PAGE - 1, "WITHSCORES")
                members += page[::2]
                scores.append(np.array(page[1::2], dtype=np.float64))
                if len(page) < 2 * SNAPSHOT_PAGE:
                    return members, np.concatenate(scores)

    def claim(self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int) -> Claims:
        matches: list[Match] = []
        refused = {"TAKEN": 0, "NO_SEAT": 0}
        with ThreadPoolExecutor(CLAIMS_AT_ONCE) as threads:
            batches = in_batches(proposals, CLAIM_BATCH)
            for answers in threads.map(lambda batch: self._claim_batch(rules, batch, now_ms), batches):
                for answer in answers:
                    if answer in refused:
                        refused[answer] += 1
                    else:
                        matches.append(Match.from_json(answer))
        return Claims(matches=matches, taken=refused["TAKEN"], without_seat=refused["NO_SEAT"])

    def _claim_batch(self, rules: QueueRules, proposals: Sequence[Proposal], now_ms: int) -> list[str]:
        queue = self._keys.of_queue(rules.name)
        keys = [queue.queue, queue.arrivals, queue.last_seen, queue.stats, queue.recent_waits, self._keys.outbox]
        keys += [*self._pool_keys, self._keys.matches]
        for proposal in proposals:
            keys += [self._keys.ticket(player) for team in proposal.teams for player in team]
        teams = proposals[0].teams
        args: list[str | int] = [
            rules.name,
            now_ms,
            rules.placement,
            len(teams[0]),
            len(teams),
            lifetimes.MATCHES_LIFETIME_MS,
            lifetimes.STATS_LIFETIME_MS,
            lifetimes.RECENT_WAITS_KEPT,
        ]
        args += [proposal.match_id for proposal in proposals]
        answers: list[str] = self._scripts.call("claim_matches", keys, args)
        return answers

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
            [keys.queue, keys.arrivals, keys.last_seen, keys.stats, *map(self._keys.ticket, silent)],
            [rules.name, before, lifetimes.LAST_WORD_LIFETIME_MS, *silent],
        )
        return [TicketId(ticket) for ticket in ended]

    def prune_online(self, now_ms: int) -> int:
        keys = [self._keys.online, self._keys.online_last_seen]
        return int(self._scripts.call("prune_online", keys, [now_ms - lifetimes.ONLINE_LIFETIME_MS, EXPIRE_BATCH]))

    # --- the match's life -----------------------------------------------------------------------------

    def outbox(self, limit: int) -> list[OutboxEntry]:
        with redis_errors():
            entries: Any = self._client.hscan(self._keys.outbox, count=limit)[1]
        return [_outbox_entry(match_id, raw) for match_id, raw in entries.items()]

    def acknowledge(self, written: Sequence[MatchId], *, dead: Sequence[OutboxEntry] = ()) -> None:
        with redis_errors(), self._client.pipeline(transaction=True) as pipeline:
            for batch in in_batches(written, 1000):
                pipeline.hdel(self._keys.outbox, *batch)
            if dead:
                pipeline.hset(self._keys.outbox_dead, mapping={entry.match_id: entry.raw for entry in dead})
                pipeline.pexpire(self._keys.outbox_dead, lifetimes.DEAD_LIFETIME_MS)
                pipeline.hdel(self._keys.outbox, *(entry.match_id for entry in dead))
            pipeline.execute()

    def start(self, matches: Sequence[Match]) -> None:
        for match in matches:
            self._scripts.call("start_match", [self._keys.matches, *self._tickets_of(match)], [match.id])

    def end(self, match: Match, how: MatchStatus) -> None:
        self._scripts.call(
            "end_match",
            [self._keys.matches, *self._pool_keys, *self._tickets_of(match)],
            [match.id, how, match.server.id if match.server else "", lifetimes.LAST_WORD_LIFETIME_MS],
        )

    def find_matches(self, match_ids: Sequence[MatchId]) -> list[Matched]:
        if not match_ids:
            return []
        with redis_errors():
            found: Any = self._client.hmget(self._keys.matches, list(match_ids))
        kept = [raw.partition(" ") for raw in found if raw]
        return [Matched(match=Match.from_json(match), status=MatchStatus(status)) for status, _, match in kept]

    def _tickets_of(self, match: Match) -> list[str]:
        return [self._keys.ticket(player.id) for player in match.players]

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


def _ticket_lifetime_ms(rules: QueueRules) -> int:
    """Set once, by the join, for the ticket and for the match that it may become."""
    return rules.ticket_ttl_ms + rules.match_ttl_ms + GRACE_MS


def _waiting(answer: list[Any]) -> Waiting:
    _, is_new, ticket_id, queue, rating, joined_ms, rank, size, rating_sum, nudge = answer
    return Waiting(
        ticket_id=TicketId(ticket_id),
        queue=queue,
        rating=float(rating),
        joined_ms=int(joined_ms),
        position=int(rank) + 1,
        size=int(size),
        rating_sum=float(rating_sum),
        is_new=is_new == "NEW",
        wants_round=nudge == "NUDGE",
    )


def _matched(answer: list[Any]) -> Matched:
    return Matched(match=Match.from_json(answer[2]), status=MatchStatus(answer[1]))


def _outbox_entry(match_id: str, raw: str) -> OutboxEntry:
    try:
        return OutboxEntry(match_id=MatchId(match_id), match=Match.from_json(raw), raw=raw)
    except (ValueError, KeyError, TypeError):
        return OutboxEntry(match_id=MatchId(match_id), match=None, raw=raw)
