"""Open seats of running matches: who may come, and who fits best."""

from dataclasses import replace

import pytest

from matchmaking.engine.backfill import Backfilling, OpenSeats, fill_seats
from matchmaking.engine.demands import LatencyLimit
from matchmaking.engine.traits import Traits
from tests.unit.strategies import NOW_MS
from tests.unit.team_pools import NARROW, Seeker, seeking

#: One seat of three against three, all at 1500.
SEAT = OpenSeats("match", team=1, seats=1, ratings=((1500.0,) * 3, (1500.0,) * 2), players=frozenset({"inside"}))


def fill(seekers: list[Seeker], *openings: OpenSeats, latency: LatencyLimit | None = None) -> Backfilling:
    return fill_seats(
        seeking(seekers), openings, window=NARROW, latency=latency or LatencyLimit(max_ms=50), now_ms=NOW_MS
    )


def who(seekers: list[Seeker], *openings: OpenSeats) -> list[list[str]]:
    return [[seekers[row].id for row in filled.rows] for filled in fill(seekers, *openings).fills]


@pytest.mark.parametrize(("rating", "comes"), [(1520, True), (1520.001, False)])
def test_a_seat_is_taken_within_the_reach_of_the_ticket(rating: float, comes: bool) -> None:
    filling = fill([Seeker("a", rating)], SEAT)

    assert len(filling.fills) == comes
    assert filling.waiting == ([] if comes else [0])


def test_a_seat_is_taken_within_its_own_reach() -> None:
    assert who([Seeker("a", 1511)], replace(SEAT, reach=10)) == []


def test_the_unit_that_makes_teams_most_even_comes() -> None:
    weak_team = replace(SEAT, ratings=((1500.0,) * 3, (1495.0, 1495.0)))

    assert who([Seeker("a", 1499), Seeker("b", 1509), Seeker("c", 1519)], weak_team) == [["b"]]


def test_of_equals_who_waited_longest_comes() -> None:
    assert who([Seeker("a"), Seeker("z", waited=1)], SEAT) == [["z"]]


def test_a_party_comes_whole_or_not_at_all() -> None:
    party = [Seeker("p", party="x"), Seeker("q", party="x")]

    assert who(party, SEAT) == []
    assert who(party, replace(SEAT, seats=2)) == [["p", "q"]]


def test_a_party_does_not_come_where_a_seat_is_taken_already() -> None:
    party = [Seeker("p", 1510, party="x"), Seeker("q", 1510, party="x")]

    assert who([Seeker("a"), *party], replace(SEAT, seats=2, ratings=((1500.0,) * 3, (1500.0,)))) == [["a"]]


def test_nobody_takes_two_seats_and_the_longest_open_is_filled_first() -> None:
    younger, older = replace(SEAT, match_id="a", opened_ms=2), replace(SEAT, match_id="z", opened_ms=1)
    filling = fill([Seeker("a")], younger, older)

    assert [(filled.match_id, filled.rows) for filled in filling.fills] == [("z", (0,))]


@pytest.mark.parametrize(
    "stranger",
    [
        Seeker("a", traits=Traits(blocked=frozenset({"inside"}))),
        Seeker("outcast"),
        Seeker("a", traits=Traits(latencies_ms={"eu": 51})),
        Seeker("a", traits=Traits(latencies_ms={"us": 10})),
    ],
    ids=["has blocked a player", "is blocked by a player", "is too far away", "does not know the region"],
)
def test_blocks_and_latencies_keep_a_ticket_out(stranger: Seeker) -> None:
    seat = replace(SEAT, region="eu", blocked=frozenset({"outcast"}))

    assert who([stranger], seat) == []
    assert who([stranger, Seeker("b", 1510)], seat) == [["b"]]


def test_two_who_do_not_play_together_do_not_come_together() -> None:
    seats = replace(SEAT, seats=2)
    seekers = [Seeker("a", traits=Traits(blocked=frozenset({"b"}))), Seeker("b"), Seeker("c", 1510)]

    assert who(seekers, seats) == [["a", "c"]]


def test_a_match_that_nobody_is_left_in_gets_nobody() -> None:
    assert who([Seeker("a")], replace(SEAT, ratings=((), ()))) == []
