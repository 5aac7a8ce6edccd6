"""What every ticket store promises about matches that wait for acceptance: seats, places in the line, parties."""

from dataclasses import replace
from typing import Any

import pytest

from matchmaking.match import Claims, Entrant, Match, MatchStatus, PlayerId, Proposal
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import CalledOff, Ended, Expired, KeptTicket, Left, Matched, NotInQueue, Waiting
from servers.stores.port import ServerPool
from tests.builders import (
    NOW_MS,
    RANKED,
    a_join,
    a_kept_ticket,
    a_match_of,
    a_player_id,
    a_proposal,
    a_registration,
    a_waiting_player,
    announced,
    marks_of,
)
from tests.conftest import with_outbox

ASKS = replace(RANKED, acceptance_seconds=20)
FELL_MS = NOW_MS + 20_000


def a_pending_match(store: TicketStore, *players: PlayerId) -> tuple[Match, dict[PlayerId, KeptTicket]]:
    """A match that its players are asked about, and their tickets."""
    claims = store.claim(ASKS, [a_proposal(store, *players)], NOW_MS)
    return _told(store, claims)


def _told(store: TicketStore, claims: Claims) -> tuple[Match, dict[PlayerId, KeptTicket]]:
    tickets = store.tickets_of(claims.matches)
    (match,) = announced(store, claims)
    return match, tickets


def called_off(match: Match, *back: KeptTicket) -> CalledOff:
    return CalledOff(match, {kept.player_id: kept for kept in back}, FELL_MS)


def test_a_match_that_asks_begins_as_pending_and_is_live(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(capacity=1), NOW_MS)
    first, second = a_waiting_player(store), a_waiting_player(store)
    match, _ = a_pending_match(store, first, second)
    pending = Matched(match, MatchStatus.PENDING_ACCEPTANCE)

    assert match.acceptance_ms == 20_000
    assert store.status(first, NOW_MS) == store.join(a_join(second), RANKED, NOW_MS) == pending
    assert store.leave(second, NOW_MS) == pending
    assert store.find_matches([match.id]) == [pending]
    assert match.server is not None
    assert pool.list()[0].active_games == 1
    assert marks_of(store, "ranked") == {}


def test_a_match_that_asks_nobody_is_created(store: TicketStore) -> None:
    first, second = a_waiting_player(store), a_waiting_player(store)
    (match,) = announced(store, store.claim(RANKED, [a_proposal(store, first, second)], NOW_MS))

    assert store.status(first, NOW_MS) == Matched(match, MatchStatus.CREATED)


def test_a_pending_match_does_not_start_before_it_is_confirmed(store: TicketStore) -> None:
    first, second = a_waiting_player(store), a_waiting_player(store)
    match, _ = a_pending_match(store, first, second)

    store.start([match])
    assert store.status(first, NOW_MS) == Matched(match, MatchStatus.PENDING_ACCEPTANCE)

    for _ in range(2):
        store.confirm([match])
        assert store.status(first, NOW_MS) == Matched(match, MatchStatus.CREATED)
    store.start([match])
    store.confirm([match])

    assert store.find_matches([match.id]) == [Matched(match, MatchStatus.IN_PROGRESS)]


def test_an_ended_match_is_not_confirmed(store: TicketStore) -> None:
    first, second = a_waiting_player(store), a_waiting_player(store)
    match, _ = a_pending_match(store, first, second)
    store.end(match, MatchStatus.ABANDONED)

    store.confirm([match])

    assert store.find_matches([match.id]) == []
    assert store.status(first, NOW_MS) == Ended(match.id, MatchStatus.ABANDONED)


def test_who_waits_again_has_the_old_place_and_who_does_not_is_out(store: TicketStore, pool: ServerPool) -> None:
    pool.register(a_registration(capacity=1), NOW_MS)
    stays = a_waiting_player(store, waited_ms=9_000, rating=1210)
    silent = a_waiting_player(store, waited_ms=30_000)
    match, tickets = a_pending_match(store, stays, silent)
    later = a_waiting_player(store, rating=1300, now_ms=NOW_MS + 1_000)

    for _ in range(2):
        store.call_off(called_off(match, tickets[stays]))

    told = store.status(stays, FELL_MS)
    assert isinstance(told, Waiting)
    assert (told.ticket_id, told.joined_ms, told.rating) == (tickets[stays].id, NOW_MS - 9_000, 1210)
    assert (told.position, told.size, told.rating_sum) == (1, 2, 2510)
    assert store.status(silent, FELL_MS) == Ended(match.id, MatchStatus.ABANDONED)
    assert marks_of(store, "ranked").keys() == {stays, later}
    assert (store.counts("ranked", []).total_matches, pool.list()[0].active_games) == (0, 0)
    assert isinstance(store.join(a_join(silent), RANKED, FELL_MS), Waiting)


def test_a_ticket_that_waits_again_can_be_matched_or_left(store: TicketStore) -> None:
    first, second = a_waiting_player(store, waited_ms=9_000), a_waiting_player(store)
    match, tickets = a_pending_match(store, first, second)
    store.call_off(called_off(match, *tickets.values()))

    again, _ = a_pending_match(store, first, second)
    assert again.players[0].waited_ms == 9_000
    assert again.players[0].ticket_id == tickets[first].id

    store.call_off(called_off(match, *tickets.values()))
    assert store.status(first, NOW_MS) == Matched(again, MatchStatus.PENDING_ACCEPTANCE)
    store.call_off(called_off(again, *tickets.values()))
    assert isinstance(store.leave(second, FELL_MS), Left)
    store.call_off(called_off(again, *tickets.values()))
    assert store.status(second, FELL_MS) == NotInQueue()


def test_a_ticket_in_several_queues_waits_again_in_all(store: TicketStore) -> None:
    one = a_join(queues=("ranked", "casual"), rating=1200, traits="r=eu:40")
    assert isinstance(store.join(one, RANKED, NOW_MS - 5_000), Waiting)
    other = a_waiting_player(store)
    match, tickets = a_pending_match(store, one.player_id, other)
    assert marks_of(store, "ranked", "casual") == {}

    store.call_off(called_off(match, tickets[one.player_id]))

    told = store.status(one.player_id, FELL_MS)
    assert isinstance(told, Waiting)
    assert (told.queues, told.ratings, told.traits) == (("ranked", "casual"), (1200, 1210), "r=eu:40")
    assert store.snapshot("ranked").player_ids == store.snapshot("casual").player_ids == [one.player_id]
    assert store.counts("casual", []).rating_sum == 1210


def test_a_party_waits_again_whole_or_is_out_whole(store: TicketStore) -> None:
    pairs = [[a_join(a_player_id()), a_join(a_player_id())] for _ in range(2)]
    for number, pair in enumerate(pairs):
        assert isinstance(store.join_party(pair, f"party-{number}", RANKED, NOW_MS - 7_000), Waiting)
    marks = marks_of(store, "ranked")
    teams = tuple(tuple(Entrant(one.player_id, marks[one.player_id]) for one in pair) for pair in pairs)
    proposal = Proposal(a_proposal(store).match_id, teams)
    match, tickets = _told(store, store.claim(ASKS, [proposal], NOW_MS))
    back, out = [[one.player_id for one in pair] for pair in pairs]

    store.call_off(called_off(match, *[tickets[player] for player in back]))

    seen = store.snapshot("ranked")
    assert sorted(seen.player_ids) == sorted(back)
    assert set(seen.parties) == {"party-0"}
    assert {store.status(player, FELL_MS) for player in out} == {Ended(match.id, MatchStatus.ABANDONED)}
    left = store.leave(back[0], FELL_MS)
    assert isinstance(left, Left)
    assert left.others == (back[1],)


def test_a_ticket_that_waits_again_expires_from_the_moment_its_match_fell(store: TicketStore) -> None:
    asks, silent = a_waiting_player(store, waited_ms=60_000), a_waiting_player(store, waited_ms=60_000)
    match, tickets = a_pending_match(store, asks, silent)
    store.call_off(called_off(match, *tickets.values()))

    assert store.expire(RANKED, FELL_MS + RANKED.ticket_ttl_ms) == []
    assert isinstance(store.status(asks, FELL_MS + 1), Waiting)
    assert store.expire(RANKED, FELL_MS + RANKED.ticket_ttl_ms + 1) == [tickets[silent].id]
    assert isinstance(store.status(silent, FELL_MS), Expired)


def test_a_match_that_history_has_is_entered_pending_and_its_tickets_wait_again_whole(store: TicketStore) -> None:
    one, other = a_kept_ticket(queues=("ranked", "casual"), waited_ms=5_000), a_kept_ticket()
    match = replace(a_match_of(one, other), acceptance_ms=20_000)

    store.enter([Matched(match, MatchStatus.PENDING_ACCEPTANCE)])
    assert store.status(one.player_id, NOW_MS) == Matched(match, MatchStatus.PENDING_ACCEPTANCE)
    store.call_off(called_off(match, one))

    told = store.status(one.player_id, FELL_MS)
    assert isinstance(told, Waiting)
    assert (told.queues, told.ratings, told.joined_ms) == (one.queues, one.ratings, one.joined_ms)
    assert store.status(other.player_id, FELL_MS) == Ended(match.id, MatchStatus.ABANDONED)


@with_outbox
def test_a_pending_match_is_told_once_history_has_it(store: TicketStore) -> None:
    first, second = a_waiting_player(store), a_waiting_player(store)
    (match,) = store.claim(ASKS, [a_proposal(store, first, second)], NOW_MS).matches
    assert isinstance(store.status(first, NOW_MS), Waiting)
    assert store.tickets_of([match]).keys() == {first, second}
    assert [entry.match for entry in store.outbox(10)] == [match]
    assert store.outbox(10)[0].match.acceptance_ms == 20_000  # type: ignore[union-attr]

    store.withdraw([match], NOW_MS)

    assert store.tickets_of([match]) == {}
    assert isinstance(store.status(first, NOW_MS), Waiting)


@pytest.mark.parametrize("seconds", [0, 20])
def test_a_match_is_the_same_after_it_was_written_down(store: TicketStore, seconds: float) -> None:
    first, second = a_waiting_player(store), a_waiting_player(store)
    rules: Any = replace(RANKED, acceptance_seconds=seconds)
    (match,) = announced(store, store.claim(rules, [a_proposal(store, first, second)], NOW_MS))
    (found,) = store.find_matches([match.id])

    assert (found.match, found.status) == (match, match.first_status)
    assert match.acceptance_ms == 1000 * seconds
