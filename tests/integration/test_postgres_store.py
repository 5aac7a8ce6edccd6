"""What only the stores in PostgreSQL do: two roles, coming home, leases, the end of rows, lost connections."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from datastore.postgres import fetch_one
from errors import NotInCharge, StoreUnavailable
from matchmaking.charge import fall_back, go_home
from matchmaking.match import MatchStatus, Seat
from matchmaking.models import MatchRecord, Participant, QueueState, Ticket
from matchmaking.stores.postgres.claims import insert_matches
from matchmaking.stores.postgres.seats import FreeSeats, ReadyServer
from matchmaking.stores.postgres.store import PostgresTicketStore
from matchmaking.ticket import Elsewhere, Ended, Matched, NotInQueue, Waiting
from servers.models import GameServerRecord
from servers.server import ServerId, ServerStatus
from servers.stores.postgres.pool import PostgresServerPool
from tests.builders import (
    CASUAL,
    NOW_MS,
    RANKED,
    a_join,
    a_kept_ticket,
    a_match,
    a_match_of,
    a_player_id,
    a_proposal,
    a_registration,
    a_waiting_player,
    marks_of,
)
from tests.conftest import RULES
from tests.threads import at_once

pytestmark = pytest.mark.django_db

MINUTES_MS = 60_000


@pytest.fixture
def store() -> PostgresTicketStore:
    """The store of PostgreSQL's own queues."""
    return PostgresTicketStore(RULES, stands_in=False, seats=True)


@pytest.fixture
def standing_in() -> PostgresTicketStore:
    """The store that stands in for Redis, in charge."""
    fall_back(NOW_MS)
    return PostgresTicketStore(RULES, stands_in=True, seats=True)


@pytest.fixture
def pool() -> PostgresServerPool:
    return PostgresServerPool()


# --- two roles ----------------------------------------------------------------------------------------------


def test_a_player_who_waits_in_one_role_is_elsewhere_in_the_other(
    store: PostgresTicketStore, standing_in: PostgresTicketStore
) -> None:
    for here, there in ((store, standing_in), (standing_in, store)):
        player = a_waiting_player(here)

        assert there.join(a_join(player), RANKED, NOW_MS) == Elsewhere(queues=("ranked",))
        assert there.restore(a_kept_ticket(player), RANKED, NOW_MS) == Elsewhere(queues=("ranked",))
        assert there.status(player, NOW_MS) == NotInQueue()
        assert there.leave(player, NOW_MS) == NotInQueue()
        there.drop([player])
        assert isinstance(here.status(player, NOW_MS), Waiting)


def test_neither_role_sees_matches_or_ends_the_tickets_of_the_other(
    store: PostgresTicketStore, standing_in: PostgresTicketStore
) -> None:
    here, there = a_waiting_player(store), a_waiting_player(standing_in)
    mixed = a_proposal(store, here, there, marks=marks_of(store, "ranked") | marks_of(standing_in, "ranked"))

    assert (list(store.snapshot("ranked").player_ids), list(standing_in.snapshot("ranked").player_ids)) == (
        [here],
        [there],
    )
    assert store.claim(RANKED, [mixed], NOW_MS).taken == standing_in.claim(RANKED, [mixed], NOW_MS).taken == 1
    assert (store.status(here, NOW_MS).size, standing_in.status(there, NOW_MS).size) == (1, 1)
    assert (store.counts("ranked", []).total_joins, standing_in.counts("ranked", []).total_joins) == (1, 1)
    assert store.begin_round("ranked", "one", NOW_MS)
    assert standing_in.begin_round("ranked", "other", NOW_MS)
    assert len(store.expire(RANKED, NOW_MS + RANKED.ticket_ttl_ms + 1)) == 1
    assert isinstance(standing_in.status(there, NOW_MS), Waiting)


def test_a_match_of_either_role_is_told_by_both(store: PostgresTicketStore, standing_in: PostgresTicketStore) -> None:
    match, first, second = a_match(standing_in)

    for told_by in (store, standing_in):
        assert told_by.status(first, NOW_MS) == Matched(match, MatchStatus.CREATED)
        assert told_by.join(a_join(second, queue="casual"), CASUAL, NOW_MS) == Matched(match, MatchStatus.CREATED)
        assert told_by.leave(second, NOW_MS) == Matched(match, MatchStatus.CREATED)


def calls(store: PostgresTicketStore) -> list[Callable[[], Any]]:
    player = a_player_id()
    return [
        lambda: store.join(a_join(player), RANKED, NOW_MS),
        lambda: store.restore(a_kept_ticket(player), RANKED, NOW_MS),
        lambda: store.status(player, NOW_MS),
        lambda: store.leave(player, NOW_MS),
        lambda: store.claim(RANKED, [a_proposal(store, player, a_player_id())], NOW_MS),
        lambda: store.expire(RANKED, NOW_MS),
    ]


def test_who_stands_in_and_is_not_in_charge_says_so_and_writes_nothing(standing_in: PostgresTicketStore) -> None:
    player = a_waiting_player(standing_in)
    go_home(NOW_MS)

    for call in calls(standing_in):
        with pytest.raises(NotInCharge):
            call()
    with pytest.raises(NotInCharge):
        standing_in.status(player, NOW_MS + 77)

    assert list(Ticket.objects.values_list("status", "last_seen_ms")) == [("waiting", NOW_MS)]
    assert standing_in.online() == 1
    fall_back(NOW_MS)
    assert isinstance(standing_in.status(player, NOW_MS), Waiting)


def test_before_anybody_has_fallen_back_nobody_stands_in() -> None:
    for call in calls(PostgresTicketStore(RULES, stands_in=True, seats=True)):
        with pytest.raises(NotInCharge):
            call()


def test_the_own_queues_of_postgresql_do_not_ask_who_is_in_charge(store: PostgresTicketStore) -> None:
    go_home(NOW_MS)

    match, *_ = a_match(store)

    assert MatchRecord.objects.get().id.hex == match.id.replace("-", "")


def test_without_seats_it_is_as_if_no_server_were_registered(pool: PostgresServerPool) -> None:
    pool.register(a_registration(), NOW_MS)
    store = PostgresTicketStore(RULES, stands_in=False, seats=False)

    assert a_match(store)[0].server is None
    assert pool.list()[0].active_games == 0


# --- history ------------------------------------------------------------------------------------------------


def test_a_claim_is_history_with_its_players_tickets_and_seat(
    store: PostgresTicketStore, pool: PostgresServerPool
) -> None:
    pool.register(a_registration("eu-1"), NOW_MS)
    joins = [a_join(rating=1234.5, region="eu", username="testuser"), a_join(rating=1200, username="tangerine")]
    for join in joins:
        store.join(join, RANKED, NOW_MS - 3_000)

    match, *_ = a_match(store, *(join.player_id for join in joins))

    record = MatchRecord.objects.get()
    assert (str(record.id), record.queue, record.region, record.status) == (match.id, "ranked", "eu", "created")
    assert (record.server_id, record.server["port"], record.ended_at, record.released_at) == ("eu-1", 7777, None, None)
    assert round(record.created_at.timestamp() * 1000) == NOW_MS
    written = record.participants.values_list(
        "player_id", "username", "team", "ticket_rating", "waited_ms", "ticket_id", "is_live"
    )
    assert [(str(player), *rest) for player, *rest in written] == [
        (joins[0].player_id, "testuser", 1, 1234.5, 3_000, joins[0].ticket_id, True),
        (joins[1].player_id, "tangerine", 2, 1200.0, 3_000, joins[1].ticket_id, True),
    ]


def test_the_players_of_a_match_that_has_ended_are_free(store: PostgresTicketStore) -> None:
    match, first, second = a_match(store)

    store.end(match, MatchStatus.COMPLETED)
    store.end(match, MatchStatus.ABANDONED)

    assert MatchRecord.objects.get().status == "completed"
    assert not Participant.objects.filter(is_live=True).exists()
    again, *_ = a_match(store, a_waiting_player(store, player_id=first), a_waiting_player(store, player_id=second))
    assert again.id != match.id


def test_who_is_in_a_match_of_the_other_store_is_not_matched_and_his_ticket_is_gone(
    store: PostgresTicketStore, pool: PostgresServerPool
) -> None:
    pool.register(a_registration(capacity=1), NOW_MS)
    busy, partner = a_waiting_player(store), a_waiting_player(store, waited_ms=4_000)
    others = a_waiting_player(store), a_waiting_player(store)
    insert_matches([elsewhere := a_match_of(a_kept_ticket(busy), a_kept_ticket())])

    claims = store.claim(RANKED, [a_proposal(store, busy, partner), a_proposal(store, *others)], NOW_MS)

    assert ([match.server is not None for match in claims.matches], claims.taken) == ([True], 1)
    assert store.status(busy, NOW_MS) == Matched(elsewhere, MatchStatus.CREATED)
    assert set(store.snapshot("ranked").player_ids) == {partner}
    assert store.status(partner, NOW_MS).joined_ms == NOW_MS - 4_000
    assert MatchRecord.objects.count() == 2
    assert store.counts("ranked", []).total_matches == 1
    assert pool.list()[0].active_games == 1


@pytest.mark.django_db(transaction=True)
def test_players_of_the_other_store_who_turn_up_at_each_attempt_hold_up_nobody_else(
    store: PostgresTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch fails twice, each time for another player; then each half is on its own, and fails for the third."""
    busy = [a_waiting_player(store) for _ in range(3)]
    rest = [a_waiting_player(store) for _ in range(5)]
    proposals = [a_proposal(store, *pair) for pair in zip([*busy, rest[3]], [*rest[:3], rest[4]], strict=True)]
    attempts = iter(busy)

    def matched_meanwhile(matches: Any) -> Any:
        if player := next(attempts, None):
            at_once(lambda: insert_matches([a_match_of(a_kept_ticket(player), a_kept_ticket())]))
        return insert_matches(matches)

    monkeypatch.setattr("matchmaking.stores.postgres.claims.insert_matches", matched_meanwhile)
    claims = store.claim(RANKED, proposals, NOW_MS)

    assert ([match.id for match in claims.matches], claims.taken) == ([proposals[3].match_id], 3)
    assert set(store.snapshot("ranked").player_ids) == set(rest[:3])


@pytest.mark.parametrize("call", ["join", "leave", "restore"])
def test_the_ticket_of_who_is_in_a_match_of_the_other_store_ends_with_his_next_call(
    store: PostgresTicketStore, call: str
) -> None:
    busy = a_waiting_player(store)
    insert_matches([elsewhere := a_match_of(a_kept_ticket(busy), a_kept_ticket())])

    answer = {
        "join": lambda: store.join(a_join(busy), RANKED, NOW_MS),
        "leave": lambda: store.leave(busy, NOW_MS),
        "restore": lambda: store.restore(a_kept_ticket(busy), RANKED, NOW_MS),
    }[call]()

    assert answer == Matched(elsewhere, MatchStatus.CREATED)
    assert list(store.snapshot("ranked").player_ids) == []
    store.end(elsewhere, MatchStatus.COMPLETED)
    assert store.status(busy, NOW_MS) == NotInQueue()


def test_a_ticket_of_which_only_history_knows_that_it_became_a_match_is_not_put_back(
    store: PostgresTicketStore,
) -> None:
    kept = a_kept_ticket()
    insert_matches([match := a_match_of(kept, a_kept_ticket())])
    store.end(match, MatchStatus.COMPLETED)

    assert store.restore(kept, RANKED, NOW_MS) == Ended(match.id, MatchStatus.COMPLETED)
    assert isinstance(store.restore(a_kept_ticket(kept.player_id), RANKED, NOW_MS), Waiting)


# --- rounds -------------------------------------------------------------------------------------------------


def test_the_lease_of_a_killed_process_ends_by_itself(store: PostgresTicketStore) -> None:
    store.begin_round("ranked", "killed", NOW_MS)
    assert not store.begin_round("ranked", "next", NOW_MS)
    (left,) = QueueState.objects.values_list("leased_until", flat=True)
    assert timedelta(seconds=0) < left - timezone.now() <= timedelta(seconds=5)

    QueueState.objects.update(leased_until=timezone.now() - timedelta(milliseconds=1))

    assert store.finish_round("ranked", "killed", NOW_MS, may_run_again=True) == "LOST"
    assert store.begin_round("ranked", "next", NOW_MS)


def test_a_nudge_whose_round_never_came_does_not_silence_the_next_one_for_long(store: PostgresTicketStore) -> None:
    answers = [store.join(a_join(), RANKED, NOW_MS).wants_round for _ in range(3)]
    QueueState.objects.update(nudged_until=timezone.now() - timedelta(milliseconds=1))

    assert [*answers, store.join(a_join(), RANKED, NOW_MS).wants_round] == [False, True, False, True]


# --- the end of rows ------------------------------------------------------------------------------------------


def test_what_became_of_a_ticket_is_told_for_ten_minutes(store: PostgresTicketStore) -> None:
    leaver, waits = a_waiting_player(store), a_waiting_player(store)
    store.leave(leaver, NOW_MS, request_key="once")

    store.prune_online(NOW_MS + 10 * MINUTES_MS)
    assert Ticket.objects.count() == 2
    store.prune_online(NOW_MS + 10 * MINUTES_MS + 1)

    assert [str(ticket.player_id) for ticket in Ticket.objects.all()] == [waits]


def test_a_matched_ticket_outlives_the_longest_match(store: PostgresTicketStore) -> None:
    a_match(store)
    longest_ms = max(rules.match_ttl_ms for rules in RULES.queues.values())

    store.prune_online(NOW_MS + longest_ms + 10 * MINUTES_MS)
    assert Ticket.objects.count() == 2
    store.prune_online(NOW_MS + longest_ms + 10 * MINUTES_MS + 1)
    assert Ticket.objects.count() == 0


def test_a_ticket_of_a_queue_that_there_is_no_more_does_not_wait_for_ever(store: PostgresTicketStore) -> None:
    a_waiting_player(store)
    Ticket.objects.update(queue="closed")

    store.prune_online(NOW_MS + 10 * MINUTES_MS)
    assert Ticket.objects.count() == 1
    store.prune_online(NOW_MS + 10 * MINUTES_MS + 1)
    assert Ticket.objects.count() == 0


def test_many_tickets_expire_in_batches_and_all_of_them(
    store: PostgresTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matchmaking.stores.postgres.store.EXPIRE_BATCH", 4)
    for _ in range(9):
        a_waiting_player(store)
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1

    assert [len(store.expire(RANKED, later_ms)) for _ in range(4)] == [4, 4, 1, 0]
    assert store.counts("ranked", []).total_expired == 9


# --- coming home ----------------------------------------------------------------------------------------------


def test_left_behind_are_the_tickets_that_stood_in_with_what_became_of_them(
    store: PostgresTicketStore, standing_in: PostgresTicketStore
) -> None:
    a_waiting_player(store)
    kept = a_kept_ticket(waited_ms=9_000, rating=1234.5)
    standing_in.restore(kept, RANKED, NOW_MS)
    leaver = a_waiting_player(standing_in, waited_ms=2_000)
    standing_in.leave(leaver, NOW_MS)
    _, first, second = a_match(standing_in)
    go_home(NOW_MS)

    left = standing_in.left_behind(100)

    assert left[0].kept == kept
    assert {one.kept.player_id: str(one.status) for one in left} == {
        kept.player_id: "waiting",
        leaver: "left",
        first: "matched",
        second: "matched",
    }
    assert [one.kept.player_id for one in standing_in.left_behind(2)] == [kept.player_id, leaver]


def test_what_is_cleared_is_forgotten_and_nothing_else(
    store: PostgresTicketStore, standing_in: PostgresTicketStore
) -> None:
    own, moved, stays = a_waiting_player(store), a_waiting_player(standing_in), a_waiting_player(standing_in)

    for _ in range(2):
        standing_in.cleared([moved, own])

    assert standing_in.status(moved, NOW_MS) == NotInQueue()
    assert [one.kept.player_id for one in standing_in.left_behind(100)] == [stays]
    assert isinstance(store.status(own, NOW_MS), Waiting)


# --- the pool -------------------------------------------------------------------------------------------------


def test_a_server_that_is_gone_stays_for_the_admin_and_is_in_no_pool(pool: PostgresServerPool) -> None:
    pool.register(a_registration(), NOW_MS)
    pool.lose(ServerId("eu-1"), None, silent_since_ms=None)
    assert pool.forget(ServerId("eu-1"))

    record = GameServerRecord.objects.get()
    assert (record.status, record.ended_at is not None) == ("lost", True)
    assert (pool.list(), pool.find(ServerId("eu-1")), pool.silent(NOW_MS + 1)) == ([], None, [])
    assert not pool.forget(ServerId("eu-1"))
    assert pool.lose(ServerId("eu-1"), None, silent_since_ms=None) == "UNKNOWN"


def test_servers_that_have_been_gone_for_a_month_are_deleted(pool: PostgresServerPool) -> None:
    for name in ("old", "new"):
        pool.register(a_registration(name), NOW_MS)
        pool.lose(ServerId(name), None, silent_since_ms=None)
    pool.forget(ServerId("old"))
    GameServerRecord.objects.filter(id="old").update(ended_at=timezone.now() - timedelta(days=30, seconds=1))

    pool.forget(ServerId("new"))

    assert [record.id for record in GameServerRecord.objects.all()] == ["new"]


def test_a_server_of_another_pool_is_known_in_its_generation_and_an_older_one_changes_nothing(
    pool: PostgresServerPool,
) -> None:
    pool.register(a_registration(capacity=1), NOW_MS)
    here = pool.find(ServerId("eu-1"))

    pool.adopt(replace(here, generation=NOW_MS + 5, capacity=7, status=ServerStatus.DRAINING, last_heartbeat_ms=9))
    pool.adopt(replace(here, generation=NOW_MS + 4, capacity=8))

    known = pool.find(ServerId("eu-1"))
    assert (known.generation, known.capacity, known.status, known.last_heartbeat_ms) == (NOW_MS + 5, 7, "draining", 9)


def test_seats_are_given_by_load_and_ties_by_name_however_many_servers(pool: PostgresServerPool) -> None:
    for name, capacity, region in (("b", 2, "eu"), ("a", 4, "eu"), ("c", 1, "us"), ("d", 3, "us")):
        pool.register(a_registration(name, capacity=capacity, region=region), NOW_MS)
    store = PostgresTicketStore(RULES, stands_in=False, seats=True)
    players = [a_waiting_player(store, region=region) for region in ("us", "us") * 5]
    proposals = [a_proposal(store, *pair) for pair in zip(players[::2], players[1::2], strict=True)]

    claims = store.claim(RANKED, proposals, NOW_MS)

    # c 0/1 and d 0/3 by name, then d until it is full, then the least loaded of all.
    assert [match.server.id for match in claims.matches] == ["c", "d", "d", "d", "a"]


def test_a_server_that_hosts_more_than_it_may_gets_nothing() -> None:
    seat = Seat("eu-1", 1, "10.0.0.1", 7777, "eu")
    seats = FreeSeats([ReadyServer(seat, capacity=2)], {"eu-1": 3})

    assert seats.find("eu") is None
    assert seats.find("") is None


# --- PostgreSQL is away ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_news_and_the_next_call_connects_anew(store: PostgresTicketStore) -> None:
    player = a_waiting_player(store)
    pid = fetch_one("SELECT pg_backend_pid()", {})[0]
    at_once(lambda: fetch_one("SELECT pg_terminate_backend(%(pid)s)", {"pid": pid}))

    with pytest.raises(StoreUnavailable, match="postgresql is unavailable"):
        store.status(player, NOW_MS)

    assert isinstance(store.status(player, NOW_MS), Waiting)


@pytest.mark.django_db(transaction=True)
def test_a_connection_lost_within_a_step_leaves_nothing_of_it(
    store: PostgresTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = a_waiting_player(store), a_waiting_player(store)
    proposal = a_proposal(store, *pair)

    def killed(matches: Any) -> Any:
        written = insert_matches(matches)
        pid = fetch_one("SELECT pg_backend_pid()", {})[0]
        at_once(lambda: fetch_one("SELECT pg_terminate_backend(%(pid)s)", {"pid": pid}))
        return written

    with monkeypatch.context() as patch:
        patch.setattr("matchmaking.stores.postgres.claims.insert_matches", killed)
        with pytest.raises(StoreUnavailable):
            store.claim(RANKED, [proposal], NOW_MS)

    assert MatchRecord.objects.count() == 0
    assert len(store.claim(RANKED, [proposal], NOW_MS).matches) == 1


@pytest.mark.django_db(transaction=True)
def test_a_server_pool_that_cannot_be_asked_is_never_an_empty_one(pool: PostgresServerPool) -> None:
    pool.register(a_registration(), NOW_MS)
    pid = fetch_one("SELECT pg_backend_pid()", {})[0]
    at_once(lambda: fetch_one("SELECT pg_terminate_backend(%(pid)s)", {"pid": pid}))

    with pytest.raises(StoreUnavailable):
        pool.list()
    assert len(pool.list()) == 1


def test_faults_of_our_own_stay_faults() -> None:
    with pytest.raises(Exception, match="syntax error"), transaction.atomic():
        fetch_one("SELEC 1", {})
    assert connection.is_usable()
