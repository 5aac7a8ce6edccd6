"""Matches into PostgreSQL: one statement for any number of them, and repeating it changes nothing."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from datastore.batches import in_batches
from matchmaking.charge import read_charge
from matchmaking.match import Match, MatchStatus, PlayerId

#: Matches a statement. Larger saves round trips; smaller keeps the statement's text under some MB.
_BATCH = 2000

#: A match of which a player is in another live match stays out, and is answered; the others go in.
#: A ticket that waits in PostgreSQL for one of their players is matched by it.
_INSERT = """
WITH player AS (
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::smallint[], %s::float8[], %s::integer[], %s::text[])
                  AS p (match_id, player_id, username, team, rating, waited_ms, ticket_id)
), elsewhere AS (
    SELECT player.match_id, player.player_id
    FROM player JOIN matchmaking_participant live ON live.player_id = player.player_id AND live.is_live
    WHERE live.match_id <> player.match_id
), new_match AS (
    INSERT INTO matchmaking_matchrecord (id, queue, region, status, server_id, server, created_at)
    SELECT id, queue, region, %s, server_id, server::jsonb, created_at
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
         AS m (id, queue, region, server_id, server, created_at)
    WHERE id NOT IN (SELECT match_id FROM elsewhere)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), new_participant AS (
    INSERT INTO matchmaking_participant
        (match_id, player_id, username, team, ticket_rating, waited_ms, ticket_id, is_live)
    SELECT match_id, player_id, username, team, rating, waited_ms, ticket_id, true
    FROM player JOIN new_match ON new_match.id = player.match_id
    RETURNING match_id, player_id
), matched_ticket AS (
    UPDATE matchmaking_ticket ticket SET status = 'matched', match_id = new.match_id, changed_ms = %s
    FROM new_participant new WHERE ticket.player_id = new.player_id AND ticket.status = 'waiting'
)
SELECT match_id::text, player_id::text FROM elsewhere
"""


@dataclass(frozen=True, slots=True)
class Refused:
    """A match that history does not take, and those of its players who are in another live match."""

    match: Match
    live_elsewhere: frozenset[PlayerId]


class OlderEpoch(Exception):
    """The stores have been switched since these matches were claimed: none of them was written."""


def instant(milliseconds: int) -> datetime:
    """Milliseconds since the epoch as an aware datetime."""
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def record_matches(matches: Sequence[Match], *, epoch: int | None = None) -> list[Refused]:
    """Write matches and their participants; those already there stay as they are. Answers which were refused.

    One statement per batch, so a match is there with all its players or not at all. Raises `OlderEpoch` where another
    epoch has begun than the one that they were claimed under; None does not ask.
    """
    refused: list[Refused] = []
    for batch in in_batches(matches, _BATCH):
        with transaction.atomic():
            if epoch is not None and read_charge(lock="FOR SHARE").epoch != epoch:
                raise OlderEpoch
            refused += _record_batch(batch)
    return refused


def _record_batch(matches: Sequence[Match]) -> list[Refused]:
    seats = [json.dumps(asdict(match.server)) if match.server else None for match in matches]
    players = [
        (match.id, player, team)
        for match in matches
        for team, members in enumerate(match.teams, start=1)
        for player in members
    ]
    columns: list[Any] = [
        [match_id for match_id, _, _ in players],
        [player.id for _, player, _ in players],
        [player.username for _, player, _ in players],
        [team for _, _, team in players],
        [player.rating for _, player, _ in players],
        [player.waited_ms for _, player, _ in players],
        [player.ticket_id for _, player, _ in players],
        MatchStatus.CREATED.value,
        [match.id for match in matches],
        [match.queue for match in matches],
        [match.region for match in matches],
        [match.server.id if match.server else None for match in matches],
        seats,
        [instant(match.created_ms).isoformat() for match in matches],
        max((match.created_ms for match in matches), default=0),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        elsewhere: dict[str, set[PlayerId]] = {}
        for match_id, player_id in cursor.fetchall():
            elsewhere.setdefault(match_id, set()).add(PlayerId(player_id))
    return [Refused(match, frozenset(elsewhere[match.id])) for match in matches if match.id in elsewhere]
