"""What every ticket store promises (`matchmaking.stores.port.TicketStore`)."""

from dataclasses import replace

import pytest

from matchmaking.match import MatchStatus
from matchmaking.rules import Placement
from matchmaking.stores.port import RoundTurn, TicketStore
from matchmaking.ticket import Elsewhere, Ended, Expired, Left, Matched, NotInQueue, RatingMissing, Waiting
from servers.server import Absence, Hosting, ServerId
from servers.stores.port import ServerPool
from tests.builders import (
    CASUAL,
    NOW_MS,
    RANKED,
    a_join,
    a_match,
    a_player_id,
    a_proposal,
    a_registration,
    a_waiting_player,
    announced,
    marks_of,
    rules_with,
)
from tests.conftest import KnowRating

ALL = [(float("-inf"), float("inf"))]


# --- join ---------------------------------------------------------------------------------------------


def test_a_join_answers_its_place_in_the_queue(store: TicketStore) -> None:
    a_waiting_player(store, rating=1000, waited_ms=5_000)
    request = a_join(rating=1400)

    answer = store.join(request, RANKED, NOW_MS)

    assert isinstance(answer, Waiting)
    assert (answer.ticket_id, answer.queue, answer.rating) == (request.ticket_id, "ranked", 1400)
    assert (answer.joined_ms, answer.position, answer.size, answer.rating_sum) == (NOW_MS, 2, 2, 2400)
    assert answer.is_new


def test_who_joined_first_is_first_whatever_the_ids_say(store: TicketStore) -> None:
    late = a_waiting_player(store, player_id=a_player_id(1), waited_ms=0)
    early = a_waiting_player(store, player_id=a_player_id(9), waited_ms=5_000)

    assert store.status(early, NOW_MS).position == 1
    assert store.status(late, NOW_MS).position == 2


def test_joining_twice_is_the_same_ticket_with_the_same_arrival_time(store: TicketStore) -> None:
    request = a_join()
    first = store.join(request, RANKED, NOW_MS)

    second = store.join(a_join(request.player_id, rating=1900), RANKED, NOW_MS + 7_000)

    assert isinstance(second, Waiting)
    assert (second.ticket_id, second.joined_ms, second.rating) == (first.ticket_id, NOW_MS, 1200)
    assert (second.is_new, second.size) == (False, 1)
    assert store.counts("ranked", []).total_joins == 1


def test_a_join_without_a_known_rating_asks_for_it_and_writes_nothing(store: TicketStore) -> None:
    request = a_join(rating=None)

    assert store.join(request, RANKED, NOW_MS) == RatingMissing()
    assert store.status(request.player_id, NOW_MS) == NotInQueue()
    assert store.counts("ranked", []).total_joins == 0


def test_a_join_that_brings_no_rating_gets_the_known_one(store: TicketStore, know_rating: KnowRating) -> None:
    player = a_player_id()
    know_rating(player, "ranked", 1350.5)

    assert store.join(a_join(player, rating=None, queue="casual"), CASUAL, NOW_MS) == RatingMissing()
    joined = store.join(a_join(player, rating=None), RANKED, NOW_MS)

    assert isinstance(joined, Waiting)
    assert joined.rating == 1350.5


def test_a_known_rating_is_not_replaced_by_the_one_that_a_join_brings(
    store: TicketStore, know_rating: KnowRating
) -> None:
    player = a_player_id()
    know_rating(player, "ranked", 1350)

    for rating in (9999, 8888):
        assert store.join(a_join(player, rating=rating), RANKED, NOW_MS).rating == 1350
        store.leave(player, NOW_MS)


def test_a_player_waits_in_one_queue_only(store: TicketStore) -> None:
    player = a_waiting_player(store, rules=RANKED)

    assert store.join(a_join(player, queue="casual"), CASUAL, NOW_MS) == Elsewhere(queues=("ranked",))
    assert store.counts("casual", []).current_size == 0


def test_joining_during_a_live_match_answers_that_match(store: TicketStore) -> None:
    match, first, _ = a_match(store)

    assert store.join(a_join(first), RANKED, NOW_MS) == Matched(match=match, status=MatchStatus.CREATED)
    assert store.join(a_join(first, queue="casual"), CASUAL, NOW_MS) == Matched(match=match, status=MatchStatus.CREATED)
    assert store.counts("ranked", []).current_size == 0


def test_after_a_match_has_ended_a_join_is_a_new_ticket(store: TicketStore) -> None:
    match, first, _ = a_match(store)
    store.end(match, MatchStatus.COMPLETED)

    again = store.join(a_join(first), RANKED, NOW_MS + 1)

    assert isinstance(again, Waiting)
    assert (again.is_new, again.joined_ms) == (True, NOW_MS + 1)


def test_the_first_join_since_the_last_round_asks_for_one_and_a_lone_player_does_not(store: TicketStore) -> None:
    alone = store.join(a_join(), RANKED, NOW_MS)
    second = store.join(a_join(), RANKED, NOW_MS)
    third = store.join(a_join(), RANKED, NOW_MS)

    assert [alone.wants_round, second.wants_round, third.wants_round] == [False, True, False]


# --- status -------------------------------------------------------------------------------------------


def test_the_status_of_a_player_without_a_ticket_is_not_in_queue(store: TicketStore) -> None:
    assert store.status(a_player_id(), NOW_MS) == NotInQueue()


def test_the_status_of_a_waiting_ticket_is_what_the_join_answered(store: TicketStore) -> None:
    request = a_join(rating=1201.5, queue="casual")
    joined = store.join(request, CASUAL, NOW_MS)

    status = store.status(request.player_id, NOW_MS + 3_000)

    assert (status.ticket_id, status.queue, status.rating, status.joined_ms) == (
        joined.ticket_id,
        "casual",
        1201.5,
        NOW_MS,
    )
    assert not status.is_new


def test_both_players_are_told_the_same_match(store: TicketStore) -> None:
    match, first, second = a_match(store)

    assert store.status(first, NOW_MS) == store.status(second, NOW_MS) == Matched(match, MatchStatus.CREATED)


def test_the_end_of_a_match_is_told_to_its_players(store: TicketStore) -> None:
    match, first, second = a_match(store)
    store.end(match, MatchStatus.ABANDONED)

    assert store.status(first, NOW_MS) == store.status(second, NOW_MS) == Ended(match.id, MatchStatus.ABANDONED)


# --- leave --------------------------------------------------------------------------------------------


def test_leaving_takes_the_ticket_out_once(store: TicketStore) -> None:
    request = a_join()
    store.join(request, RANKED, NOW_MS)

    left = store.leave(request.player_id, NOW_MS + 2_500)

    assert left == Left(queue="ranked", ticket_id=request.ticket_id, waited_ms=2_500)
    assert store.leave(request.player_id, NOW_MS + 2_600) == NotInQueue()
    assert store.status(request.player_id, NOW_MS) == NotInQueue()
    counts = store.counts("ranked", [])
    assert (counts.current_size, counts.rating_sum, counts.total_leaves) == (0, 0, 1)


def test_leaving_after_a_claim_answers_the_match_and_changes_nothing(store: TicketStore) -> None:
    match, first, _ = a_match(store)

    assert store.leave(first, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert store.status(first, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert store.counts("ranked", []).total_leaves == 0


# --- snapshot and claim -------------------------------------------------------------------------------


def test_a_snapshot_holds_every_waiting_ticket_of_its_queue(store: TicketStore) -> None:
    here = a_waiting_player(store, rating=1234.5, waited_ms=1_500)
    a_waiting_player(store, rules=CASUAL)
    gone = a_waiting_player(store)
    store.leave(gone, NOW_MS)

    tickets = store.snapshot("ranked")

    assert list(tickets.player_ids) == [here]
    assert tickets.ratings.tolist() == [1234.5]
    assert tickets.joined_ms.tolist() == [NOW_MS - 1_500]


def test_a_claim_takes_all_tickets_out_and_makes_the_match(store: TicketStore) -> None:
    first = a_waiting_player(store, rating=1210, waited_ms=4_000, username="testuser")
    second = a_waiting_player(store, rating=1190, waited_ms=1_000, username="tangerine")
    proposal = a_proposal(store, first, second)

    (match,) = announced(store, store.claim(RANKED, [proposal], NOW_MS))

    assert (match.id, match.queue, match.created_ms, match.server) == (proposal.match_id, "ranked", NOW_MS, None)
    assert [[(p.id, p.username, p.rating, p.waited_ms) for p in team] for team in match.teams] == [
        [(first, "testuser", 1210, 4_000)],
        [(second, "tangerine", 1190, 1_000)],
    ]
    counts = store.counts("ranked", ALL)
    assert (counts.current_size, counts.rating_sum, counts.total_matches) == (0, 0, 1)
    assert sorted(counts.recent_waits_ms) == [1_000, 4_000]
    assert list(store.snapshot("ranked").player_ids) == []


def test_a_claim_takes_all_tickets_or_none(store: TicketStore) -> None:
    stays, leaves = a_waiting_player(store, waited_ms=3_000), a_waiting_player(store)
    store.leave(leaves, NOW_MS)

    for proposal in (a_proposal(store, stays, leaves), a_proposal(store, leaves, stays)):
        claims = store.claim(RANKED, [proposal], NOW_MS)
        assert (claims.matches, claims.taken) == ([], 1)

    waiting = store.status(stays, NOW_MS)
    assert isinstance(waiting, Waiting)
    assert (waiting.joined_ms, waiting.size) == (NOW_MS - 3_000, 1)
    assert store.outbox(10) == []


def test_a_claim_of_a_ticket_in_another_queue_takes_nothing(store: TicketStore) -> None:
    here, elsewhere = a_waiting_player(store), a_waiting_player(store, rules=CASUAL)

    assert store.claim(RANKED, [a_proposal(store, here, elsewhere)], NOW_MS).taken == 1
    assert isinstance(store.status(elsewhere, NOW_MS), Waiting)
    assert isinstance(store.status(here, NOW_MS), Waiting)


def test_nobody_is_matched_with_himself(store: TicketStore) -> None:
    alone = a_waiting_player(store)

    assert store.claim(RANKED, [a_proposal(store, alone, alone)], NOW_MS).taken == 1

    assert isinstance(store.status(alone, NOW_MS), Waiting)
    assert list(store.snapshot("ranked").player_ids) == [alone]


def test_two_proposals_of_one_batch_cannot_both_have_the_same_player(store: TicketStore) -> None:
    wanted, one, other = a_waiting_player(store), a_waiting_player(store), a_waiting_player(store)

    claims = store.claim(RANKED, [a_proposal(store, wanted, one), a_proposal(store, other, wanted)], NOW_MS)

    assert (len(claims.matches), claims.taken) == (1, 1)
    assert isinstance(store.status(other, NOW_MS), Waiting)


def test_a_proposal_claimed_twice_is_one_match(store: TicketStore) -> None:
    proposal = a_proposal(store, a_waiting_player(store), a_waiting_player(store))

    assert len(store.claim(RANKED, [proposal], NOW_MS).matches) == 1
    assert store.claim(RANKED, [proposal], NOW_MS).taken == 1
    assert store.counts("ranked", []).total_matches == 1


def test_more_proposals_than_a_batch_are_all_claimed(store: TicketStore) -> None:
    players = [a_waiting_player(store) for _ in range(260)]
    proposals = [a_proposal(store, a, b) for a, b in zip(players[::2], players[1::2], strict=True)]

    claims = store.claim(RANKED, proposals, NOW_MS)

    assert [match.id for match in claims.matches] == [proposal.match_id for proposal in proposals]


# --- seats --------------------------------------------------------------------------------------------


def test_a_match_takes_a_seat_on_the_least_loaded_server(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration("a-small", capacity=2), NOW_MS)
    pool.register(a_registration("b-large", capacity=4), NOW_MS)

    claims = store.claim(
        RANKED, [a_proposal(store, a_waiting_player(store), a_waiting_player(store)) for _ in range(4)], NOW_MS
    )

    # 0/2 before 0/4 by name, then 0/4, then 1/4 before 1/2, then 1/2 before 2/4 by name.
    assert [match.server.id for match in claims.matches] == ["a-small", "b-large", "b-large", "a-small"]
    assert {server.id: server.active_games for server in pool.list()} == {"a-small": 2, "b-large": 2}


def test_a_seat_carries_what_players_need_to_connect(store: TicketStore, pool: ServerPool) -> None:
    generation = pool.register(a_registration("eu-1", region="eu", port=7788), NOW_MS)

    match, *_ = a_match(store)

    seat = match.server
    assert (seat.id, seat.generation, seat.host, seat.port, seat.region) == ("eu-1", generation, "10.0.0.1", 7788, "eu")


def test_the_players_region_comes_before_the_lower_load(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration("far", region="us", capacity=100), NOW_MS)
    pool.register(a_registration("near", region="eu", capacity=2), NOW_MS)
    proposals = [
        a_proposal(store, a_waiting_player(store, region="eu"), a_waiting_player(store, region="eu")) for _ in range(3)
    ]

    claims = store.claim(RANKED, proposals, NOW_MS)

    assert [match.server.id for match in claims.matches] == ["near", "near", "far"]
    assert {match.region for match in claims.matches} == {"eu"}


@pytest.mark.parametrize(
    ("regions", "expected"), [(("eu", ""), "eu"), (("", "eu"), "eu"), (("eu", "us"), ""), (("us", "eu"), "")]
)
def test_one_named_region_is_the_region_of_the_match_and_two_cancel(
    store: TicketStore, regions: tuple[str, str], expected: str
) -> None:
    players = [a_waiting_player(store, region=region) for region in regions]

    (match,) = store.claim(RANKED, [a_proposal(store, *players)], NOW_MS).matches

    assert match.region == expected


def test_a_full_server_gets_no_match_and_a_match_may_go_without(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(capacity=1), NOW_MS)

    servers = [a_match(store)[0].server for _ in range(2)]

    assert [server is not None for server in servers] == [True, False]
    assert pool.list()[0].active_games == 1


def test_required_placement_without_a_seat_keeps_the_tickets_in_their_place(store: TicketStore) -> None:
    first, second = a_waiting_player(store, waited_ms=9_000), a_waiting_player(store)

    claims = store.claim(rules_with(Placement.REQUIRED), [a_proposal(store, first, second)], NOW_MS)

    assert (claims.matches, claims.without_seat) == ([], 1)
    assert (store.status(first, NOW_MS).position, store.status(first, NOW_MS).joined_ms) == (1, NOW_MS - 9_000)
    assert store.counts("ranked", []).current_size == 2


def test_placement_none_takes_no_seat(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(), NOW_MS)
    players = a_waiting_player(store), a_waiting_player(store)

    (match,) = store.claim(rules_with(Placement.NONE), [a_proposal(store, *players)], NOW_MS).matches

    assert match.server is None
    assert pool.list()[0].active_games == 0


def test_ending_a_match_frees_its_seat_once_whatever_is_repeated(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(capacity=2), NOW_MS)
    ended, *_ = a_match(store)
    goes_on, *_ = a_match(store)

    for _ in range(3):
        store.end(ended, MatchStatus.COMPLETED)

    assert pool.list()[0].active_games == 1
    assert a_match(store)[0].server is not None
    assert a_match(store)[0].server is None
    assert goes_on.server is not None


def test_a_draining_server_gets_no_match_also_when_a_seat_is_freed(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(capacity=1), NOW_MS)
    match, *_ = a_match(store)
    assert pool.drain(ServerId("eu-1"), None) is None

    store.end(match, MatchStatus.COMPLETED)

    assert a_match(store)[0].server is None


def test_a_lost_server_gets_no_match_and_its_seats_are_freed(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(), NOW_MS)
    match, *_ = a_match(store)

    assert pool.lose(ServerId("eu-1"), None, silent_since_ms=None) == [match.id]

    assert a_match(store)[0].server is None
    assert not pool.forget(ServerId("eu-1"))
    store.end(match, MatchStatus.ABANDONED)
    assert pool.forget(ServerId("eu-1"))


# --- the match's life ---------------------------------------------------------------------------------


def test_a_started_match_is_in_progress_for_its_players_and_an_ended_one_stays_ended(store: TicketStore) -> None:
    match, first, _ = a_match(store)

    store.start([match])
    assert store.status(first, NOW_MS) == Matched(match, MatchStatus.IN_PROGRESS)
    assert [found.status for found in store.find_matches([match.id])] == [MatchStatus.IN_PROGRESS]

    store.end(match, MatchStatus.COMPLETED)
    store.start([match])
    assert store.status(first, NOW_MS) == Ended(match.id, MatchStatus.COMPLETED)


def test_the_end_of_an_old_match_does_not_touch_the_next_one(store: TicketStore) -> None:
    old, first, second = a_match(store)
    store.end(old, MatchStatus.COMPLETED)
    for player in (first, second):
        store.join(a_join(player), RANKED, NOW_MS)
    new, *_ = a_match(store, first, second)

    store.end(old, MatchStatus.ABANDONED)

    assert store.status(first, NOW_MS) == Matched(new, MatchStatus.CREATED)


def test_matches_are_found_by_id_and_unknown_ones_left_out(store: TicketStore) -> None:
    match, *_ = a_match(store)

    assert store.find_matches(["00000000-0000-0000-0000-000000000000", match.id]) == [
        Matched(match, MatchStatus.CREATED)
    ]
    assert store.find_matches([]) == []


# --- expiry -------------------------------------------------------------------------------------------


def test_a_ticket_expires_when_nobody_has_asked_for_longer_than_its_lifetime(store: TicketStore) -> None:
    request = a_join()
    store.join(request, RANKED, NOW_MS)
    end_ms = NOW_MS + RANKED.ticket_ttl_ms

    assert store.expire(RANKED, end_ms) == []
    assert store.expire(RANKED, end_ms + 1) == [request.ticket_id]

    assert store.status(request.player_id, end_ms + 2) == Expired(queue="ranked")
    counts = store.counts("ranked", [])
    assert (counts.current_size, counts.rating_sum, counts.total_expired) == (0, 0, 1)
    assert store.expire(RANKED, end_ms + 9) == []


def test_asking_keeps_a_ticket_from_expiring(store: TicketStore) -> None:
    asks, joins_again, silent = (a_waiting_player(store) for _ in range(3))
    later_ms = NOW_MS + RANKED.ticket_ttl_ms
    store.status(asks, later_ms)
    store.join(a_join(joins_again), RANKED, later_ms)

    assert len(store.expire(RANKED, later_ms + 1)) == 1

    assert isinstance(store.status(asks, later_ms + 1), Waiting)
    assert isinstance(store.status(joins_again, later_ms + 1), Waiting)
    assert store.status(silent, later_ms + 1) == Expired(queue="ranked")


def test_an_expired_ticket_can_neither_be_claimed_nor_left_and_makes_way_for_a_new_one(store: TicketStore) -> None:
    silent = a_waiting_player(store)
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1
    present = a_waiting_player(store, now_ms=later_ms)
    store.expire(RANKED, later_ms)

    assert store.claim(RANKED, [a_proposal(store, present, silent)], later_ms).taken == 1
    assert store.leave(silent, later_ms) == NotInQueue()
    again = store.join(a_join(silent), RANKED, later_ms)
    assert isinstance(again, Waiting)
    assert again.joined_ms == later_ms


def test_a_matched_ticket_does_not_expire(store: TicketStore) -> None:
    match, first, _ = a_match(store)
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1

    assert store.expire(RANKED, later_ms) == []
    assert store.status(first, later_ms) == Matched(match, MatchStatus.CREATED)


def test_online_are_players_who_called_within_the_last_minutes(store: TicketStore) -> None:
    player = a_waiting_player(store)
    store.status(a_player_id(), NOW_MS + 200_000)
    assert store.online() == 2

    assert store.prune_online(NOW_MS + 300_000) == 0
    assert store.prune_online(NOW_MS + 300_001) == 1

    assert store.online() == 1
    assert store.status(player, NOW_MS + 300_002)
    assert store.online() == 2


# --- rounds -------------------------------------------------------------------------------------------


def test_one_round_of_a_queue_runs_at_a_time(store: TicketStore) -> None:
    assert store.begin_round("ranked", "one", NOW_MS)
    assert not store.begin_round("ranked", "two", NOW_MS)
    assert store.begin_round("casual", "three", NOW_MS)

    assert store.finish_round("ranked", "two", NOW_MS, may_run_again=True) is RoundTurn.LOST
    assert store.finish_round("ranked", "one", NOW_MS, may_run_again=True) is RoundTurn.DONE
    assert store.begin_round("ranked", "four", NOW_MS)


def test_a_join_during_a_round_makes_it_run_again(store: TicketStore) -> None:
    a_waiting_player(store)
    store.begin_round("ranked", "one", NOW_MS)
    assert not store.join(a_join(), RANKED, NOW_MS).wants_round
    assert not store.begin_round("ranked", "two", NOW_MS)

    assert store.finish_round("ranked", "one", NOW_MS, may_run_again=True) is RoundTurn.AGAIN
    assert store.finish_round("ranked", "one", NOW_MS, may_run_again=True) is RoundTurn.DONE


def test_a_round_that_may_not_run_again_gives_the_lease_back_and_leaves_the_nudge(store: TicketStore) -> None:
    a_waiting_player(store)
    store.begin_round("ranked", "one", NOW_MS)
    store.join(a_join(), RANKED, NOW_MS)

    assert store.finish_round("ranked", "one", NOW_MS, may_run_again=False) is RoundTurn.DONE
    assert store.begin_round("ranked", "two", NOW_MS + 5)
    assert store.counts("ranked", []).last_round_ms == NOW_MS + 5


def test_the_distribution_counts_each_ticket_in_its_band(store: TicketStore) -> None:
    for rating in (799.9, 800, 1199, 1200, 2500):
        a_waiting_player(store, rating=rating)

    counts = store.counts("ranked", [(float("-inf"), 800), (800, 1200), (1200, float("inf"))])

    assert list(counts.per_band) == [1, 2, 2]


# --- the pool -----------------------------------------------------------------------------------------


def test_registering_again_makes_the_older_generation_stale(pool: ServerPool) -> None:
    old = pool.register(a_registration(), NOW_MS)
    new = pool.register(a_registration(), NOW_MS)
    server = ServerId("eu-1")

    assert new > old
    assert pool.heartbeat(server, old, NOW_MS) is Absence.STALE
    assert pool.drain(server, old) is Absence.STALE
    assert pool.lose(server, old, silent_since_ms=None) is Absence.STALE
    assert isinstance(pool.heartbeat(server, new, NOW_MS), Hosting)


def test_a_heartbeat_answers_all_matches_of_its_server_and_no_others(store: TicketStore, pool: ServerPool) -> None:
    own = pool.register(a_registration("eu-1", capacity=2), NOW_MS)
    mine = {a_match(store)[0].id for _ in range(2)}
    pool.register(a_registration("eu-10", capacity=2), NOW_MS)
    other, *_ = a_match(store)
    assert other.server.id == "eu-10"

    hosting = pool.heartbeat(ServerId("eu-1"), own, NOW_MS, cpu_usage=12.5, memory_usage=40)

    assert set(hosting.match_ids) == mine
    server = pool.find(ServerId("eu-1"))
    assert (server.cpu_usage, server.memory_usage, server.active_games) == (12.5, 40, 2)


def test_a_server_that_never_registered_or_was_lost_has_to_register(pool: ServerPool) -> None:
    assert pool.heartbeat(ServerId("nobody"), 1, NOW_MS) is Absence.UNKNOWN
    assert pool.drain(ServerId("nobody"), None) is Absence.UNKNOWN
    assert pool.lose(ServerId("nobody"), None, silent_since_ms=None) is Absence.UNKNOWN
    assert pool.find(ServerId("nobody")) is None

    generation = pool.register(a_registration(), NOW_MS)
    pool.lose(ServerId("eu-1"), None, silent_since_ms=None)
    assert pool.heartbeat(ServerId("eu-1"), generation, NOW_MS) is Absence.UNKNOWN


def test_a_server_is_silent_after_its_last_heartbeat_and_one_that_has_called_is_not_lost(pool: ServerPool) -> None:
    generation = pool.register(a_registration("calls"), NOW_MS)
    pool.register(a_registration("silent"), NOW_MS)
    pool.heartbeat(ServerId("calls"), generation, NOW_MS + 10)

    assert pool.silent(NOW_MS) == []
    assert pool.silent(NOW_MS + 10) == ["silent"]
    assert pool.lose(ServerId("calls"), None, silent_since_ms=NOW_MS + 10) is Absence.ALIVE
    assert pool.lose(ServerId("silent"), None, silent_since_ms=NOW_MS + 10) == []


def test_a_server_that_registers_again_keeps_its_games(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(capacity=2), NOW_MS)
    match, *_ = a_match(store)

    generation = pool.register(a_registration(capacity=3, region="us"), NOW_MS)

    assert pool.heartbeat(ServerId("eu-1"), generation, NOW_MS).match_ids == [match.id]
    assert [a_match(store)[0].server is not None for _ in range(3)] == [True, True, False]


def test_a_smaller_capacity_than_games_gets_no_more_until_they_end(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(capacity=3), NOW_MS)
    matches = [a_match(store)[0] for _ in range(3)]
    pool.register(a_registration(capacity=1), NOW_MS)

    store.end(matches[0], MatchStatus.COMPLETED)
    assert a_match(store)[0].server is None
    for match in matches[1:]:
        store.end(match, MatchStatus.COMPLETED)
    assert [a_match(store)[0].server is not None for _ in range(2)] == [True, False]


def test_a_server_of_the_other_pool_is_known_in_its_generation_and_an_older_one_changes_nothing(
    pool: ServerPool,
) -> None:
    pool.register(a_registration(capacity=1), NOW_MS)
    here = pool.find(ServerId("eu-1"))

    pool.adopt(replace(here, generation=NOW_MS + 5, capacity=7))
    pool.adopt(replace(here, generation=NOW_MS + 4, capacity=8))

    known = pool.find(ServerId("eu-1"))
    assert (known.generation, known.capacity) == (NOW_MS + 5, 7)
    assert isinstance(pool.heartbeat(ServerId("eu-1"), NOW_MS + 5, NOW_MS), Hosting)


def test_a_silent_ticket_expires_however_many_were_matched_before_it(store: TicketStore) -> None:
    players = [a_waiting_player(store, waited_ms=1_000) for _ in range(402)]
    silent = a_waiting_player(store)
    marks = marks_of(store, "ranked")
    pairs = zip(players[::2], players[1::2], strict=True)
    store.claim(RANKED, [a_proposal(store, *pair, marks=marks) for pair in pairs], NOW_MS)
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1

    assert len(store.expire(RANKED, later_ms)) == 1

    assert store.status(silent, later_ms) == Expired(queue="ranked")


def test_who_waited_in_two_queues_and_waits_in_one_again_does_not_expire_in_the_other(store: TicketStore) -> None:
    request = a_join(queues=("casual", "ranked"))
    store.join(request, CASUAL, NOW_MS)
    match, player, _ = a_match(store, request.player_id)
    store.end(match, MatchStatus.COMPLETED)
    later_ms = NOW_MS + CASUAL.ticket_ttl_ms + 1
    store.join(a_join(player, queue="ranked"), RANKED, later_ms)

    assert store.expire(CASUAL, later_ms) == []

    assert isinstance(store.status(player, later_ms), Waiting)


def test_what_is_told_after_a_drop_is_not_of_a_ticket_before(store: TicketStore) -> None:
    match, player, _ = a_match(store)
    store.end(match, MatchStatus.COMPLETED)
    store.join(a_join(player), RANKED, NOW_MS)

    store.drop([player])

    assert store.status(player, NOW_MS) == NotInQueue()
