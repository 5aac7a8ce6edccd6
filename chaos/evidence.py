"""What PostgreSQL and Redis hold at the end of a run, past all proxies."""

import time
from typing import Any

import psycopg2
import redis

from chaos.records import LeftKey, Part, RatingRow, Row, Seat

_CONNECT_SECONDS = 5
_LOOK_SECONDS = 0.5

_MATCHES = """
SELECT id::text, status, queue, server_id, extract(epoch FROM created_at)::float8,
       extract(epoch FROM ended_at)::float8, ranks
FROM matchmaking_matchrecord ORDER BY created_at, id
"""
_PARTICIPANTS = """
SELECT match_id::text, player_id::text, team, rating_before, rating_after,
       extract(epoch FROM joined_at)::float8, extract(epoch FROM left_at)::float8
FROM matchmaking_participant ORDER BY match_id, team, id
"""
_SEATS = "SELECT match_id::text, leaver_id::text, coalesce(filled_by::text, '') FROM matchmaking_openseat ORDER BY id"
_RATINGS = "SELECT player_id::text, queue, rating, games FROM players_rating"
_LIVE = "SELECT count(*) FROM matchmaking_matchrecord WHERE ended_at IS NULL OR released_at IS NULL"

#: How the size of a key is asked for, by its type.
_SIZES = {"zset": "ZCARD", "hash": "HLEN", "list": "LLEN", "set": "SCARD", "stream": "XLEN", "string": "STRLEN"}


def read_history(database_url: str) -> tuple[list[Row], list[RatingRow]]:
    """Every match and every rating, of one moment."""
    connection = psycopg2.connect(database_url, connect_timeout=_CONNECT_SECONDS)
    try:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection, connection.cursor() as cursor:
            parts: dict[str, list[Part]] = {}
            cursor.execute(_PARTICIPANTS)
            for match, *columns in cursor.fetchall():
                parts.setdefault(match, []).append(Part(*columns))
            seats: dict[str, list[Seat]] = {}
            cursor.execute(_SEATS)
            for match, leaver, filled_by in cursor.fetchall():
                seats.setdefault(match, []).append(Seat(leaver, filled_by))
            cursor.execute(_MATCHES)
            rows = [
                Row(
                    *(match, status, queue, server, created, ended),
                    parts=tuple(parts.get(match, ())),
                    ranks=tuple(ranks or ()),
                    seats=tuple(seats.get(match, ())),
                )
                for match, status, queue, server, created, ended, ranks in cursor.fetchall()
            ]
            cursor.execute(_RATINGS)
            return rows, [RatingRow(*columns) for columns in cursor.fetchall()]
    finally:
        connection.close()


def await_rest(database_url: str, *, seconds: float) -> bool:
    """Whether every match has ended and its seat is free, within so many seconds."""
    give_up = time.monotonic() + seconds
    while True:
        connection = psycopg2.connect(database_url, connect_timeout=_CONNECT_SECONDS)
        with connection, connection.cursor() as cursor:
            cursor.execute(_LIVE)
            (live,) = cursor.fetchone() or (0,)
        connection.close()
        if not live or time.monotonic() > give_up:
            return not live
        time.sleep(_LOOK_SECONDS)


def read_keys(client: redis.Redis) -> list[LeftKey]:
    """Every key, how long it will live, and how much it holds."""
    found = []
    for name in client.scan_iter(count=1000):
        kind: Any = client.type(name)
        ttl: Any = client.ttl(name)
        if ttl == -2:  # gone meanwhile
            continue
        size: Any = client.execute_command(_SIZES[kind], name) if kind in _SIZES else 1  # type: ignore[no-untyped-call]
        found.append(LeftKey(str(name), int(ttl), int(size)))
    return found
