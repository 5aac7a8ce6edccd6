"""Members of a party wait, leave, expire and are matched together."""

import uuid
from collections.abc import Sequence

import pytest

from matchmaking.match import Entrant, MatchId, MatchStatus, PlayerId, Proposal
from matchmaking.party import party_text
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import (
    Elsewhere,
    Expired,
    JoinRequest,
    Left,
    Matched,
    MemberBusy,
    NotInQueue,
    RatingMissing,
    Waiting,
)
from tests.builders import (
    CASUAL,
    NOW_MS,
    RANKED,
    a_join,
    a_kept_ticket,
    a_match,
    a_match_of,
    a_player_id,
    a_waiting_player,
    announced,
    marks_of,
)
from tests.conftest import KnowRating, with_outbox

BOTH = ("ranked", "casual")


def a_party(
    store: TicketStore, *, size: int = 2, rating: float = 1200, waited_ms: int = 0, queues: tuple[str, ...] = BOTH
) -> list[PlayerId]:
    """Members who wait, the first rated `rating`, each next one 100 more; ten more in the second queue."""
    requests = [a_join(rating=rating + 100 * number, queues=queues) for number in range(size)]
    assert isinstance(store.join_party(requests, f"party-{uuid.uuid4()}", RANKED, NOW_MS - waited_ms), Waiting)
    return [request.player_id for request in requests]


def a_team_proposal(store: TicketStore, *teams: Sequence[PlayerId], queue: str = "ranked") -> Proposal:
    marks = marks_of(store, queue)
    entrants = tuple(tuple(Entrant(player, marks.get(player, "")) for player in team) for team in teams)
    return Proposal(MatchId(str(uuid.uuid4())), entrants)


def waiting(store: TicketStore, queue: str = "ranked") -> set[str]:
    return set(store.snapshot(queue).player_ids)


# --- join -----------------------------------------------------------------------------------------------


def test_a_party_waits_with_one_ticket_id_and_a_row_a_member(store: TicketStore) -> None:
    leader, member = (
        a_join(rating=1300, region="eu", queues=BOTH, username="lead"),
        a_join(rating=1500, traits="l=eu:9", queues=BOTH[::-1]),
    )

    joined = store.join_party([leader, member], "the-party", RANKED, NOW_MS)

    assert isinstance(joined, Waiting)
    assert (joined.ticket_id, joined.is_new, joined.queues, joined.ratings) == (
        leader.ticket_id,
        True,
        BOTH,
        (1300, 1310),
    )
    assert (joined.size, joined.rating_sum) == (2, 2810)
    assert joined.party == party_text("the-party", sorted([leader.player_id, member.player_id]))
    tickets = store.snapshot("ranked")
    assert set(tickets.parties) == {"the-party"}
    assert dict(zip(tickets.player_ids, tickets.traits, strict=True)) == {
        leader.player_id: "",
        member.player_id: "l=eu:9",
    }
    assert dict(zip(tickets.player_ids, tickets.ratings.tolist(), strict=True))[member.player_id] == 1510
    assert [store.counts(queue, []).total_joins for queue in BOTH] == [2, 2]
    told = store.status(member.player_id, NOW_MS)
    assert (told.ticket_id, told.rating, told.party) == (leader.ticket_id, 1510, joined.party)


def test_the_same_party_for_the_same_queues_is_the_same_ticket(store: TicketStore) -> None:
    requests = [a_join(queues=BOTH), a_join(queues=BOTH)]
    first = store.join_party(requests, "again", RANKED, NOW_MS)

    fresh = [a_join(request.player_id, queues=("casual", "ranked"), rating=9) for request in requests]
    second = store.join_party(fresh[::-1], "again", RANKED, NOW_MS + 5_000)

    assert isinstance(second, Waiting)
    assert (second.ticket_id, second.joined_ms, second.is_new) == (first.ticket_id, NOW_MS, False)
    assert store.counts("ranked", []).total_joins == 2
    assert store.expire(RANKED, NOW_MS + RANKED.ticket_ttl_ms + 1) == []


@pytest.mark.parametrize("busy_first", [True, False])
def test_a_party_joins_whole_or_not_at_all(store: TicketStore, busy_first: bool) -> None:
    waits = a_waiting_player(store, rules=CASUAL)
    requests = [a_join(waits, queue="casual"), a_join()]

    answer = store.join_party(requests if busy_first else requests[::-1], "p", RANKED, NOW_MS)

    assert answer == MemberBusy(waits, Elsewhere(queues=("casual",)))
    assert store.status(requests[1].player_id, NOW_MS) == NotInQueue()
    assert waiting(store) == set()
    assert store.counts("ranked", []).total_joins == 0


def test_a_party_with_a_member_in_a_match_does_not_join(store: TicketStore) -> None:
    match, first, _ = a_match(store)
    free = a_join()

    assert store.join_party([free, a_join(first)], "p", RANKED, NOW_MS) == MemberBusy(
        first, Matched(match, MatchStatus.CREATED)
    )
    assert store.status(free.player_id, NOW_MS) == NotInQueue()


def test_a_member_of_another_party_holds_up_a_party(store: TicketStore) -> None:
    one, _ = a_party(store)

    answer = store.join_party([a_join(queues=BOTH), a_join(one, queues=BOTH)], "other", RANKED, NOW_MS)

    assert answer == MemberBusy(one, Elsewhere(queues=BOTH))


def test_a_party_whose_ratings_are_not_known_is_asked_for_them(store: TicketStore, know_rating: KnowRating) -> None:
    requests = [a_join(rating=None), a_join(rating=None)]
    know_rating(requests[0].player_id, "ranked", 1300)

    assert store.join_party(requests, "p", RANKED, NOW_MS) == RatingMissing()
    assert waiting(store) == set()
    with_ratings = [a_join(request.player_id, rating=1700) for request in requests]
    assert store.join_party(with_ratings, "p", RANKED, NOW_MS).rating_sum == 3000


def test_a_party_asks_for_a_round_of_each_queue(store: TicketStore) -> None:
    requests = [a_join(queues=BOTH), a_join(queues=BOTH)]

    assert store.join_party(requests, "p", RANKED, NOW_MS).wanted_rounds == BOTH
    assert store.join_party(requests, "p", RANKED, NOW_MS).wanted_rounds == ()


def test_a_member_who_joins_the_same_queues_has_the_party_ticket(store: TicketStore) -> None:
    _, member = a_party(store)

    again = store.join(a_join(member, queues=BOTH), RANKED, NOW_MS)

    assert isinstance(again, Waiting)
    assert (again.is_new, again.rating) == (False, 1300)


# --- claims ---------------------------------------------------------------------------------------------


def test_parties_are_matched_whole(store: TicketStore) -> None:
    red, blue = a_party(store), a_party(store, rating=1400)

    (match,) = announced(store, store.claim(RANKED, [a_team_proposal(store, red, blue)], NOW_MS))

    assert [[player.id for player in team] for team in match.teams] == [red, blue]
    assert len({player.ticket_id for player in match.teams[0]}) == 1
    for player in [*red, *blue]:
        assert store.status(player, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert [store.counts(queue, []).current_size for queue in BOTH] == [0, 0]
    assert [store.counts(queue, []).rating_sum for queue in BOTH] == [0, 0]


def test_a_claim_takes_a_party_whole_or_not_at_all(store: TicketStore) -> None:
    (one, other), alone = a_party(store), a_waiting_player(store)

    for teams in ([[one], [alone]], [[alone], [other]], [[one], [other]], [[one], [other, alone]]):
        claims = store.claim(RANKED, [a_team_proposal(store, *teams)], NOW_MS)
        assert (claims.matches, claims.taken) == ([], 1), teams

    assert waiting(store) == {one, other, alone}
    assert len(store.claim(RANKED, [a_team_proposal(store, [other, one], [alone])], NOW_MS).matches) == 1


def test_a_party_of_which_a_member_left_since_the_snapshot_is_not_claimed(store: TicketStore) -> None:
    red, blue = a_party(store), a_party(store)
    proposal = a_team_proposal(store, red, blue)
    store.leave(blue[1], NOW_MS)

    assert store.claim(RANKED, [proposal], NOW_MS).taken == 1
    assert waiting(store) == set(red)


def test_a_snapshot_holds_a_party_whole_or_not_at_all(store: TicketStore) -> None:
    party, alone = a_party(store), a_waiting_player(store)
    store.status(party[0], NOW_MS + 500)
    store.status(alone, NOW_MS + 500)

    assert set(store.snapshot("ranked", asked_since_ms=NOW_MS + 500).player_ids) == {alone}
    store.status(party[1], NOW_MS + 500)
    assert set(store.snapshot("ranked", asked_since_ms=NOW_MS + 500).player_ids) == {alone, *party}


# --- leave and expiry -----------------------------------------------------------------------------------


@pytest.mark.parametrize("leaver", [0, 1, 2])
def test_whoever_leaves_takes_the_party_out(store: TicketStore, leaver: int) -> None:
    party = a_party(store, size=3, waited_ms=3_000)
    ticket_id = store.status(party[0], NOW_MS).ticket_id
    stays = a_party(store)
    others = [player for player in party if player != party[leaver]]

    left = store.leave(party[leaver], NOW_MS, request_key="once")

    assert left == Left("ranked", ticket_id, 3_000)
    assert isinstance(left, Left)
    assert set(left.others) == set(others)
    assert store.leave(party[leaver], NOW_MS, request_key="once") == left
    for player in others:
        assert store.leave(player, NOW_MS, request_key="once") == NotInQueue()
    for player in party:
        assert store.status(player, NOW_MS) == NotInQueue()
    assert waiting(store) == waiting(store, "casual") == set(stays)
    for queue in BOTH:
        counts = store.counts(queue, [])
        assert (counts.current_size, counts.total_leaves) == (2, 3)
    assert store.counts("ranked", []).rating_sum == 2500


def test_the_ticket_of_a_party_that_left_is_not_put_back_for_any_member(store: TicketStore) -> None:
    party = a_party(store)
    told = store.status(party[1], NOW_MS)
    store.leave(party[0], NOW_MS)

    kept = a_kept_ticket(party[1], queues=BOTH, ticket_id=told.ticket_id, party=told.party)
    assert store.restore(kept, RANKED, NOW_MS) == NotInQueue()
    assert waiting(store) == set()


def test_a_silent_member_ends_the_party(store: TicketStore) -> None:
    party, others = a_party(store, size=3), a_party(store)
    ticket_id = store.status(party[0], NOW_MS).ticket_id
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1
    for player in (party[0], party[2], *others):
        store.status(player, later_ms)

    assert store.expire(RANKED, later_ms) == [ticket_id] * 3

    for player in party:
        assert store.status(player, later_ms) == Expired(queue="ranked")
    assert waiting(store) == waiting(store, "casual") == set(others)
    for rules in (RANKED, CASUAL):
        counts = store.counts(rules.name, [])
        assert (counts.current_size, counts.total_expired) == (2, 3)
        assert store.expire(rules, later_ms) == []


# --- what the other store decided -------------------------------------------------------------------------


def test_a_party_comes_back_member_by_member_and_is_matched_once_it_is_whole(store: TicketStore) -> None:
    players = sorted(a_player_id() for _ in range(2))
    text = party_text("lost", players)
    kept = [a_kept_ticket(player, queues=BOTH, ticket_id="lost", party=text, waited_ms=9_000) for player in players]

    first = store.restore(kept[0], RANKED, NOW_MS)
    assert isinstance(first, Waiting)
    assert (first.party, waiting(store)) == (text, set())
    store.restore(kept[1], RANKED, NOW_MS)

    assert waiting(store) == set(players)
    assert set(store.snapshot("casual").parties) == {"lost"}
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1
    for player in players:
        store.status(player, later_ms)
    assert store.expire(RANKED, later_ms) == []
    assert waiting(store) == set(players)


def test_a_party_that_a_member_does_not_come_back_to_ends(store: TicketStore) -> None:
    back, away = sorted(a_player_id() for _ in range(2))
    kept = a_kept_ticket(back, ticket_id="lost", party=party_text("lost", [back, away]))
    store.restore(kept, RANKED, NOW_MS)
    later_ms = NOW_MS + RANKED.ticket_ttl_ms
    store.status(back, later_ms)

    assert store.expire(RANKED, later_ms) == []
    assert store.expire(RANKED, later_ms + 1) == ["lost"]
    assert store.status(back, later_ms + 1) == Expired(queue="ranked")
    assert store.counts("ranked", []).current_size == 0


def test_a_ticket_put_back_does_not_end_because_an_earlier_one_lacked_its_party(store: TicketStore) -> None:
    back, away = sorted(a_player_id() for _ in range(2))
    party = party_text("lost", [back, away])
    store.restore(a_kept_ticket(back, queue="ranked", ticket_id="earlier", party=party), RANKED, NOW_MS)
    store.drop([back, away])
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1
    store.restore(a_kept_ticket(back, queue="casual", ticket_id="later", party=party), CASUAL, later_ms)

    assert store.expire(RANKED, later_ms) == []

    assert store.status(back, later_ms).ticket_id == "later"


def test_a_ticket_of_a_party_whose_other_member_waits_alone_is_not_put_back(store: TicketStore) -> None:
    back, alone = a_player_id(), a_waiting_player(store)
    kept = a_kept_ticket(back, ticket_id="lost", party=party_text("lost", sorted([back, alone])))

    assert store.restore(kept, RANKED, NOW_MS) == NotInQueue()
    assert waiting(store) == {alone}


def test_an_entered_match_of_one_member_ends_the_ticket_of_the_party(store: TicketStore) -> None:
    one, other = a_party(store)
    told = store.status(other, NOW_MS)
    match = a_match_of(a_kept_ticket(one), a_kept_ticket())

    store.enter([Matched(match, MatchStatus.CREATED)])

    assert store.status(one, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert store.status(other, NOW_MS) == NotInQueue()
    assert [store.counts(queue, []).current_size for queue in BOTH] == [0, 0]
    assert [store.counts(queue, []).rating_sum for queue in BOTH] == [0, 0]
    kept = a_kept_ticket(other, queues=BOTH, ticket_id=told.ticket_id, party=told.party)
    assert store.restore(kept, RANKED, NOW_MS) == NotInQueue()


@with_outbox
def test_a_withdrawn_match_puts_a_party_back_whole(store: TicketStore) -> None:
    red, blue = a_party(store, waited_ms=9_000), a_party(store)
    (match,) = store.claim(RANKED, [a_team_proposal(store, red, blue)], NOW_MS).matches

    store.withdraw([match], NOW_MS)

    assert waiting(store) == waiting(store, "casual") == {*red, *blue}
    assert store.status(red[1], NOW_MS).joined_ms == NOW_MS - 9_000


@with_outbox
def test_a_member_who_is_gone_when_a_match_is_withdrawn_ends_the_ticket_of_the_party(store: TicketStore) -> None:
    red, blue = a_party(store), a_party(store)
    told = store.status(red[1], NOW_MS)
    (match,) = store.claim(RANKED, [a_team_proposal(store, red, blue)], NOW_MS).matches

    store.withdraw([match], NOW_MS, gone=[red[0]])

    assert waiting(store) == waiting(store, "casual") == set(blue)
    assert [store.status(player, NOW_MS) for player in red] == [NotInQueue(), NotInQueue()]
    kept = a_kept_ticket(red[1], queues=BOTH, ticket_id=told.ticket_id, party=told.party)
    assert store.restore(kept, RANKED, NOW_MS) == NotInQueue()


def test_a_party_of_one_is_a_party(store: TicketStore) -> None:
    request: JoinRequest = a_join()
    assert isinstance(store.join_party([request], "p", RANKED, NOW_MS), Waiting)
    assert store.snapshot("ranked").parties == ["p"]

    match, *_ = a_match(store, request.player_id)

    assert match.players[0].id == request.player_id
