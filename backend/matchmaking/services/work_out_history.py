"""Work out what history says of the queues, for ETAs by the hour, service levels and calibration."""

import numpy as np
from django.db import connection

from matchmaking.expectations.history import queue_history
from matchmaking.recent import RecentMatches
from matchmaking.rules import Rules
from matchmaking.stores.kept_history import KeptHistory

#: Matches of a queue that are looked at. More say more of rare hours and of the top 1 %, and cost a worker longer.
MATCHES = 10_000
#: Milliseconds. What was longer ago was another queue.
LOOKS_BACK_MS = 28 * 24 * 3600 * 1000

#: Players whom the last matches of a queue were made for, the newest first. A gap is between the means of the best and
#: the worst team; games before a match are those rated by now, less those that were rated from it on.
_PLAYED = """
WITH played AS (
    SELECT id, region, created_at FROM matchmaking_matchrecord
    WHERE queue = %(queue)s AND created_at >= to_timestamp(%(since_ms)s / 1000.0)
    ORDER BY created_at DESC LIMIT %(limit)s
), team AS (
    SELECT match_id, avg(ticket_rating) AS mean
    FROM matchmaking_participant JOIN played ON played.id = match_id
    WHERE joined_at IS NULL GROUP BY match_id, team
), gap AS (
    SELECT match_id, max(mean) - min(mean) AS points FROM team GROUP BY match_id
)
SELECT participant.ticket_rating, participant.waited_ms, gap.points,
       (extract(epoch FROM played.created_at) * 1000)::bigint, played.region,
       greatest(0, coalesce(rating.games, 0) - count(participant.rating_after) OVER (
           PARTITION BY participant.player_id ORDER BY played.created_at DESC, played.id DESC))
FROM played
JOIN matchmaking_participant participant ON participant.match_id = played.id AND participant.joined_at IS NULL
JOIN gap ON gap.match_id = played.id
LEFT JOIN players_rating rating ON rating.player_id = participant.player_id AND rating.queue = %(queue)s
ORDER BY played.created_at DESC, played.id DESC
"""


def work_out_history(*, kept: KeptHistory, rules: Rules, now_ms: int) -> None:
    """For every queue, from PostgreSQL, whichever store made the matches."""
    for queue in rules.queues:
        played, games_before = played_lately(queue, now_ms)
        kept.save(queue, queue_history(played, games_before, now_ms))


def played_lately(queue: str, now_ms: int) -> tuple[RecentMatches, np.ndarray]:
    """Matched players, newest match first, and how many rated games each had before it."""
    asked: dict[str, str | int] = {"queue": queue, "since_ms": now_ms - LOOKS_BACK_MS, "limit": MATCHES}
    with connection.cursor() as cursor:
        cursor.execute(_PLAYED, asked)
        rows = cursor.fetchall()
    ratings, waits_ms, gaps, at_ms, regions, games = zip(*rows, strict=True) if rows else ((),) * 6
    played = RecentMatches(
        ratings=np.array(ratings, dtype=np.float64),
        waits_ms=np.array(waits_ms, dtype=np.int64),
        gaps=np.array(gaps, dtype=np.float64),
        at_ms=np.array(at_ms, dtype=np.int64),
        regions=regions,
    )
    return played, np.array(games, dtype=np.int64)
