"""One round over a full queue, from the snapshot to matches in history, in one store or the other."""

import time
import uuid
from typing import Any

import numpy as np
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench.rounds import RULES, fill_redis
from datastore.client import RedisLimits, connect
from datastore.keys import Keys
from matchmaking.charge import read_charge
from matchmaking.rules import Rules
from matchmaking.services.find_matches import run_round
from matchmaking.stores.postgres.store import PostgresTicketStore
from matchmaking.stores.redis.store import RedisTicketStore

_RULES = Rules(default_queue="bench", queues={"bench": RULES})
_FILL = """
INSERT INTO matchmaking_ticket (player_id, ticket_id, username, queue, region, rating, joined_ms, last_seen_ms,
    status, changed_ms, left_by, is_fallback, traits)
SELECT id, id::text, 'user-' || left(id::text, 8), 'bench', '', rating, joined, %s, 'waiting', %s, '', false, ''
FROM unnest(%s::uuid[], %s::float8[], %s::bigint[]) AS t (id, rating, joined)
"""


def a_round(store: str, redis_url: str, size: int, seed: int) -> dict[str, float]:
    """Ratings N(1500, 350), waits exp(30 s), no servers. What PostgreSQL kept is removed again."""
    now_ms = time.time_ns() // 1_000_000
    client = connect(redis_url, limits=RedisLimits(answer_seconds=30))
    keys = Keys(prefix=f"{{bench-{uuid.uuid4().hex[:8]}}}:", default_queue="bench")
    tested: Any
    if store == "redis":
        fill_redis(client, keys, size, seed, now_ms)
        tested, charge = RedisTicketStore(client, keys, _RULES), read_charge()
    else:
        _fill_postgres(size, seed, now_ms)
        tested, charge = PostgresTicketStore(_RULES, stands_in=False, seats=False), None
    with CaptureQueriesContext(connection) as queries:
        begin = time.perf_counter()
        matches = run_round(store=tested, rules=RULES, charge=charge, now_ms=now_ms, new_id=lambda: str(uuid.uuid4()))
        seconds = time.perf_counter() - begin
    for key in client.scan_iter(match=keys.prefix + "*", count=5000):
        client.delete(key)
    client.connection_pool.disconnect()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE matchmaking_matchrecord, matchmaking_participant, matchmaking_ticket CASCADE")
    return {"matches": float(len(matches)), "stored_s": seconds, "statements_a_match": len(queries) / len(matches)}


def _fill_postgres(size: int, seed: int, now_ms: int) -> None:
    random = np.random.default_rng(seed)
    ratings = np.round(random.normal(1500, 350, size), 1).tolist()
    joined = (now_ms - random.exponential(30_000, size)).astype(int).tolist()
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [now_ms, now_ms, [str(uuid.uuid4()) for _ in range(size)], ratings, joined])
        cursor.execute("ANALYZE matchmaking_ticket")
