"""How PostgreSQL finds what the stores ask for, with 10,000 waiting: by index, whatever else the tables hold.

(Where nearly all rows of the table are the line itself, reading it from end to end is as good.)
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from matchmaking.history import played_tickets
from matchmaking.match import MatchStatus, PlayerId
from matchmaking.stores.postgres.store import PostgresTicketStore
from servers.server import ServerId
from servers.stores.postgres.pool import PostgresServerPool
from tests.builders import (
    NOW_MS,
    RANKED,
    a_join,
    a_kept_ticket,
    a_match,
    a_proposal,
    a_registration,
    a_waiting_player,
)
from tests.conftest import RULES

#: One worker, so that the crowd is made once.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("postgres-plans"), pytest.mark.takes(5)]

#: Tables that grow with players and matches.
LARGE = {
    "matchmaking_ticket",
    "matchmaking_participant",
    "matchmaking_matchrecord",
    "matchmaking_onlineplayer",
    "players_rating",
}

#: 10,000 wait in `ranked` and 2,000 in `casual`, 68,000 ended, and 30,000 matches are history, 1,000 of them live.
#: What foreign keys refer to is analysed on the way: a session that has seen the table empty would check each row by
#: reading it from end to end.
FILL = """
INSERT INTO matchmaking_ticket (player_id, ticket_id, username, queue, region, rating, joined_ms, last_seen_ms, status,
                                changed_ms, match_id, left_by, is_fallback)
SELECT gen_random_uuid(), 't' || n, 'p' || n, CASE WHEN n <= 12000 AND n % 6 = 0 THEN 'casual' ELSE 'ranked' END, '',
       1000 + n % 500, {now} - n * 5, {now}, CASE WHEN n <= 12000 THEN 'waiting' ELSE 'left' END, {now}, NULL, '', false
FROM generate_series(1, 80000) AS n;
INSERT INTO matchmaking_onlineplayer SELECT player_id, last_seen_ms FROM matchmaking_ticket;
INSERT INTO players_player (id, username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
                            external_subject, date_joined)
SELECT player_id, username, '', false, false, true, '', '', '', '', now()
FROM matchmaking_ticket WHERE status = 'waiting';
ANALYZE players_player;
INSERT INTO players_rating (player_id, queue, rating, games, wins, losses, draws)
SELECT player_id, 'ranked', rating, 0, 0, 0, 0 FROM matchmaking_ticket WHERE status = 'waiting';
INSERT INTO matchmaking_matchrecord (id, queue, region, status, server_id, created_at, ended_at, released_at)
SELECT gen_random_uuid(), 'ranked', '', 'completed', 'eu-' || n % 20, now() - n * interval '1 second',
       CASE WHEN n > 1000 THEN now() END, CASE WHEN n > 1200 THEN now() END
FROM generate_series(1, 30000) AS n;
ANALYZE matchmaking_matchrecord;
INSERT INTO matchmaking_participant (match_id, player_id, username, team, ticket_rating, waited_ms, ticket_id, is_live)
SELECT id, gen_random_uuid(), 'p', team, 1200, 0, '', ended_at IS NULL
FROM matchmaking_matchrecord, generate_series(1, 2) AS team;
"""
TABLES = ", ".join(sorted(LARGE))


@pytest.fixture
def store() -> PostgresTicketStore:
    return PostgresTicketStore(RULES, stands_in=False, seats=True)


@pytest.fixture
def pool() -> PostgresServerPool:
    return PostgresServerPool()


@pytest.fixture(scope="module", autouse=True)
def crowd(django_db_setup: None, django_db_blocker: Any) -> Iterator[PlayerId]:
    """One player of the many who wait. Committed, so that it can be vacuumed, as a table in use is; then undone."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(FILL.format(now=NOW_MS))
        cursor.execute("CHECKPOINT")  # what is not on disk yet is not marked as visible to all
        cursor.execute(f"VACUUM ANALYZE {TABLES}")
        cursor.execute("SELECT player_id::text FROM matchmaking_ticket WHERE ticket_id = 't7001'")
        player = PlayerId(cursor.fetchone()[0])
    yield player
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLES}, players_player CASCADE")


class Plans(CaptureQueriesContext):
    """The plans of what is asked inside: which indexes, and which large tables are read from end to end."""

    def __init__(self) -> None:
        super().__init__(connection)
        self.indexes: set[str] = set()
        self.read_whole: set[str] = set()
        self.asked = 0

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        with connection.cursor() as cursor:
            for query in self.captured_queries:
                if re.match(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)", query["sql"]):
                    self.asked += 1
                    cursor.execute("EXPLAIN (FORMAT JSON) " + query["sql"].replace("%", "%%"), [])
                    self._read(json.loads(json.dumps(cursor.fetchone()[0][0]["Plan"])))

    def _read(self, node: dict[str, Any]) -> None:
        if "Index Name" in node:
            self.indexes.add(re.sub(r"_[0-9a-f]{8}_.*", "", node["Index Name"]))
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE:
            self.read_whole.add(node["Relation Name"])
        for child in node.get("Plans", []):
            self._read(child)


def test_a_status_finds_ticket_line_and_match_by_index(store: PostgresTicketStore, crowd: PlayerId) -> None:
    with Plans() as plans:
        assert store.status(crowd, NOW_MS).size == 10_000

    assert plans.asked == 1
    assert plans.read_whole == set()
    assert plans.indexes >= {"matchmaking_ticket_pkey", "ticket_line", "one_live_match"}


def test_a_status_after_a_match_finds_it_by_index(store: PostgresTicketStore) -> None:
    match, first, second = a_match(store)
    with Plans() as plans:
        store.status(first, NOW_MS)
        store.end(match, MatchStatus.COMPLETED)
        store.status(second, NOW_MS)

    assert plans.read_whole == set()
    assert plans.indexes >= {"one_live_match", "once_per_match", "matchmaking_matchrecord_pkey"}


def test_a_join_finds_everything_by_index(store: PostgresTicketStore, crowd: PlayerId) -> None:
    request = a_join(rating=None)
    store.leave(crowd, NOW_MS)
    with Plans() as plans:
        assert store.join(a_join(crowd, rating=None), RANKED, NOW_MS).is_new
        store.join(a_join(crowd), RANKED, NOW_MS)
        store.join(request, RANKED, NOW_MS)

    assert plans.read_whole == set()
    assert plans.indexes >= {"matchmaking_ticket_pkey", "ticket_line", "one_live_match"}


def test_a_leave_and_a_restore_find_everything_by_index(store: PostgresTicketStore, crowd: PlayerId) -> None:
    with Plans() as plans:
        store.leave(crowd, NOW_MS)
        store.restore(a_kept_ticket(crowd), RANKED, NOW_MS)

    assert plans.read_whole == set()
    assert plans.indexes >= {"matchmaking_ticket_pkey", "one_live_match", "participant_player"}


def test_a_claim_is_a_few_statements_however_many_proposals_and_finds_everything_by_index(
    store: PostgresTicketStore, pool: PostgresServerPool
) -> None:
    pool.register(a_registration("eu-1", capacity=1000), NOW_MS)
    players = store.snapshot("ranked").player_ids
    marks = dict(zip(players, store.snapshot("ranked").marks, strict=True))
    pairs = list(zip(players[0:200:2], players[1:200:2], strict=True))
    proposals = [a_proposal(store, *pair, marks=marks) for pair in pairs]

    with Plans() as few:
        assert len(store.claim(RANKED, proposals[:1], NOW_MS).matches) == 1
    with Plans() as many:
        assert len(store.claim(RANKED, proposals[1:], NOW_MS).matches) == 99

    assert few.asked == many.asked == 6
    assert many.read_whole == set()
    assert many.indexes >= {"matchmaking_ticket_pkey", "match_hosted"}


def test_expiry_reads_only_tickets_that_came_long_ago(store: PostgresTicketStore) -> None:
    with Plans() as plans:
        assert store.expire(RANKED, NOW_MS) == []

    assert plans.read_whole == set()
    assert plans.indexes >= {"ticket_line"}


def test_what_ended_long_ago_is_found_by_index(store: PostgresTicketStore) -> None:
    with Plans() as plans:
        store.prune_online(NOW_MS)

    assert "matchmaking_ticket" not in plans.read_whole
    assert plans.indexes >= {"ticket_ended"}


def test_a_heartbeat_finds_the_games_of_its_server_by_index(pool: PostgresServerPool) -> None:
    generation = pool.register(a_registration("eu-1"), NOW_MS)
    with Plans() as plans:
        assert len(pool.heartbeat(ServerId("eu-1"), generation, NOW_MS).match_ids) == 50
        pool.find(ServerId("eu-1"))
        pool.lose(ServerId("eu-1"), None, silent_since_ms=None)
        pool.forget(ServerId("eu-1"))

    assert plans.read_whole == set()
    assert plans.indexes >= {"match_hosted"}


def test_matches_and_recent_waits_are_found_by_index(store: PostgresTicketStore) -> None:
    match, *_ = a_match(store)
    with Plans() as plans:
        assert len(store.find_matches([match.id])) == 1
        store.start([match])
    with Plans() as figures:
        assert len(store.counts("ranked", []).recent_waits_ms) == 1000

    assert plans.read_whole == set()
    assert "matchmaking_matchrecord" not in figures.read_whole
    assert "match_of_queue" in figures.indexes


def test_queues_in_which_somebody_waits_are_found_by_index(store: PostgresTicketStore) -> None:
    with Plans() as plans:
        assert store.waited_in(["ranked", "casual", "duel"]) == {"ranked", "casual"}

    assert plans.read_whole == set()
    assert plans.indexes >= {"ticket_line"}


def test_matches_whose_tickets_were_played_are_found_by_index() -> None:
    with Plans() as plans:
        since_ms = round((time.time() - 20) * 1000)
        assert sum(map(len, played_tickets(since_ms=since_ms))) == 2 * 200

    assert "matchmaking_matchrecord" not in plans.read_whole
    assert plans.indexes >= {"match_newest", "match_unreleased"}


def test_a_status_writes_its_row_in_place(store: PostgresTicketStore) -> None:
    """No index holds what a status writes, so none grows by it."""
    player = a_waiting_player(store)
    columns = {"last_seen_ms"}

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT a.attname FROM pg_index AS i JOIN pg_attribute AS a "
            "ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) WHERE i.indrelid = 'matchmaking_ticket'::regclass"
        )
        indexed = {name for (name,) in cursor.fetchall()}

    assert indexed & columns == set()
    assert store.status(player, NOW_MS).size == 10_001
