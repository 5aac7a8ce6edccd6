"""Races in PostgreSQL, with real threads, connections and commits; each asserts what must hold whoever wins."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from errors import NotInCharge
from matchmaking.charge import fall_back, go_home, read_charge
from matchmaking.match import Match, MatchStatus, PlayerId
from matchmaking.models import MatchRecord, Participant, Ticket
from matchmaking.stores.postgres import statements as sql
from matchmaking.stores.postgres import store as postgres_store
from matchmaking.stores.postgres.claims import insert_matches
from matchmaking.stores.postgres.store import PostgresTicketStore
from matchmaking.ticket import Left, Matched, NotInQueue, Waiting
from servers.server import Hosting, ServerId
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

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store() -> PostgresTicketStore:
    return PostgresTicketStore(RULES, stands_in=False, seats=True)


@pytest.fixture
def standing_in() -> PostgresTicketStore:
    fall_back(NOW_MS)
    return PostgresTicketStore(RULES, stands_in=True, seats=False)


@pytest.fixture
def pool() -> PostgresServerPool:
    return PostgresServerPool()


def everybody_is_in_one_place() -> None:
    """No player is in two live matches, or waits while in one; every match has both its players."""
    live = Counter(
        str(player) for player in Participant.objects.filter(is_live=True).values_list("player_id", flat=True)
    )
    assert set(live.values()) <= {1}
    waiting = {str(player) for player in Ticket.objects.filter(status="waiting").values_list("player_id", flat=True)}
    assert waiting.isdisjoint(live)
    assert sum(live.values()) == 2 * MatchRecord.objects.filter(ended_at=None).count()


def until(is_so: Callable[[], bool]) -> None:
    """Wait for another thread to get somewhere."""
    ends = threading.Event()
    for _ in range(2_000):
        if is_so():
            return
        ends.wait(0.005)
    raise AssertionError("it did not come to that")


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


# --- tickets ----------------------------------------------------------------------------------------------


def test_leave_against_match_has_one_winner_and_the_loser_is_told(store: PostgresTicketStore) -> None:
    outcomes = Counter()
    for _ in range(60):
        leaver, partner = a_waiting_player(store), a_waiting_player(store)
        proposal = a_proposal(store, leaver, partner)

        left, claims = at_once(
            lambda leaver=leaver: store.leave(leaver, NOW_MS),
            lambda proposal=proposal: store.claim(RANKED, [proposal], NOW_MS),
        )

        outcomes[type(left)] += 1
        if isinstance(left, Left):
            assert (claims.matches, claims.taken) == ([], 1)
            assert isinstance(store.status(partner, NOW_MS), Waiting)
        else:
            assert left == Matched(claims.matches[0], MatchStatus.CREATED)
            assert store.status(partner, NOW_MS) == left
        everybody_is_in_one_place()
    assert set(outcomes) <= {Left, Matched}


def test_who_asks_while_tickets_go_home_is_not_told_that_there_is_none(standing_in: PostgresTicketStore) -> None:
    player = a_waiting_player(standing_in)
    is_cleared, told = threading.Event(), []

    def come_home() -> None:
        with transaction.atomic():
            read_charge(lock="FOR UPDATE")
            standing_in.cleared([player])
            go_home(NOW_MS)
            is_cleared.set()
            until(somebody_waits_for_a_lock)

    def ask() -> None:
        is_cleared.wait(10)
        with pytest.raises(NotInCharge):
            told.append(standing_in.status(player, NOW_MS))

    at_once(come_home, ask)

    assert told == []
    with pytest.raises(NotInCharge):
        standing_in.status(player, NOW_MS)


def test_rounds_that_overlap_never_match_a_player_twice(store: PostgresTicketStore) -> None:
    players = [a_waiting_player(store) for _ in range(60)]
    marks = marks_of(store, "ranked")
    straight = [a_proposal(store, *pair, marks=marks) for pair in zip(players[::2], players[1::2], strict=True)]
    shifted = [
        a_proposal(store, *pair, marks=marks) for pair in zip(players[1::2], players[2::2] + players[:1], strict=True)
    ]

    claims = at_once(*(lambda p=p: store.claim(RANKED, p, NOW_MS) for p in (straight, shifted, straight, shifted)))

    matched = [player.id for claim in claims for match in claim.matches for player in match.players]
    assert len(matched) == len(set(matched))
    waiting = set(store.snapshot("ranked").player_ids)
    assert waiting.isdisjoint(matched)
    assert waiting | set(matched) == set(players)
    assert store.counts("ranked", []).total_matches == len(matched) // 2 == MatchRecord.objects.count()
    everybody_is_in_one_place()


def test_a_claim_passes_over_tickets_that_another_transaction_holds_and_does_not_wait(
    store: PostgresTicketStore,
) -> None:
    held, partner = a_waiting_player(store), a_waiting_player(store)
    others = a_waiting_player(store), a_waiting_player(store)
    proposals = [a_proposal(store, held, partner), a_proposal(store, *others)]

    with transaction.atomic():
        Ticket.objects.select_for_update().get(player_id=held)
        (claims,) = at_once(lambda: store.claim(RANKED, proposals, NOW_MS))

    assert ([match.id for match in claims.matches], claims.taken) == ([proposals[1].match_id], 1)
    assert set(store.snapshot("ranked").player_ids) == {held, partner}


def test_a_player_who_joins_many_times_at_once_has_one_ticket(store: PostgresTicketStore) -> None:
    for turn in range(5):
        player = a_player_id()

        joins = [a_join(player) for _ in range(6)]
        answers = at_once(*(lambda join=join: store.join(join, RANKED, NOW_MS) for join in joins))

        assert len({answer.ticket_id for answer in answers}) == 1
        assert [answer.is_new for answer in answers].count(True) == 1
        assert store.counts("ranked", []).total_joins == turn + 1


def test_of_joins_in_two_queues_at_once_one_is_told_of_the_other(store: PostgresTicketStore) -> None:
    for _ in range(10):
        player = a_player_id()

        answers = at_once(
            lambda player=player: store.join(a_join(player), RANKED, NOW_MS),
            lambda player=player: store.join(a_join(player, queue="casual"), CASUAL, NOW_MS),
        )

        assert sorted(type(answer).__name__ for answer in answers) == ["Elsewhere", "Waiting"]


def test_a_join_against_the_claim_of_the_same_ticket_leaves_no_second_one(store: PostgresTicketStore) -> None:
    for _ in range(40):
        player, partner = a_waiting_player(store), a_waiting_player(store)
        proposal = a_proposal(store, player, partner)

        joined, claims = at_once(
            lambda player=player: store.join(a_join(player), RANKED, NOW_MS),
            lambda proposal=proposal: store.claim(RANKED, [proposal], NOW_MS),
        )

        everybody_is_in_one_place()
        assert isinstance(joined, Waiting | Matched)
        assert not getattr(joined, "is_new", False)
        assert len(claims.matches) + claims.taken == 1


def test_a_player_who_asks_all_the_time_is_never_told_that_he_is_not_in_the_queue(store: PostgresTicketStore) -> None:
    pairs = [(a_waiting_player(store), a_waiting_player(store)) for _ in range(15)]
    proposals = [a_proposal(store, *pair) for pair in pairs]

    def ask(player: PlayerId) -> list[Any]:
        answers = []
        while not answers or isinstance(answers[-1], Waiting):
            answers.append(store.status(player, NOW_MS))
        return answers

    def run_rounds() -> None:
        for proposal in proposals:
            while not store.claim(RANKED, [proposal], NOW_MS).matches:
                pass

    *told, _ = at_once(*(lambda player=first: ask(player) for first, _ in pairs[-4:]), run_rounds)

    assert {type(answers[-1]) for answers in told} == {Matched}
    everybody_is_in_one_place()


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Let something happen between the two looks of a status."""
    read = postgres_store.fetch_one

    def happens(call: Callable[[], Any]) -> None:
        def fetch_one(statement: str, params: Any) -> Any:
            if statement == sql.READ_TICKET:
                monkeypatch.setattr(postgres_store, "fetch_one", read)
                call()
            return read(statement, params)

        monkeypatch.setattr(postgres_store, "fetch_one", fetch_one)

    return happens


def test_a_join_between_the_looks_of_a_status_is_seen(store: PostgresTicketStore, meanwhile: Any) -> None:
    player = a_player_id()
    meanwhile(lambda: store.join(a_join(player), RANKED, NOW_MS))

    assert isinstance(store.status(player, NOW_MS), Waiting)


def test_a_match_between_the_looks_of_a_status_is_seen(store: PostgresTicketStore, meanwhile: Any) -> None:
    player = a_player_id()
    made: list[Match] = []
    meanwhile(lambda: made.append(a_match(store, a_waiting_player(store, player_id=player))[0]))

    assert store.status(player, NOW_MS) == Matched(made[0], MatchStatus.CREATED)


def test_a_player_who_asks_while_the_reaper_looks_does_not_expire(store: PostgresTicketStore) -> None:
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1
    for _ in range(40):
        player = a_waiting_player(store)

        asked, expired = at_once(
            lambda player=player: store.status(player, later_ms), lambda: store.expire(RANKED, later_ms)
        )

        assert isinstance(asked, Waiting) == (expired == [])
        store.leave(player, later_ms)


# --- the other store's matches ------------------------------------------------------------------------------


def test_a_player_is_in_one_live_match_whichever_store_is_faster(store: PostgresTicketStore) -> None:
    winners = Counter()
    for _ in range(40):
        wanted, partner, bystander, other = (a_waiting_player(store) for _ in range(4))
        proposals = [a_proposal(store, wanted, partner), a_proposal(store, bystander, other)]
        elsewhere = a_match_of(a_kept_ticket(wanted), a_kept_ticket())

        def record(match: Match = elsewhere) -> bool:
            try:
                insert_matches([match])
            except IntegrityError:
                return False
            return True

        claims, is_recorded = at_once(lambda proposals=proposals: store.claim(RANKED, proposals, NOW_MS), record)

        made = {match.id for match in claims.matches}
        winners[is_recorded] += 1
        assert proposals[1].match_id in made
        assert (proposals[0].match_id in made) != is_recorded
        everybody_is_in_one_place()
        if is_recorded:
            assert store.status(wanted, NOW_MS) == Matched(elsewhere, MatchStatus.CREATED)
            assert isinstance(store.status(partner, NOW_MS), Waiting)
        for player in (partner, wanted):
            store.leave(player, NOW_MS)


def test_a_claim_that_crosses_with_the_other_stores_writes_is_tried_again_and_holds_up_no_other(
    store: PostgresTicketStore,
) -> None:
    first, second = a_waiting_player(store), a_waiting_player(store)
    others = a_waiting_player(store), a_waiting_player(store)
    proposals = [a_proposal(store, first, second), a_proposal(store, *others)]

    def claim() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '100ms'")
        return store.claim(RANKED, proposals, NOW_MS)

    def cross() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '60s'")
        with transaction.atomic():
            insert_matches([a_match_of(a_kept_ticket(second), a_kept_ticket())])
            holds_one.set()
            until(somebody_waits_for_a_lock)  # the claim, which has written `first` and waits for `second`
            insert_matches([a_match_of(a_kept_ticket(first), a_kept_ticket())])

    holds_one = threading.Event()
    claims, _ = at_once(lambda: holds_one.wait(10) and claim(), cross)

    assert ([match.id for match in claims.matches], claims.taken) == ([proposals[1].match_id], 1)
    everybody_is_in_one_place()


# --- servers ------------------------------------------------------------------------------------------------


def test_a_server_is_never_overbooked_by_claims_and_ends_at_once(
    store: PostgresTicketStore, pool: PostgresServerPool
) -> None:
    pool.register(a_registration("eu-1", capacity=3), NOW_MS)
    pool.register(a_registration("eu-2", capacity=2), NOW_MS)
    live: list[Match] = []
    lock = threading.Lock()

    def play(rounds: int) -> None:
        for _ in range(rounds):
            proposal = a_proposal(store, a_waiting_player(store), a_waiting_player(store))
            (match,) = store.claim(RANKED, [proposal], NOW_MS).matches
            with lock:
                live.append(match)
                ended = live.pop(0) if len(live) > 4 else None
            if ended:
                store.end(ended, MatchStatus.COMPLETED)
                store.end(ended, MatchStatus.COMPLETED)

    def watch() -> list[Any]:
        return [server for _ in range(40) for server in pool.list() if server.active_games > server.capacity]

    *_, overbooked = at_once(*(lambda: play(12) for _ in range(4)), watch)

    assert overbooked == []
    games = {server.id: server.active_games for server in pool.list()}
    held = [match.server.id for match in live if match.server]
    assert games == {"eu-1": held.count("eu-1"), "eu-2": held.count("eu-2")}
    everybody_is_in_one_place()


def test_two_queues_never_take_the_same_seat(store: PostgresTicketStore, pool: PostgresServerPool) -> None:
    for _ in range(30):
        pool.register(a_registration("eu-1", capacity=1), NOW_MS)
        proposals = [
            (rules, a_proposal(store, a_waiting_player(store, rules=rules), a_waiting_player(store, rules=rules)))
            for rules in (RANKED, CASUAL)
        ]

        claims = at_once(*(lambda r=r, p=p: store.claim(r, [p], NOW_MS) for r, p in proposals))

        matches = [match for claim in claims for match in claim.matches]
        assert sorted(match.server is not None for match in matches) == [False, True]
        for match in matches:
            store.end(match, MatchStatus.COMPLETED)


def test_a_server_that_is_lost_knows_every_match_that_it_was_given(
    store: PostgresTicketStore, pool: PostgresServerPool
) -> None:
    outcomes = Counter()
    for turn in range(40):
        server = ServerId(f"eu-{turn}")
        pool.register(a_registration(server, capacity=2), NOW_MS)
        proposal = a_proposal(store, a_waiting_player(store), a_waiting_player(store))

        claims, left_behind = at_once(
            lambda proposal=proposal: store.claim(RANKED, [proposal], NOW_MS),
            lambda server=server: pool.lose(server, None, silent_since_ms=None),
        )

        (match,) = claims.matches
        outcomes[match.server is not None] += 1
        assert left_behind == ([match.id] if match.server else [])


def test_a_heartbeat_against_the_reaper_has_one_winner(pool: PostgresServerPool) -> None:
    later_ms = NOW_MS + 16_000
    for turn in range(40):
        server = ServerId(f"eu-{turn}")
        generation = pool.register(a_registration(server), NOW_MS)

        beat, lost = at_once(
            lambda s=server, g=generation: pool.heartbeat(s, g, later_ms),
            lambda s=server: pool.lose(s, None, silent_since_ms=later_ms - 15_000),
        )

        is_alive = pool.find(server).status == "ready"
        assert (beat == "UNKNOWN", lost == "ALIVE") == (not is_alive, is_alive)


def test_of_registrations_at_once_the_newest_alone_holds_the_place(pool: PostgresServerPool) -> None:
    server = ServerId("eu-1")

    generations = at_once(*(lambda: pool.register(a_registration("eu-1"), NOW_MS) for _ in range(6)))

    assert len(set(generations)) == 6
    beats = [pool.heartbeat(server, generation, NOW_MS) for generation in generations]
    assert [isinstance(beat, Hosting) for beat in beats] == [g == max(generations) for g in generations]


# --- rounds ---------------------------------------------------------------------------------------------------


def test_of_rounds_that_begin_at_once_one_runs(store: PostgresTicketStore) -> None:
    for turn in range(10):
        tokens = [f"{turn}-{place}" for place in range(5)]

        begun = at_once(*(lambda token=token: store.begin_round("ranked", token, NOW_MS) for token in tokens))

        assert begun.count(True) == 1
        assert store.finish_round("ranked", tokens[begun.index(True)], NOW_MS, may_run_again=True) == "DONE"


def test_nobody_waits_for_another_to_begin_a_round(store: PostgresTicketStore) -> None:
    store.begin_round("ranked", "one", NOW_MS)
    store.finish_round("ranked", "one", NOW_MS, may_run_again=False)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM matchmaking_queuestate FOR UPDATE")
        assert at_once(lambda: store.begin_round("ranked", "two", NOW_MS)) == [False]
    assert store.begin_round("ranked", "three", NOW_MS)


# --- coming home ----------------------------------------------------------------------------------------------


def test_coming_home_is_a_clean_cut_through_joins_leaves_and_claims(standing_in: PostgresTicketStore) -> None:
    store = standing_in
    first = [a_waiting_player(store) for _ in range(10)]
    moved: set[PlayerId] = set()
    has_begun = threading.Barrier(3)

    def join() -> set[PlayerId]:
        joined = set()
        has_begun.wait()
        while True:
            try:
                joined.add(a_waiting_player(store))
            except NotInCharge:
                return joined

    def leave_and_match() -> set[PlayerId]:
        gone: set[PlayerId] = set()
        has_begun.wait()
        try:
            for leaver, one, other in zip(first[::3], first[1::3], first[2::3], strict=False):
                assert isinstance(store.leave(leaver, NOW_MS), Left)
                gone.add(leaver)
                claims = store.claim(RANKED, [a_proposal(store, one, other)], NOW_MS)
                gone |= {player.id for match in claims.matches for player in match.players}
        except NotInCharge:
            pass
        return gone

    def come_home() -> None:
        has_begun.wait()
        until(lambda: Ticket.objects.count() > 15)
        with transaction.atomic():
            assert read_charge(lock="FOR UPDATE").is_fallen_back
            left = store.left_behind(10_000)
            moved.update(one.kept.player_id for one in left if one.status == "waiting")
            store.cleared([one.kept.player_id for one in left])
            go_home(NOW_MS)

    joined, gone, _ = at_once(join, leave_and_match, come_home)

    assert moved == (joined | set(first)) - gone
    assert Ticket.objects.count() == 0
    with pytest.raises(NotInCharge):
        store.join(a_join(), RANKED, NOW_MS)


def test_a_status_that_comes_after_coming_home_asks_the_other_store(standing_in: PostgresTicketStore) -> None:
    player = a_waiting_player(standing_in)
    go_home(NOW_MS)

    with pytest.raises(NotInCharge):
        standing_in.status(player, NOW_MS)
    assert PostgresTicketStore(RULES, stands_in=False, seats=True).status(player, NOW_MS) == NotInQueue()
