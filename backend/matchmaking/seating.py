"""Newcomers into the running match that they were claimed for: one statement, and repeating it changes nothing."""

from django.db import IntegrityError, connection, transaction

from datastore.arrays import array_of, text_array_of
from matchmaking.match import Newcomers

#: Newcomers into their match, all or none: no row where the match is not live, another epoch has begun or too few seats
#: are open; `IntegrityError` where one of them is in a live match, or has been in this one. The match is locked before
#: its seats, as by whoever ends it. A ticket that waits in PostgreSQL for one of them is matched by it.
_SEAT = """
WITH charge AS (
    SELECT epoch FROM matchmaking_charge WHERE id = 1 FOR SHARE
), live AS (
    SELECT id FROM matchmaking_matchrecord
    WHERE id = %(match)s AND status IN ('created', 'in_progress')
      AND (%(epoch)s::bigint IS NULL OR %(epoch)s = (SELECT epoch FROM charge))
    FOR UPDATE
), seat AS (
    SELECT id FROM matchmaking_openseat
    WHERE match_id = (SELECT id FROM live) AND team = %(team)s AND status = 'open'
      AND ends_at > to_timestamp(%(now_ms)s / 1000.0)
    ORDER BY id LIMIT %(count)s FOR UPDATE
), player AS (
    SELECT * FROM unnest(%(players)s::uuid[], %(usernames)s::text[], %(ratings)s::float8[], %(waits_ms)s::bigint[],
                         %(tickets)s::text[]) WITH ORDINALITY
                  AS p (player_id, username, rating, waited_ms, ticket_id, place)
), newcomer AS (
    INSERT INTO matchmaking_participant
        (match_id, player_id, username, team, ticket_rating, waited_ms, ticket_id, is_live, joined_at)
    SELECT live.id, player_id, username, %(team)s, rating, least(waited_ms, 2147483647), ticket_id, true,
           to_timestamp(%(now_ms)s / 1000.0)
    FROM player CROSS JOIN live WHERE (SELECT count(*) FROM seat) = %(count)s
    ORDER BY player_id
    RETURNING match_id, player_id
), filled AS (
    UPDATE matchmaking_openseat AS one SET status = 'filled', filled_by = player.player_id, told_at = NULL
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM seat) AS numbered JOIN player USING (place)
    WHERE one.id = numbered.id AND (SELECT count(*) FROM newcomer) > 0
), matched_ticket AS (
    UPDATE matchmaking_ticket AS ticket SET status = 'matched', match_id = new.match_id, changed_ms = %(now_ms)s
    FROM newcomer AS new WHERE ticket.player_id = new.player_id AND ticket.status = 'waiting'
)
SELECT count(*) FROM newcomer
"""

#: How many of these very tickets got in.
_COUNT_SEATED = """
SELECT count(*) FROM unnest(%(players)s::uuid[], %(tickets)s::text[]) AS player (player_id, ticket_id)
JOIN matchmaking_participant AS p USING (player_id, ticket_id)
WHERE p.match_id = %(match)s AND p.joined_at IS NOT NULL
"""


def seat_newcomers(newcomers: Newcomers, now_ms: int, *, epoch: int | None = None) -> bool:
    """Write newcomers into their match, under the epoch of their claim; None does not ask. False where they do not get
    in."""
    players = newcomers.players
    asked: dict[str, str | int | None] = {
        "match": newcomers.match_id,
        "team": newcomers.team,
        "count": len(players),
        "epoch": epoch,
        "now_ms": now_ms,
        "players": array_of(player.id for player in players),
        "usernames": text_array_of(player.username for player in players),
        "ratings": array_of(player.rating for player in players),
        "waits_ms": array_of(player.waited_ms for player in players),
        "tickets": text_array_of(player.ticket_id for player in players),
    }
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(_SEAT, asked)
                if cursor.fetchone()[0]:
                    return True
        except IntegrityError:
            pass  # one of them is in a live match, or has been in this one
        cursor.execute(_COUNT_SEATED, asked)
        return bool(cursor.fetchone()[0] == len(players))
