"""What PostgreSQL keeps of the evening, read through a connection of our own."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2.extensions import cursor as Cursor

from demo.records import MatchRow, ParticipantRow, SqlCounters

#: Seconds to connect.
_CONNECT_SECONDS = 5
_LOOK_SECONDS = 0.5

_COUNTERS = """
SELECT xact_commit + xact_rollback, tup_inserted + tup_updated + tup_deleted
FROM pg_stat_database WHERE datname = current_database()
"""
_PLAYERS = "SELECT count(*) FROM players_player WHERE id = ANY(%s::uuid[])"
_MATCHES = """
SELECT id::text, queue, status, extract(epoch FROM created_at)::float8, extract(epoch FROM ended_at)::float8
FROM matchmaking_matchrecord
WHERE id IN (SELECT match_id FROM matchmaking_participant WHERE player_id = ANY(%s::uuid[]))
ORDER BY created_at, id
"""
_PARTICIPANTS = """
SELECT match_id::text, player_id::text, team, ticket_rating, waited_ms, rating_before, rating_after
FROM matchmaking_participant
WHERE match_id IN (SELECT match_id FROM matchmaking_participant WHERE player_id = ANY(%s::uuid[]))
ORDER BY match_id, team, id
"""


class History:
    """Reads only."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    def count_players(self, player_ids: Collection[str]) -> int:
        """How many of them have an account in this database."""
        with self._cursor() as cursor:
            return int(_rows(cursor, _PLAYERS, list(player_ids))[0][0])

    def counters(self) -> SqlCounters:
        with self._cursor() as cursor:
            transactions, rows_written = _rows(cursor, _COUNTERS)[0]
            return SqlCounters(int(transactions), int(rows_written))

    def matches(self, player_ids: Collection[str]) -> tuple[MatchRow, ...]:
        """Every match with one of these players, oldest first, with all its players."""
        with self._cursor() as cursor:
            participants = _by_match(_rows(cursor, _PARTICIPANTS, list(player_ids)))
            found = _rows(cursor, _MATCHES, list(player_ids))
            return tuple(
                MatchRow(match_id, status, created_seconds, ended_seconds, tuple(participants[match_id]), queue)
                for match_id, queue, status, created_seconds, ended_seconds in found
            )

    def await_matches(
        self, player_ids: Collection[str], told_match_ids: Collection[str], *, seconds: float
    ) -> tuple[MatchRow, ...]:
        """The same, once all these matches are there; after `seconds` without those that are missing."""
        give_up_seconds = time.monotonic() + seconds
        while True:
            matches = self.matches(player_ids)
            is_complete = set(told_match_ids) <= {match.id for match in matches}
            if is_complete or time.monotonic() > give_up_seconds:
                return matches
            time.sleep(_LOOK_SECONDS)

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        """One snapshot: all that is read in it is of the same moment."""
        connection = psycopg2.connect(self._database_url, connect_timeout=_CONNECT_SECONDS)
        try:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()


def _rows(cursor: Cursor, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    cursor.execute(statement, parameters)
    return list(cursor.fetchall())


def _by_match(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[ParticipantRow]]:
    participants: dict[str, list[ParticipantRow]] = defaultdict(list)
    for match_id, *columns in rows:
        participants[match_id].append(ParticipantRow(*columns))
    return participants
