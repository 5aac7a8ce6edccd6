"""A whole round over a full queue: snapshot, engine, claims, history; and how long Redis is blocked.

Runs against the Redis and PostgreSQL of the settings, in a namespace of its own.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

import numpy as np
import redis
from django.db import connection

from bench.pauses import longest_pause_ms
from caroud.wiring import new_id
from datastore.batches import in_batches
from datastore.client import RedisLimits, connect
from datastore.keys import Keys
from matchmaking.charge import read_charge
from matchmaking.engine.pairing import find_matches
from matchmaking.history import record_matches
from matchmaking.match import PlayerId
from matchmaking.models import MatchRecord, Participant
from matchmaking.rules import QueueRules, Rules
from matchmaking.services.find_matches import run_round, uncollected
from matchmaking.services.propose import propose
from matchmaking.stores.redis.store import RedisTicketStore
from servers.server import Registration, ServerId
from servers.stores.redis.pool import RedisServerPool

RULES = QueueRules(name="bench")
#: Commands slower than this are noted by Redis, in microseconds.
NOTED_US = 300
#: As long as the claims of all repeats take.
_SPIN_SECONDS = 5.0
#: A claim as lean as it can be (both out of the queue, both told, one list entry), 500 pairs a script: the yardstick.
_LEAN_CLAIM = """
for place = 1, #ARGV, 2 do
  local one, other = ARGV[place], ARGV[place + 1]
  if redis.call('ZSCORE', KEYS[1], one) and redis.call('ZSCORE', KEYS[1], other) then
    redis.call('ZREM', KEYS[1], one, other)
    local id = redis.call('INCR', KEYS[2])
    redis.call('HSET', KEYS[4] .. one, 'status', 'matched', 'match', id)
    redis.call('HSET', KEYS[4] .. other, 'status', 'matched', 'match', id)
    redis.call('RPUSH', KEYS[3], id)
  end
end
"""


def run(*, redis_url: str, sizes: tuple[int, ...] = (1_000, 10_000, 100_000), repeats: int = 3) -> dict[str, Any]:
    """Seconds of each part by queue size; medians of `repeats`."""
    client = connect(redis_url, limits=RedisLimits(answer_seconds=30))
    client.config_set("slowlog-log-slower-than", NOTED_US)
    client.config_set("slowlog-max-len", 20_000)
    # Filling the queue would make Redis rewrite its append-only file, in a process beside the round that is measured.
    client.config_set("auto-aof-rewrite-percentage", 0)
    results: dict[str, Any] = {"longest_pause_of_an_empty_loop_ms": longest_pause_ms(_SPIN_SECONDS)}
    for size in sizes:
        scripts: list[list[float]] = []
        runs = [_one_round(client, size, seed, scripts) for seed in range(repeats)]
        results[str(size)] = {name: median(run[name] for run in runs) for name in runs[0]}
        results[str(size)]["longest_undisturbed_script_ms"] = _longest_undisturbed(scripts)
    return results


def _longest_undisturbed(runs: Sequence[Sequence[float]]) -> float:
    """Of the claims of each run, in their order, ms: the longest at its shortest. What the machine does meanwhile hits
    another one each time; what makes a script long is there in each run. The last may be too short to be noted."""
    return max((min(times) for times in zip(*runs, strict=False)), default=0.0)


@contextmanager
def _full_queue(client: redis.Redis, size: int, seed: int) -> Iterator[tuple[RedisTicketStore, int]]:
    """A store in which so many wait, with seats for all, and the time of its tickets. Nothing of it stays."""
    keys = Keys(prefix=f"{{bench-{uuid.uuid4().hex[:8]}}}:", default_queue="bench")
    store = RedisTicketStore(client, keys, Rules(default_queue="bench", queues={"bench": RULES}))
    pool = RedisServerPool(client, keys)
    now_ms = time.time_ns() // 1_000_000
    for number in range(50):
        pool.register(Registration(ServerId(f"s{number}"), "10.0.0.1", 7000 + number, "eu", size), now_ms)
    fill_redis(client, keys, size, seed, now_ms)
    yield store, now_ms
    for batch in in_batches(list(client.scan_iter(match=keys.prefix + "*", count=5000)), 5000):
        client.delete(*batch)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE matchmaking_matchrecord, matchmaking_participant CASCADE")


def _one_round(client: redis.Redis, size: int, seed: int, scripts: list[list[float]]) -> dict[str, float]:
    with _full_queue(client, size, seed) as (store, now_ms):
        steps = _steps_of_a_round(client, store, now_ms, scripts)
    return {**steps, "whole_s": _whole_round(client, size, seed)}


@uncollected()  # as rounds run
def _steps_of_a_round(
    client: redis.Redis, store: RedisTicketStore, now_ms: int, scripts: list[list[float]]
) -> dict[str, float]:
    """Seconds of each step, one after the other; adds what each claim took, ms, to `scripts`."""
    client.slowlog_reset()
    begin = time.perf_counter()
    tickets = store.snapshot("bench")
    after_snapshot = time.perf_counter()
    find_matches(tickets, RULES.search_window, now_ms)
    after_engine = time.perf_counter()
    lean = _lean_claims(client, tickets.player_ids)
    client.slowlog_reset()
    begin_again = time.perf_counter()
    proposals = propose(tickets=tickets, rules=RULES, now_ms=now_ms, new_id=new_id)
    before_claims = time.perf_counter()
    claims = store.claim(RULES, proposals, now_ms)
    after_claims = time.perf_counter()
    record_matches(claims.matches)
    after_history = time.perf_counter()
    store.acknowledge([match.id for match in claims.matches])
    after_all = time.perf_counter()
    slow: dict[str, float] = {}
    noted = [(entry["command"].split()[0].decode(), entry["duration"] / 1000) for entry in client.slowlog_get(20_000)]
    for command, milliseconds in noted:
        slow[command] = max(slow.get(command, 0.0), milliseconds)
    scripts.append([milliseconds for command, milliseconds in reversed(noted) if command == "EVALSHA"])
    rows = MatchRecord.objects.count() + Participant.objects.count()
    engine = after_engine - after_snapshot
    return {
        "matches": float(len(claims.matches)),
        "snapshot_s": after_snapshot - begin,
        "engine_s": engine,
        "propose_s": before_claims - begin_again - engine,
        "claims_s": after_claims - before_claims,
        "to_claims_s": (after_snapshot - begin) + (after_claims - begin_again),
        "lean_claims_s": lean,
        "claims_to_lean": (after_claims - before_claims) / lean,
        "history_s": after_history - after_claims,
        "history_rows_per_s": rows / (after_history - after_claims),
        "acknowledge_s": after_all - after_history,
        "longest_script_ms": slow.get("EVALSHA", 0.0),
        "longest_command_ms": max(slow.values(), default=0.0),
    }


def _whole_round(client: redis.Redis, size: int, seed: int) -> float:
    """Seconds of a round as a worker runs it, from the snapshot to the notice; claims and history side by side."""
    with _full_queue(client, size, seed) as (store, now_ms):
        begin = time.perf_counter()
        matches = run_round(store=store, rules=RULES, charge=read_charge(), now_ms=now_ms, new_id=new_id)
        seconds = time.perf_counter() - begin
        if len(matches) < size // 2 - 1:
            raise AssertionError(f"{len(matches)} matches of {size} tickets")
    return seconds


def _lean_claims(client: redis.Redis, players: Sequence[str]) -> float:
    """Seconds of the yardstick over as many players, in keys of its own."""
    prefix = f"{{lean-{uuid.uuid4().hex[:8]}}}:"
    script = client.register_script(_LEAN_CLAIM)
    for batch in in_batches(players, 5000):
        with client.pipeline(transaction=False) as pipeline:
            for place, player in enumerate(batch):
                pipeline.zadd(prefix + "queue", {player: place})
                pipeline.hset(prefix + player, mapping=dict.fromkeys("abcdef", "1"))
            pipeline.execute()
    begin = time.perf_counter()
    for batch in in_batches(players, 1000):
        script(keys=[prefix + "queue", prefix + "count", prefix + "list", prefix], args=list(batch))
    seconds = time.perf_counter() - begin
    for batch in in_batches(list(client.scan_iter(match=prefix + "*", count=5000)), 5000):
        client.delete(*batch)
    return seconds


def fill_redis(client: redis.Redis, keys: Keys, size: int, seed: int, now_ms: int) -> None:
    """Waiting tickets as `join_queue` leaves them: ratings N(1500, 350), waits exp(30 s), asked for in the last 2 s."""
    random = np.random.default_rng(seed)
    ratings = np.round(random.normal(1500, 350, size), 1).tolist()
    joined = (now_ms - random.exponential(30_000, size)).astype(int).tolist()
    asked = (now_ms - random.uniform(0, 2_000, size)).astype(int).tolist()
    queue = keys.of_queue("bench")
    for batch in in_batches(list(zip(ratings, joined, asked, strict=True)), 2000):
        with client.pipeline(transaction=False) as pipeline:
            for rating, joined_ms, asked_ms in batch:
                player = PlayerId(str(uuid.uuid4()))
                ticket = f"|bench|{player}|{rating}|{joined_ms}||||user-{player[:8]}"
                pipeline.hset(keys.tickets, player, ticket)
                pipeline.zadd(queue.queue, {player: rating})
                pipeline.zadd(queue.arrivals, {player: joined_ms})
                pipeline.zadd(queue.last_seen, {player: asked_ms})
            pipeline.execute()
