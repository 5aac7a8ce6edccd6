"""What every ticket store promises about open seats of running matches."""

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import replace

import pytest

from errors import StoreUnavailable
from matchmaking.match import (
    Entrant,
    Match,
    MatchedPlayer,
    MatchId,
    MatchStatus,
    Newcomers,
    PlayerId,
    SeatClaims,
    SeatProposal,
)
from matchmaking.models import MatchRecord
from matchmaking.open_seats import leave_match, offer_seat
from matchmaking.stores.memory import MemoryTicketStore
from matchmaking.stores.port import Change, TicketStore
from matchmaking.ticket import BeingMatched, Ended, Left, Matched, NotInQueue, Waiting
from servers.stores.port import ServerPool
from tests.builders import (
    CASUAL,
    NOW_MS,
    RANKED,
    a_join,
    a_kept_ticket,
    a_match,
    a_player_id,
    a_proposal,
    a_registration,
    a_waiting_player,
    marks_of,
)
from tests.conftest import with_outbox, without_outbox


def seats_for(store: TicketStore, match: Match, *players: PlayerId, team: int = 2) -> SeatProposal:
    marks = marks_of(store, "ranked", "casual")
    entrants = tuple(Entrant(player, marks.get(player, "")) for player in players)
    return SeatProposal(MatchId(str(uuid.uuid4())), match.id, team, entrants)


def claim(store: TicketStore, *proposals: SeatProposal) -> SeatClaims:
    return store.claim_seats("ranked", proposals, NOW_MS, epoch=7)


def without(match: Match, player: PlayerId) -> Match:
    return replace(match, teams=tuple(tuple(one for one in team if one.id != player) for team in match.teams))


def with_newcomers(match: Match, newcomers: Newcomers) -> Match:
    teams = [
        (*team, *newcomers.players) if place == newcomers.team else team
        for place, team in enumerate(match.teams, start=1)
    ]
    return replace(match, teams=tuple(teams))


def a_match_with_room(store: TicketStore) -> tuple[Match, PlayerId, PlayerId]:
    """As it is played now, who plays, and who has left."""
    match, stays, leaver = a_match(store)
    gone = [player for player in match.players if player.id == leaver]
    assert store.change_players(without(match, leaver), MatchStatus.CREATED, left=gone) is Change.CHANGED
    return without(match, leaver), stays, leaver


def tell(store: TicketStore, match: Match, left: Sequence[MatchedPlayer] = ()) -> None:
    """One that is away is told later; here nobody comes to do it."""
    with contextlib.suppress(StoreUnavailable):
        store.change_players(match, MatchStatus.CREATED, left=left)


def waiting(store: TicketStore, queue: str = "ranked") -> list[str]:
    return sorted(store.snapshot(queue).player_ids)


def party_of_two(store: TicketStore) -> list[PlayerId]:
    members = [a_player_id(), a_player_id()]
    outcome = store.join_party([a_join(member) for member in members], "party", RANKED, NOW_MS)
    assert isinstance(outcome, Waiting)
    return members


# --- between claim and announcement ----------------------------------------------------------------------


@with_outbox
def test_who_left_is_free_and_the_others_play_on(store: TicketStore) -> None:
    _, stays, leaver = a_match_with_room(store)

    assert store.status(leaver, NOW_MS) == NotInQueue()
    told = store.status(stays, NOW_MS)
    assert isinstance(told, Matched)
    assert [[player.id for player in team] for team in told.match.teams] == [[stays], []]
    assert isinstance(store.join(a_join(leaver), RANKED, NOW_MS), Waiting)


@with_outbox
def test_a_claim_takes_the_ticket_out_of_all_queues_and_its_player_waits_on(store: TicketStore) -> None:
    match, *_ = a_match_with_room(store)
    join = a_join(queues=("ranked", "casual"))
    store.join(join, RANKED, NOW_MS)

    claims = claim(store, seats_for(store, match, join.player_id))

    (newcomers,) = claims.newcomers
    assert not claims.are_recorded
    assert (newcomers.match_id, newcomers.queue, newcomers.team) == (match.id, "ranked", 2)
    assert [player.id for player in newcomers.players] == [join.player_id]
    assert waiting(store) == waiting(store, "casual") == []
    assert isinstance(store.status(join.player_id, NOW_MS), Waiting)
    assert store.leave(join.player_id, NOW_MS) == BeingMatched()
    (entry,) = store.outbox(10)
    assert (entry.match_id, entry.match, entry.newcomers, entry.epoch) == (newcomers.claim_id, None, newcomers, 7)


@with_outbox
def test_an_announced_newcomer_plays_in_the_match_and_the_seat_of_the_server_stays_one(
    store: TicketStore, pool: ServerPool
) -> None:
    pool.register(a_registration(capacity=1), NOW_MS)
    match, stays, _ = a_match_with_room(store)
    player = a_waiting_player(store)
    (newcomers,) = claim(store, seats_for(store, match, player)).newcomers
    store.start([match])
    now = with_newcomers(match, newcomers)

    for _ in range(2):
        assert store.change_players(now, MatchStatus.CREATED, newcomers=newcomers) is Change.CHANGED

    for one in (stays, player):
        told = store.status(one, NOW_MS)
        assert isinstance(told, Matched)
        assert told.status is MatchStatus.IN_PROGRESS  # the store's word, which is newer
        assert [[p.id for p in team] for team in told.match.teams] == [[stays], [player]]
    assert store.outbox(10) == []
    assert pool.list()[0].active_games == 1
    store.end(now, MatchStatus.COMPLETED)
    assert store.status(player, NOW_MS) == Ended(match.id, MatchStatus.COMPLETED)
    assert pool.list()[0].active_games == 0


@with_outbox
def test_a_claim_that_is_given_back_waits_again_in_its_place(store: TicketStore) -> None:
    match, *_ = a_match_with_room(store)
    first = a_waiting_player(store, waited_ms=9_000, rating=1210)
    a_waiting_player(store, waited_ms=1_000)
    (newcomers,) = claim(store, seats_for(store, match, first)).newcomers
    matches = store.counts("ranked", []).total_matches

    for _ in range(2):
        store.give_back([newcomers], NOW_MS)

    told = store.status(first, NOW_MS)
    assert isinstance(told, Waiting)
    assert (told.joined_ms, told.position, told.size, told.rating_sum) == (NOW_MS - 9_000, 1, 2, 2410)
    assert store.outbox(10) == []
    assert store.counts("ranked", []).total_matches == matches
    assert isinstance(store.leave(first, NOW_MS), Left)


@with_outbox
def test_a_newcomer_who_is_matched_elsewhere_ends_without_a_word_and_his_party_is_parted(store: TicketStore) -> None:
    match, *_ = a_match_with_room(store)
    gone, fellow = party_of_two(store)
    (newcomers,) = claim(store, seats_for(store, match, gone, fellow)).newcomers

    store.give_back([newcomers], NOW_MS, gone=[gone])

    assert waiting(store) == []
    assert store.status(gone, NOW_MS) == store.status(fellow, NOW_MS) == NotInQueue()


@with_outbox
def test_newcomers_who_were_given_back_are_not_in_the_match_whoever_says_so(store: TicketStore) -> None:
    match, stays, _ = a_match_with_room(store)
    player = a_waiting_player(store)
    (newcomers,) = claim(store, seats_for(store, match, player)).newcomers
    store.give_back([newcomers], NOW_MS)

    changed = store.change_players(with_newcomers(match, newcomers), MatchStatus.CREATED, newcomers=newcomers)

    assert changed is Change.GIVEN_BACK
    assert waiting(store) == [player]
    told = store.status(stays, NOW_MS)
    assert isinstance(told, Matched)
    assert [p.id for p in told.match.players] == [stays]


@with_outbox
def test_an_announced_claim_is_not_given_back(store: TicketStore) -> None:
    match, *_ = a_match_with_room(store)
    player = a_waiting_player(store)
    (newcomers,) = claim(store, seats_for(store, match, player)).newcomers
    store.change_players(with_newcomers(match, newcomers), MatchStatus.CREATED, newcomers=newcomers)

    store.give_back([newcomers], NOW_MS)

    assert isinstance(store.status(player, NOW_MS), Matched)


@with_outbox
def test_a_newcomer_of_a_match_that_ended_meanwhile_is_told_so(store: TicketStore) -> None:
    match, *_ = a_match_with_room(store)
    player = a_waiting_player(store)
    (newcomers,) = claim(store, seats_for(store, match, player)).newcomers
    now = with_newcomers(match, newcomers)
    store.end(now, MatchStatus.COMPLETED)
    assert isinstance(store.status(player, NOW_MS), Waiting)

    store.change_players(now, MatchStatus.COMPLETED, newcomers=newcomers)

    assert store.status(player, NOW_MS) == Ended(match.id, MatchStatus.COMPLETED)
    assert store.find_matches([match.id]) == []
    assert store.outbox(10) == []
    assert isinstance(store.join(a_join(player), RANKED, NOW_MS), Waiting)


@with_outbox
def test_a_newcomer_who_has_left_before_he_was_announced_is_free(store: TicketStore) -> None:
    match, *_ = a_match_with_room(store)
    player = a_waiting_player(store)
    (newcomers,) = claim(store, seats_for(store, match, player)).newcomers

    store.change_players(match, MatchStatus.CREATED, left=newcomers.players, newcomers=newcomers)

    assert store.status(player, NOW_MS) == NotInQueue()
    assert store.outbox(10) == []


@with_outbox
def test_a_live_match_that_the_store_does_not_know_is_not_made_by_a_change(store: TicketStore) -> None:
    match, stays, _ = a_match_with_room(store)
    player = a_waiting_player(store)
    (newcomers,) = claim(store, seats_for(store, match, player)).newcomers
    store.end(match, MatchStatus.ABANDONED)

    changed = store.change_players(with_newcomers(match, newcomers), MatchStatus.CREATED, newcomers=newcomers)

    assert changed in (Change.UNKNOWN, Change.CHANGED)
    assert [entry.newcomers for entry in store.outbox(10)] == [newcomers]
    assert store.find_matches([match.id]) == []
    assert isinstance(store.status(stays, NOW_MS), Ended)


# --- the very tickets, in every store -----------------------------------------------------------------------


def open_a_seat(store: TicketStore, match: Match, leaver: PlayerId) -> None:
    """As the service does it, where history is asked."""
    if not isinstance(store, MemoryTicketStore):
        record = MatchRecord.objects.get(id=match.id)
        participant = record.participants.get(player_id=leaver)
        leave_match(record, participant, NOW_MS)
        offer_seat(record, participant, NOW_MS, lifetime_ms=60_000)


@without_outbox
def test_where_a_claim_is_history_at_once_the_newcomer_is_told_at_once(store: TicketStore) -> None:
    match, stays, leaver = a_match(store)
    open_a_seat(store, match, leaver)
    gone = [player for player in match.players if player.id == leaver]
    tell(store, without(match, leaver), left=gone)
    player = a_waiting_player(store)

    claims = claim(store, seats_for(store, match, player))
    (newcomers,) = claims.newcomers
    tell(store, with_newcomers(without(match, leaver), newcomers))

    assert claims.are_recorded
    assert store.outbox(10) == []
    for one in (stays, player):
        told = store.status(one, NOW_MS)
        assert isinstance(told, Matched)
        assert [[p.id for p in team] for team in told.match.teams] == [[stays], [player]]
    assert store.status(leaver, NOW_MS) == NotInQueue()
    assert isinstance(store.join(a_join(leaver), RANKED, NOW_MS), Waiting)


@without_outbox
def test_the_ticket_that_became_a_match_which_its_player_has_left_is_not_restored(store: TicketStore) -> None:
    match, _, leaver = a_match(store)
    open_a_seat(store, match, leaver)
    (ticket,) = [player.ticket_id for player in match.players if player.id == leaver]
    tell(store, without(match, leaver), left=[player for player in match.players if player.id == leaver])
    if not isinstance(store, MemoryTicketStore):  # which remembers the last ticket only
        store.join(a_join(leaver), RANKED, NOW_MS)
        store.leave(leaver, NOW_MS)

    assert store.restore(a_kept_ticket(leaver, ticket_id=ticket), RANKED, NOW_MS) == NotInQueue()
    assert store.status(leaver, NOW_MS) == NotInQueue()


@pytest.mark.parametrize("how", ["left", "other ticket", "matched", "parted", "twice", "of another queue"])
def test_a_claim_takes_the_very_tickets_or_none(store: TicketStore, how: str) -> None:
    match, *_ = a_match(store)
    open_two_seats(store, match)
    other, player = a_waiting_player(store), a_waiting_player(store, rules=CASUAL if how[:2] == "of" else RANKED)
    players = party_of_two(store)[:1] if how == "parted" else [player, player] if how == "twice" else [other, player]
    proposal = seats_for(store, match, *players)
    if how in ("left", "other ticket"):
        store.leave(player, NOW_MS)
    if how == "other ticket":
        a_waiting_player(store, player_id=player)
    if how == "matched":
        claims = store.claim(RANKED, [a_proposal(store, player, a_waiting_player(store))], NOW_MS)
        store.acknowledge([one.id for one in claims.matches])
    before = waiting(store), waiting(store, "casual")

    assert claim(store, proposal).newcomers == []

    assert (waiting(store), waiting(store, "casual")) == before
    assert store.outbox(10) == []


@without_outbox
def test_both_of_two_who_wait_are_seated(store: TicketStore) -> None:
    """So that what the test above refuses is not refused for want of seats."""
    match, *_ = a_match(store)
    open_two_seats(store, match)
    players = [a_waiting_player(store), a_waiting_player(store)]

    (newcomers,) = claim(store, seats_for(store, match, *players)).newcomers

    assert sorted(player.id for player in newcomers.players) == sorted(players)
    assert waiting(store) == []


def open_two_seats(store: TicketStore, match: Match) -> None:
    """In team 2, where history is asked."""
    if isinstance(store, MemoryTicketStore) or store.claim_seats("ranked", [], NOW_MS).are_recorded is False:
        return
    record = MatchRecord.objects.get(id=match.id)
    for participant in record.participants.all():
        leave_match(record, participant, NOW_MS)
        offer_seat(record, participant, NOW_MS, lifetime_ms=60_000)
    record.open_seats.update(team=2)
