"""Matches into PostgreSQL: one statement for any number of them, and repeating it changes nothing."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from datastore.batches import in_batches
from matchmaking.match import Match, MatchStatus

#: Matches a statement. Larger saves round trips; smaller keeps the statement's text under some MB.
_BATCH = 2000

_INSERT = """
WITH new_match AS (
    INSERT INTO matchmaking_matchrecord (id, queue, region, status, server_id, server, created_at)
    SELECT id, queue, region, %s, server_id, server::jsonb, created_at
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
         AS m (id, queue, region, server_id, server, created_at)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
INSERT INTO matchmaking_participant (match_id, player_id, username, team, ticket_rating, waited_ms)
SELECT match_id, player_id, username, team, rating, waited_ms
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::smallint[], %s::float8[], %s::integer[])
     AS p (match_id, player_id, username, team, rating, waited_ms)
JOIN new_match ON new_match.id = p.match_id
"""


def instant(milliseconds: int) -> datetime:
    """Milliseconds since the epoch as an aware datetime."""
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def record_matches(matches: Sequence[Match]) -> None:
    """Write matches and their participants; those already there stay as they are.

    One statement per batch, so a match is there with all its players or not at all.
    """
    for batch in in_batches(matches, _BATCH):
        _record_batch(batch)


def _record_batch(matches: Sequence[Match]) -> None:
    seats = [json.dumps(asdict(match.server)) if match.server else None for match in matches]
    players = [
        (match.id, player, team)
        for match in matches
        for team, members in enumerate(match.teams, start=1)
        for player in members
    ]
    columns: list[Any] = [
        MatchStatus.CREATED.value,
        [match.id for match in matches],
        [match.queue for match in matches],
        [match.region for match in matches],
        [match.server.id if match.server else None for match in matches],
        seats,
        [instant(match.created_ms).isoformat() for match in matches],
        [match_id for match_id, _, _ in players],
        [player.id for _, player, _ in players],
        [player.username for _, player, _ in players],
        [team for _, _, team in players],
        [player.rating for _, player, _ in players],
        [player.waited_ms for _, player, _ in players],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
