"""How PostgreSQL finds the best players and the recent opponents: by index, with 20,000 players and 40,000 matches."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from matchmaking.history import recent_opponents
from players.models import Player
from players.rating_models import RatingModel
from players.services.leaderboard import leaderboard

pytestmark = pytest.mark.django_db

#: The best fifty have played 800 matches each against others.
FILL = """
INSERT INTO players_player (id, username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
                            external_subject, date_joined)
SELECT gen_random_uuid(), 'p' || n, '', false, false, true, '', '', '', '', now() FROM generate_series(1, 20000) AS n;
INSERT INTO players_rating (player_id, queue, rating, deviation, games, wins, losses, draws)
SELECT id, CASE WHEN substr(username, 2)::int % 2 = 0 THEN 'ranked' ELSE 'casual' END,
       3000 - substr(username, 2)::int / 10, 60, 1, 0, 0, 0 FROM players_player;
INSERT INTO matchmaking_matchrecord (id, queue, region, status, created_at, ended_at)
SELECT gen_random_uuid(), 'ranked', '', 'completed', now() - n * interval '1 second', now()
FROM generate_series(1, 40000) AS n;
ANALYZE players_player, matchmaking_matchrecord;
INSERT INTO matchmaking_participant (match_id, player_id, username, team, ticket_rating, waited_ms, ticket_id, is_live)
SELECT m.id, p.id, p.username, team, 1200, 0, '', false
FROM (SELECT id, row_number() OVER (ORDER BY created_at) AS n FROM matchmaking_matchrecord) AS m
CROSS JOIN generate_series(1, 2) AS team
JOIN players_player AS p ON p.username = 'p' || CASE WHEN team = 1 THEN 1 + m.n % 50 ELSE 51 + m.n % 19000 END;
ANALYZE;
"""


@pytest.fixture
def many(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FILL)


def plan_of(call: Callable[[], Any]) -> str:
    """The plan of the one statement that `call` sends, as it ran."""
    with CaptureQueriesContext(connection) as queries:
        call()
    (query,) = queries.captured_queries
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, TIMING off) " + query["sql"].replace("%", "%%"))
        return "\n".join(line for (line,) in cursor.fetchall())


def test_the_leaderboard_of_any_model_reads_no_more_than_it_shows(many: None) -> None:
    for model, index in ((RatingModel.ELO, "leaderboard"), (RatingModel.GLICKO2, "leaderboard_standing")):
        plan = plan_of(lambda model=model: leaderboard(queue="ranked", model=model, limit=100))  # type: ignore[misc]

        assert f"using {index} on" in plan, plan
        assert "Seq Scan" not in plan, plan


def test_recent_opponents_are_found_among_the_players_own_matches(many: None) -> None:
    busy = str(Player.objects.get(username="p1").id)

    plan = plan_of(lambda: recent_opponents("ranked", [busy], last=20))

    assert "Seq Scan" not in plan, plan
    assert len(recent_opponents("ranked", [busy], last=20)[busy]) == 20
