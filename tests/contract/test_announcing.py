"""What every ticket store promises about matches that history does not have yet, and about the other store's word."""

import pytest

from matchmaking.match import MatchStatus
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import BeingMatched, Ended, Expired, Left, Matched, NotInQueue, Waiting
from servers.server import ServerId
from servers.stores.port import ServerPool
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
)
from tests.conftest import with_outbox, without_outbox


def waiting(store: TicketStore, queue: str = "ranked", **since: int) -> set[str]:
    return set(store.snapshot(queue, **since).player_ids)


# --- between claim and announcement ---------------------------------------------------------------------


@with_outbox
def test_a_match_is_in_the_outbox_with_its_epoch_until_it_is_acknowledged(store: TicketStore) -> None:
    claims = [
        store.claim(RANKED, [a_proposal(store, a_waiting_player(store), a_waiting_player(store))], NOW_MS, epoch=epoch)
        for epoch in (7, 8)
    ]
    kept, written = (claim.matches[0] for claim in claims)
    assert not claims[0].are_recorded

    store.acknowledge([written.id])
    store.acknowledge([written.id])

    assert [(entry.match_id, entry.match, entry.epoch) for entry in store.outbox(10)] == [(kept.id, kept, 7)]


@with_outbox
def test_players_wait_until_their_match_is_announced(store: TicketStore) -> None:
    first, second = a_waiting_player(store, waited_ms=4_000), a_waiting_player(store)
    (match,) = store.claim(RANKED, [a_proposal(store, first, second)], NOW_MS).matches

    told = store.status(first, NOW_MS)
    assert isinstance(told, Waiting)
    assert told.joined_ms == NOW_MS - 4_000
    assert isinstance(store.join(a_join(second), RANKED, NOW_MS), Waiting)
    assert store.leave(first, NOW_MS) == BeingMatched()
    assert store.find_matches([match.id]) == []
    assert store.claim(RANKED, [a_proposal(store, first, second)], NOW_MS).taken == 1

    store.acknowledge([match.id])
    assert store.status(first, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert store.join(a_join(second), RANKED, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert store.leave(first, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert store.find_matches([match.id]) == [Matched(match, MatchStatus.CREATED)]


@with_outbox
def test_a_match_cannot_start_before_it_is_announced(store: TicketStore) -> None:
    (match,) = store.claim(
        RANKED, [a_proposal(store, a_waiting_player(store), a_waiting_player(store))], NOW_MS
    ).matches

    store.start([match])
    store.acknowledge([match.id])

    assert store.find_matches([match.id]) == [Matched(match, MatchStatus.CREATED)]


@with_outbox
def test_a_withdrawn_match_never_was(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(capacity=1), NOW_MS)
    first, second = a_waiting_player(store, waited_ms=9_000, rating=1210), a_waiting_player(store, waited_ms=1_000)
    (match,) = store.claim(RANKED, [a_proposal(store, first, second)], NOW_MS).matches

    for _ in range(2):
        store.withdraw([match], NOW_MS)

    told = store.status(first, NOW_MS)
    assert isinstance(told, Waiting)
    assert (told.joined_ms, told.position, told.size, told.rating_sum) == (NOW_MS - 9_000, 1, 2, 2410)
    assert store.outbox(10) == []
    assert store.find_matches([match.id]) == []
    assert (store.counts("ranked", []).total_matches, pool.list()[0].active_games) == (0, 0)
    assert isinstance(store.leave(second, NOW_MS), Left)
    again, *_ = a_match(store, first)
    assert again.server is not None


@with_outbox
def test_the_ticket_of_a_player_who_is_gone_ends_without_a_word_when_his_match_is_withdrawn(store: TicketStore) -> None:
    stays, gone = a_waiting_player(store, waited_ms=9_000), a_waiting_player(store)
    (match,) = store.claim(RANKED, [a_proposal(store, stays, gone)], NOW_MS).matches

    store.withdraw([match], NOW_MS, gone=[gone])

    assert store.status(gone, NOW_MS) == NotInQueue()
    assert waiting(store) == {stays}
    assert store.counts("ranked", []).total_leaves == 0


@with_outbox
def test_expiry_does_not_touch_a_ticket_whose_match_is_not_announced(store: TicketStore) -> None:
    first, second = a_waiting_player(store), a_waiting_player(store)
    (match,) = store.claim(RANKED, [a_proposal(store, first, second)], NOW_MS).matches
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1

    assert store.expire(RANKED, later_ms) == []
    store.acknowledge([match.id])
    assert store.status(first, later_ms) == Matched(match, MatchStatus.CREATED)


@without_outbox
def test_where_a_claim_is_history_at_once_players_are_told_at_once(store: TicketStore) -> None:
    first, second = a_waiting_player(store), a_waiting_player(store)
    claims = store.claim(RANKED, [a_proposal(store, first, second)], NOW_MS)
    (match,) = claims.matches

    assert claims.are_recorded
    assert store.outbox(10) == []
    assert store.status(first, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert store.leave(second, NOW_MS) == Matched(match, MatchStatus.CREATED)


def test_an_announced_match_stays_whoever_wants_to_withdraw_it(store: TicketStore) -> None:
    match, first, second = a_match(store)

    store.withdraw([match], NOW_MS, gone=[second])

    assert store.status(first, NOW_MS) == store.status(second, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert store.counts("ranked", []).total_matches == 1


# --- the very ticket --------------------------------------------------------------------------------------


def test_a_match_names_the_tickets_that_became_it(store: TicketStore) -> None:
    joins = [a_join(), a_join()]
    for join in joins:
        store.join(join, RANKED, NOW_MS)

    match, *_ = a_match(store, *(join.player_id for join in joins))

    assert [player.ticket_id for player in match.players] == [join.ticket_id for join in joins]


def test_a_claim_takes_the_very_ticket_that_the_snapshot_saw_or_none(store: TicketStore) -> None:
    back, other = a_waiting_player(store), a_waiting_player(store)
    proposal = a_proposal(store, back, other)
    store.leave(back, NOW_MS)
    store.join(a_join(back), RANKED, NOW_MS)

    claims = store.claim(RANKED, [proposal], NOW_MS)

    assert (claims.matches, claims.taken) == ([], 1)
    assert waiting(store) == {back, other}


def test_a_snapshot_passes_over_tickets_that_nobody_asked_for_since(store: TicketStore) -> None:
    asks, silent = a_waiting_player(store), a_waiting_player(store)
    store.status(asks, NOW_MS + 500)

    assert waiting(store, asked_since_ms=NOW_MS + 500) == {asks}
    assert waiting(store, asked_since_ms=NOW_MS) == {asks, silent}
    assert waiting(store, asked_since_ms=NOW_MS + 501) == set()


# --- leave, repeated --------------------------------------------------------------------------------------


def test_the_same_request_to_leave_gets_the_same_answer_and_another_one_does_not(store: TicketStore) -> None:
    request = a_join()
    store.join(request, RANKED, NOW_MS)

    left = store.leave(request.player_id, NOW_MS + 2_000, request_key="once")

    assert left == Left(queue="ranked", ticket_id=request.ticket_id, waited_ms=2_000)
    assert store.leave(request.player_id, NOW_MS + 9_000, request_key="once") == left
    assert store.leave(request.player_id, NOW_MS + 9_000, request_key="twice") == NotInQueue()
    assert store.leave(request.player_id, NOW_MS + 9_000) == NotInQueue()
    assert store.counts("ranked", []).total_leaves == 1


def test_a_leave_without_a_key_is_no_other_leaves_repetition(store: TicketStore) -> None:
    player = a_waiting_player(store)
    store.leave(player, NOW_MS)

    assert store.leave(player, NOW_MS, request_key="") == NotInQueue()
    assert store.leave(player, NOW_MS, request_key="once") == NotInQueue()


# --- restore ----------------------------------------------------------------------------------------------


def test_a_lost_ticket_is_put_back_in_its_place(store: TicketStore) -> None:
    a_waiting_player(store, waited_ms=5_000)
    kept = a_kept_ticket(waited_ms=8_000, rating=1234.5)

    restored = store.restore(kept, RANKED, NOW_MS)

    assert isinstance(restored, Waiting)
    assert (restored.ticket_id, restored.joined_ms, restored.rating) == (kept.id, NOW_MS - 8_000, 1234.5)
    assert (restored.position, restored.size, restored.rating_sum) == (1, 2, 2434.5)
    assert store.status(kept.player_id, NOW_MS).position == 1
    assert waiting(store) >= {kept.player_id}


def test_a_restored_ticket_counts_as_asked_for_and_expires_only_later(store: TicketStore) -> None:
    kept = a_kept_ticket(waited_ms=RANKED.ticket_ttl_ms + 5_000)
    store.restore(kept, RANKED, NOW_MS)

    assert store.expire(RANKED, NOW_MS) == []
    assert waiting(store, asked_since_ms=NOW_MS) == {kept.player_id}
    assert store.expire(RANKED, NOW_MS + RANKED.ticket_ttl_ms + 1) == [kept.id]


def test_a_restored_ticket_is_no_further_join(store: TicketStore) -> None:
    kept = a_kept_ticket()
    store.restore(kept, RANKED, NOW_MS)
    store.restore(kept, RANKED, NOW_MS)

    counts = store.counts("ranked", [])
    assert (counts.current_size, counts.total_joins) == (1, 0)


def test_where_the_store_knows_a_ticket_the_kept_one_changes_nothing(store: TicketStore) -> None:
    player = a_waiting_player(store, rating=1300, waited_ms=1_000)

    told = store.restore(a_kept_ticket(player, rating=9999, waited_ms=60_000), RANKED, NOW_MS)

    assert isinstance(told, Waiting)
    assert (told.rating, told.joined_ms) == (1300, NOW_MS - 1_000)
    assert store.counts("ranked", []).current_size == 1


def test_where_the_player_is_in_a_match_that_is_answered_and_no_ticket_put_back(store: TicketStore) -> None:
    match, first, _ = a_match(store)

    assert store.restore(a_kept_ticket(first), RANKED, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert waiting(store) == set()


def test_a_ticket_that_has_ended_is_not_put_back(store: TicketStore) -> None:
    kept = {name: a_kept_ticket() for name in ("left", "expired", "matched")}
    for ticket in kept.values():
        store.restore(ticket, RANKED, NOW_MS)
    store.leave(kept["left"].player_id, NOW_MS)
    match, *_ = a_match(store, kept["matched"].player_id)
    store.end(match, MatchStatus.COMPLETED)
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1
    store.expire(RANKED, later_ms)

    assert store.restore(kept["left"], RANKED, later_ms) == NotInQueue()
    assert store.restore(kept["expired"], RANKED, later_ms) == Expired(queue="ranked")
    assert store.restore(kept["matched"], RANKED, later_ms) == Ended(match.id, MatchStatus.COMPLETED)
    assert waiting(store) == set()


def test_a_kept_ticket_takes_the_place_of_another_one_that_has_ended(store: TicketStore) -> None:
    player = a_waiting_player(store)
    store.leave(player, NOW_MS)
    kept = a_kept_ticket(player, waited_ms=3_000)

    assert isinstance(store.restore(kept, RANKED, NOW_MS), Waiting)
    assert store.status(player, NOW_MS).ticket_id == kept.id


def test_a_restored_ticket_asks_for_a_round_like_a_join(store: TicketStore) -> None:
    answers = [store.restore(a_kept_ticket(), RANKED, NOW_MS) for _ in range(3)]

    assert [(answer.is_new, answer.wants_round) for answer in answers] == [(True, False), (True, True), (True, False)]


# --- what the other store decided ---------------------------------------------------------------------------


@pytest.mark.parametrize("status", [MatchStatus.CREATED, MatchStatus.IN_PROGRESS])
def test_an_entered_match_is_that_of_its_players_whatever_tickets_they_hold(
    store: TicketStore, status: MatchStatus
) -> None:
    waits, unknown = a_waiting_player(store), a_player_id()
    match = a_match_of(a_kept_ticket(waits), a_kept_ticket(unknown))

    for _ in range(2):
        store.enter([Matched(match, status)])

    for player in (waits, unknown):
        assert store.status(player, NOW_MS) == Matched(match, status)
        assert store.join(a_join(player, queue="casual"), CASUAL, NOW_MS) == Matched(match, status)
        assert store.leave(player, NOW_MS) == Matched(match, status)
    assert store.find_matches([match.id]) == [Matched(match, status)]
    assert waiting(store) == set()
    assert store.outbox(10) == []
    counts = store.counts("ranked", [])
    assert (counts.current_size, counts.rating_sum, counts.total_matches) == (0, 0, 0)


def test_an_entered_match_holds_its_seat_and_ends_like_any_other(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(capacity=1), NOW_MS)
    taken, *_ = a_match(store)
    store.end(taken, MatchStatus.COMPLETED)
    match = a_match_of(a_kept_ticket(), a_kept_ticket(), server=taken.server)

    store.enter([Matched(match, MatchStatus.CREATED)])

    assert pool.lose(ServerId("eu-1"), None, silent_since_ms=NOW_MS - 1) == "ALIVE"
    assert pool.list()[0].active_games == 1
    assert a_match(store)[0].server is None
    store.start([match])
    assert store.find_matches([match.id]) == [Matched(match, MatchStatus.IN_PROGRESS)]
    store.end(match, MatchStatus.ABANDONED)
    assert pool.list()[0].active_games == 0
    assert store.status(match.players[0].id, NOW_MS) == Ended(match.id, MatchStatus.ABANDONED)


def test_entering_a_match_that_the_store_knows_leaves_it_as_it_is(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(), NOW_MS)
    match, first, _ = a_match(store)
    store.start([match])

    store.enter([Matched(match, MatchStatus.CREATED)])

    assert store.status(first, NOW_MS) == Matched(match, MatchStatus.IN_PROGRESS)
    assert pool.list()[0].active_games == 1


def test_a_ticket_that_became_an_entered_match_is_not_put_back(store: TicketStore) -> None:
    kept = a_kept_ticket()
    match = a_match_of(kept, a_kept_ticket())
    store.enter([Matched(match, MatchStatus.CREATED)])

    assert store.restore(kept, RANKED, NOW_MS) == Matched(match, MatchStatus.CREATED)
    store.end(match, MatchStatus.COMPLETED)
    assert store.restore(kept, RANKED, NOW_MS) == Ended(match.id, MatchStatus.COMPLETED)


def test_dropped_tickets_end_without_a_word(store: TicketStore) -> None:
    dropped, stays = a_waiting_player(store), a_waiting_player(store, rating=1500)
    match, first, _ = a_match(store)

    for _ in range(2):
        store.drop([dropped, first, a_player_id()])

    assert store.status(dropped, NOW_MS) == NotInQueue()
    assert store.leave(dropped, NOW_MS) == NotInQueue()
    assert store.status(first, NOW_MS) == Matched(match, MatchStatus.CREATED)
    counts = store.counts("ranked", [])
    assert (counts.current_size, counts.rating_sum, counts.total_leaves) == (1, 1500, 0)
    assert waiting(store) == {stays}
    assert isinstance(store.join(a_join(dropped), RANKED, NOW_MS), Waiting)
