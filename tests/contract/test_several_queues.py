"""One ticket in several queues: matched by whichever is first, and gone from all of them."""

import pytest

from matchmaking.match import MatchStatus
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import Elsewhere, Expired, JoinRequest, Left, Matched, NotInQueue, RatingMissing, Waiting
from tests.builders import CASUAL, NOW_MS, RANKED, a_join, a_kept_ticket, a_match_of, a_proposal, a_waiting_player
from tests.builders import announced as told
from tests.conftest import KnowRating, with_outbox

BOTH = ("casual", "ranked")


def a_ticket_in_both(store: TicketStore, *, rating: float = 1500, waited_ms: int = 0) -> JoinRequest:
    """Rated `rating` in casual, its first queue, and ten more in ranked."""
    request = a_join(rating=rating, queues=BOTH)
    assert isinstance(store.join(request, CASUAL, NOW_MS - waited_ms), Waiting)
    return request


def sizes(store: TicketStore) -> list[tuple[int, float]]:
    counted = [store.counts(queue, []) for queue in BOTH]
    return [(counts.current_size, counts.rating_sum) for counts in counted]


def test_a_ticket_waits_in_each_of_its_queues_with_the_rating_of_each(store: TicketStore) -> None:
    a_waiting_player(store, rating=1000, rules=CASUAL, waited_ms=5_000)

    request = a_join(rating=1500, queues=BOTH)
    answer = store.join(request, CASUAL, NOW_MS)

    assert isinstance(answer, Waiting)
    assert (answer.queues, answer.ratings) == (BOTH, (1500, 1510))
    assert (answer.queue, answer.rating, answer.position, answer.size, answer.rating_sum) == (
        "casual",
        1500,
        2,
        2,
        2500,
    )
    assert [sorted(store.snapshot(queue).ratings.tolist()) for queue in BOTH] == [[1000, 1500], [1510]]
    assert sizes(store) == [(2, 2500), (1, 1510)]
    assert [store.counts(queue, []).total_joins for queue in BOTH] == [2, 1]
    status = store.status(request.player_id, NOW_MS)
    assert (status.queues, status.ratings, status.position, status.size) == (BOTH, (1500, 1510), 2, 2)


def test_the_same_queues_in_any_order_are_the_same_ticket(store: TicketStore) -> None:
    first = a_ticket_in_both(store, waited_ms=3_000)

    again = store.join(a_join(first.player_id, rating=999, queues=("ranked", "casual")), RANKED, NOW_MS)

    assert isinstance(again, Waiting)
    assert (again.ticket_id, again.joined_ms, again.is_new) == (first.ticket_id, NOW_MS - 3_000, False)
    assert (again.queues, again.size) == (BOTH, 1)
    assert sizes(store) == [(1, 1500), (1, 1510)]


@pytest.mark.parametrize(
    ("held", "wanted"), [(BOTH, ("ranked",)), (BOTH, ("casual",)), (("ranked",), BOTH), (("casual",), ("ranked",))]
)
def test_other_queues_than_those_of_the_ticket_are_refused(
    store: TicketStore, held: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    first = a_join(queues=held)
    store.join(first, RANKED, NOW_MS)

    assert store.join(a_join(first.player_id, queues=wanted), RANKED, NOW_MS) == Elsewhere(queues=held)
    assert store.status(first.player_id, NOW_MS).queues == held


def test_a_rating_that_is_missing_in_one_queue_is_asked_for_and_nothing_written(
    store: TicketStore, know_rating: KnowRating
) -> None:
    request = a_join(rating=None, queues=BOTH)
    know_rating(request.player_id, "casual", 1444)

    assert store.join(request, CASUAL, NOW_MS) == RatingMissing()
    assert sizes(store) == [(0, 0), (0, 0)]
    know_rating_of_second = a_join(request.player_id, rating=1000, queues=BOTH)
    assert store.join(know_rating_of_second, CASUAL, NOW_MS).ratings == (1444, 1010)


@pytest.mark.parametrize(("rules", "rating"), [(CASUAL, 1500), (RANKED, 1510)])
def test_a_claim_in_one_queue_takes_the_ticket_out_of_all(store: TicketStore, rules, rating) -> None:
    both = a_ticket_in_both(store)
    other = a_waiting_player(store, rules=rules, rating=1400)
    left_alone = [a_waiting_player(store, rules=each, rating=1300) for each in (CASUAL, RANKED)]
    elsewhere = a_proposal(store, both.player_id, left_alone[rules is CASUAL], marks=None)

    (match,) = told(store, store.claim(rules, [a_proposal(store, both.player_id, other, queues=BOTH)], NOW_MS))

    assert (match.queue, match.players[0].rating) == (rules.name, rating)
    assert store.status(both.player_id, NOW_MS) == Matched(match, MatchStatus.CREATED)
    assert sizes(store) == [(1, 1300), (1, 1300)]
    assert [list(store.snapshot(queue).player_ids) for queue in BOTH] == [[player] for player in left_alone]
    assert [store.counts(queue, []).total_matches for queue in BOTH] == [rules is CASUAL, rules is RANKED]
    assert store.claim(RANKED if rules is CASUAL else CASUAL, [elsewhere], NOW_MS).taken == 1
    later_ms = NOW_MS + RANKED.ticket_ttl_ms + 1
    for each in (CASUAL, RANKED):
        assert both.ticket_id not in store.expire(each, later_ms)
    assert isinstance(store.status(both.player_id, later_ms), Matched)


def test_two_with_the_same_two_queues_are_matched_once(store: TicketStore) -> None:
    one, other = (a_ticket_in_both(store).player_id for _ in range(2))
    proposals = [a_proposal(store, one, other, queues=(queue,)) for queue in BOTH]

    claims = [store.claim(rules, [p], NOW_MS) for rules, p in zip((CASUAL, RANKED), proposals, strict=True)]

    assert [(len(claim.matches), claim.taken) for claim in claims] == [(1, 0), (0, 1)]


def test_leaving_leaves_all_queues(store: TicketStore) -> None:
    request = a_ticket_in_both(store, waited_ms=2_000)

    assert store.leave(request.player_id, NOW_MS) == Left("casual", request.ticket_id, 2_000)

    assert store.status(request.player_id, NOW_MS) == NotInQueue()
    assert sizes(store) == [(0, 0), (0, 0)]
    assert [store.counts(queue, []).total_leaves for queue in BOTH] == [1, 1]
    assert [list(store.snapshot(queue).player_ids) for queue in BOTH] == [[], []]


@pytest.mark.parametrize("rules", [CASUAL, RANKED])
def test_a_silent_ticket_expires_from_all_queues_whichever_looks_first(store: TicketStore, rules) -> None:
    silent, asks = a_ticket_in_both(store), a_ticket_in_both(store)
    later_ms = NOW_MS + rules.ticket_ttl_ms + 1
    store.status(asks.player_id, later_ms)

    assert store.expire(rules, later_ms) == [silent.ticket_id]

    for each in (CASUAL, RANKED):
        assert store.expire(each, later_ms) == []
    assert store.status(silent.player_id, later_ms) == Expired(queue="casual")
    assert sizes(store) == [(1, 1500), (1, 1510)]
    assert [store.counts(queue, []).total_expired for queue in BOTH] == [1, 1]


def test_somebody_waits_in_each_queue_of_a_ticket(store: TicketStore) -> None:
    queues = [*BOTH, "duel"]
    assert store.waited_in(queues) == set()
    request = a_ticket_in_both(store)
    assert store.waited_in(queues) == set(BOTH)

    store.leave(request.player_id, NOW_MS)

    assert store.waited_in(queues) == set()


def test_a_dropped_ticket_is_gone_from_all_queues(store: TicketStore) -> None:
    request = a_ticket_in_both(store)

    store.drop([request.player_id])

    assert store.status(request.player_id, NOW_MS) == NotInQueue()
    assert sizes(store) == [(0, 0), (0, 0)]


def test_an_entered_match_takes_a_waiting_ticket_out_of_all_queues(store: TicketStore) -> None:
    request = a_ticket_in_both(store)
    match = a_match_of(a_kept_ticket(request.player_id), a_kept_ticket())

    store.enter([Matched(match, MatchStatus.CREATED)])

    assert sizes(store) == [(0, 0), (0, 0)]
    assert store.status(request.player_id, NOW_MS) == Matched(match, MatchStatus.CREATED)


@with_outbox
def test_a_withdrawn_claim_puts_the_ticket_back_into_all_queues(store: TicketStore) -> None:
    request = a_ticket_in_both(store, waited_ms=7_000)
    other = a_waiting_player(store, rules=RANKED, rating=1400)
    (match,) = store.claim(RANKED, [a_proposal(store, request.player_id, other, queues=BOTH)], NOW_MS).matches
    assert sizes(store) == [(0, 0), (0, 0)]

    store.withdraw([match], NOW_MS)

    assert sizes(store) == [(1, 1500), (2, 2910)]
    assert store.status(request.player_id, NOW_MS).joined_ms == NOW_MS - 7_000
    assert sorted(store.snapshot("ranked").ratings.tolist()) == [1400, 1510]


def test_a_lost_ticket_is_put_back_into_all_of_its_queues(store: TicketStore) -> None:
    kept = a_kept_ticket(rating=1500, queues=BOTH, waited_ms=4_000, traits="l=eu:40")

    restored = store.restore(kept, CASUAL, NOW_MS)

    assert isinstance(restored, Waiting)
    assert (restored.queues, restored.ratings, restored.traits) == (BOTH, (1500, 1510), "l=eu:40")
    assert sizes(store) == [(1, 1500), (1, 1510)]
    assert store.restore(kept, CASUAL, NOW_MS).is_new is False


def test_a_round_is_wanted_of_each_queue_in_which_a_second_ticket_waits(store: TicketStore) -> None:
    a_waiting_player(store, rules=RANKED)
    first = store.join(a_join(queues=BOTH), CASUAL, NOW_MS)
    second = store.join(a_join(queues=BOTH), CASUAL, NOW_MS)
    third = store.join(a_join(queues=BOTH), CASUAL, NOW_MS)

    assert [answer.wanted_rounds for answer in (first, second, third)] == [("ranked",), ("casual",), ()]


def test_a_snapshot_since_then_holds_who_has_asked_in_every_queue(store: TicketStore) -> None:
    request, silent = a_ticket_in_both(store), a_ticket_in_both(store)
    store.status(request.player_id, NOW_MS + 500)

    for queue in BOTH:
        assert list(store.snapshot(queue, asked_since_ms=NOW_MS + 500).player_ids) == [request.player_id]
        assert set(store.snapshot(queue).player_ids) == {request.player_id, silent.player_id}


# --- traits -------------------------------------------------------------------------------------------


def test_a_ticket_carries_what_is_known_of_its_player(store: TicketStore) -> None:
    plain = a_waiting_player(store)
    assert (store.snapshot("ranked").traits, store.snapshot("ranked").parties) == ((), ())
    tells = a_join(traits="l=eu:40,us:120")

    assert store.join(tells, RANKED, NOW_MS).traits == "l=eu:40,us:120"

    tickets = store.snapshot("ranked")
    assert dict(zip(tickets.player_ids, tickets.traits, strict=True)) == {
        plain: "",
        tells.player_id: "l=eu:40,us:120",
    }
    assert tickets.parties == ()


# --- proposals ----------------------------------------------------------------------------------------


def test_proposals_of_one_batch_may_differ_in_their_numbers_of_players(store: TicketStore) -> None:
    players = [a_waiting_player(store, rating=1000 + n) for n in range(9)]
    pair, three, four = (a_proposal(store, *some) for some in (players[:2], players[2:5], [*players[5:8], players[0]]))
    last = a_proposal(store, *players[5:])

    claims = store.claim(RANKED, [pair, three, four, last], NOW_MS)

    assert [(match.id, len(match.players)) for match in claims.matches] == [
        (pair.match_id, 2),
        (three.match_id, 3),
        (last.match_id, 4),
    ]
    assert claims.taken == 1
    assert store.counts("ranked", []).current_size == 0


def test_a_proposal_names_the_region_of_its_match_or_leaves_it_to_the_tickets(store: TicketStore) -> None:
    regions = []
    for named in (None, "us", ""):
        players = [a_waiting_player(store, region="eu") for _ in range(2)]
        proposal = a_proposal(store, *players)._replace(region=named)
        regions.append(store.claim(RANKED, [proposal], NOW_MS).matches[0].region)

    assert regions == ["eu", "us", ""]
