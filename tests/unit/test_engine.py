"""What the engine decides: who may meet, and which of the possible pairings is best."""

import math
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matchmaking.engine
from matchmaking.engine import Pairing, SearchWindow, find_matches
from matchmaking.engine.band import find_choices, find_crowds, follow_choices
from matchmaking.engine.line import Line, line_up
from matchmaking.engine.pairing import find_opponents, see_accepted
from matchmaking.engine.terms import NO_TERMS
from tests.unit.strategies import NOW_MS, THIN_WINDOW, Ticket, a_ticket, players_met, pools, waiting

#: Rating points: differences whose thousandths no 64-bit integer holds, and none.
FAR_APART = (0.0, 1e200, 2e200, 3e200, 3e200)

#: Everyone of a test accepts everyone.
WIDE_WINDOW = SearchWindow(base=1_000)

#: How good a pairing is: pairs, minus the sum of gaps (thousandths of a point), the sum of waits (ms).
Value = tuple[int, int, int]


def meet(tickets: list[Ticket], window: SearchWindow = THIN_WINDOW) -> set[frozenset[str]]:
    return players_met(tickets, find_matches(waiting(tickets), window, NOW_MS))


def pairs_of(*names: str) -> set[frozenset[str]]:
    """`pairs_of("ab", "cd")`: a meets b, c meets d."""
    return {frozenset(name) for name in names}


def may_meet(one: Ticket, other: Ticket, window: SearchWindow) -> bool:
    return abs(one.rating - other.rating) <= min(window.reach(one.waited), window.reach(other.waited))


def value_of(pairs: list[tuple[Ticket, Ticket]]) -> Value:
    gaps = sum(abs(round(a.rating * 1000) - round(b.rating * 1000)) for a, b in pairs)
    return len(pairs), -gaps, sum(round(t.waited * 1000) for pair in pairs for t in pair)


def all_pairings(tickets: list[Ticket], window: SearchWindow) -> Iterator[list[tuple[Ticket, Ticket]]]:
    """Every pairing that the window allows, the empty one too."""
    if not tickets:
        yield []
        return
    first, *rest = tickets
    yield from all_pairings(rest, window)
    for at, other in enumerate(rest):
        if may_meet(first, other, window):
            for pairing in all_pairings(rest[:at] + rest[at + 1 :], window):
                yield [(first, other), *pairing]


def pairs_in(tickets: list[Ticket], pairing: Pairing) -> list[tuple[Ticket, Ticket]]:
    return [(tickets[a], tickets[b]) for a, b in pairing.pairs]


# The search window


@pytest.mark.parametrize(
    ("waited_seconds", "reach"),
    [(-60, 100), (0, 100), (9.999, 100), (10, 110), (20, 120), (499.999, 590), (500, 600), (9_999, 600)],
)
def test_the_window_widens_by_whole_steps_up_to_its_ceiling(waited_seconds: float, reach: float) -> None:
    window = SearchWindow(base=100, step=10, every_seconds=10, max_extra=500)

    assert window.reach(waited_seconds) == reach
    assert window.reaches(np.array([waited_seconds])).tolist() == [reach]


@pytest.mark.parametrize(
    ("waited_seconds", "reach"), [(-60, 100), (0, 100), (9.999, 100), (10, 150), (29.999, 150), (30, 400), (9_999, 400)]
)
def test_a_window_of_steps_widens_as_they_say(waited_seconds: float, reach: float) -> None:
    window = SearchWindow(base=100, step=7, every_seconds=1, max_extra=20, steps=((10, 50), (30, 300)))

    assert window.reach(waited_seconds) == reach
    assert window.reaches(np.array([waited_seconds])).tolist() == [reach]


def test_a_step_shorter_than_a_second_is_taken_on_the_second() -> None:
    window = SearchWindow(base=0, step=1, every_seconds=0.1, max_extra=500)

    assert window.reach(1.0) == 10
    assert window.reaches(np.array([1.0])).tolist() == [10]


# Who may meet


def test_nobody_and_one_alone_are_not_paired() -> None:
    nobody = find_matches(waiting([]), THIN_WINDOW, NOW_MS)
    alone = find_matches(waiting([a_ticket()]), THIN_WINDOW, NOW_MS)

    assert (nobody.pairs.shape, nobody.unmatched.tolist()) == ((0, 2), [])
    assert (alone.pairs.shape, alone.unmatched.tolist()) == ((0, 2), [0])


@pytest.mark.parametrize(("gap", "meets"), [(100, True), (100.001, False), (math.nextafter(100, 101), False)])
def test_the_edge_of_the_window_is_inside_it(gap: float, meets: bool) -> None:
    tickets = [a_ticket("a", rating=0), a_ticket("b", rating=gap)]

    assert meet(tickets, SearchWindow(base=100)) == (pairs_of("ab") if meets else set())


def test_a_long_waiter_does_not_drag_a_newcomer() -> None:
    newcomer, veteran = a_ticket("n", rating=1500), a_ticket("v", rating=1550, waited=60)

    assert meet([newcomer, veteran]) == set()
    assert meet([a_ticket("n", rating=1500, waited=60), veteran]) == pairs_of("nv")


def test_a_ticket_from_a_clock_ahead_of_ours_counts_as_new() -> None:
    early = a_ticket("e", rating=1500, waited=-1_000)

    assert meet([early, a_ticket("n", rating=1510)]) == pairs_of("en")
    assert meet([early, a_ticket("n", rating=1511)]) == set()


def test_equal_ratings_meet_in_a_window_of_zero() -> None:
    tickets = [a_ticket("a"), a_ticket("b"), a_ticket("c", rating=1500.001)]

    assert meet(tickets, SearchWindow(base=0, step=0, max_extra=0)) == pairs_of("ab")


def test_ratings_may_be_any_finite_number() -> None:
    largest = sys.float_info.max
    tickets = [
        a_ticket("a", rating=-largest),
        a_ticket("b", rating=largest),
        a_ticket("c", rating=-largest),
        a_ticket("d", rating=1e-300),
        a_ticket("e", rating=-0.0),
    ]

    assert meet(tickets) == pairs_of("ac", "de")


def test_the_widest_window_pairs_the_farthest_ratings() -> None:
    tickets = [a_ticket(name, rating=rating) for name, rating in zip("abcde", FAR_APART, strict=True)]
    pairs = meet(tickets, SearchWindow(base=1e300))

    assert len(pairs) == 2
    assert pairs_of("de") < pairs


@pytest.mark.parametrize("ratings", [(1500.0001, 1500.0004), (1500.0004, 1500.0001)])
def test_a_gap_below_a_thousandth_is_a_gap_to_the_window(ratings: tuple[float, float]) -> None:
    tickets = [a_ticket("a", rating=ratings[0], waited=1), a_ticket("b", rating=ratings[1])]

    assert meet(tickets, SearchWindow(base=0, step=0)) == set()
    assert meet(tickets, SearchWindow(base=0.001)) == pairs_of("ab")


# Which pairing is best


def test_two_wide_pairs_beat_one_close_pair() -> None:
    tickets = [
        a_ticket("a", rating=1500),
        a_ticket("b", rating=1509),
        a_ticket("c", rating=1510),
        a_ticket("d", rating=1519),
    ]
    close_in_the_middle = [*tickets[:1], a_ticket("b", rating=1509.5), *tickets[2:]]

    assert meet(tickets, SearchWindow(base=9)) == pairs_of("ab", "cd")
    assert meet(close_in_the_middle, SearchWindow(base=9)) == pairs_of("bc")
    assert meet(close_in_the_middle, SearchWindow(base=9.5)) == pairs_of("ab", "cd")


def test_of_as_many_pairs_the_smallest_sum_of_gaps_wins() -> None:
    # One of three is left over; the first two in every order (rating, wait, player) are the farther apart.
    tickets = [
        a_ticket("a", rating=1500, waited=60),
        a_ticket("b", rating=1505, waited=60),
        a_ticket("c", rating=1509.999),
    ]

    assert meet(tickets) == pairs_of("bc")


# The second: as binary fractions of a point, the lower gap is the smaller one.
@pytest.mark.parametrize("ratings", [(1500, 1505, 1510), (1023.998, 1024.003, 1024.008)])
def test_of_equal_gaps_those_who_waited_longest_meet(ratings: tuple[float, float, float]) -> None:
    low, middle, high = ratings
    tickets = [a_ticket("a", rating=low), a_ticket("b", rating=middle), a_ticket("z", rating=high, waited=1)]

    assert meet(tickets) == pairs_of("bz")


def test_of_equal_ratings_those_who_waited_longest_meet() -> None:
    tickets = [a_ticket("a"), a_ticket("y", waited=1), a_ticket("z", waited=2)]

    assert meet(tickets) == pairs_of("yz")


def test_all_else_equal_players_meet_in_their_own_order() -> None:
    tickets = [a_ticket(name) for name in "dbac"]

    assert meet(tickets) == pairs_of("ab", "cd")


def test_pairs_may_cross_where_the_windows_ask_for_it() -> None:
    # Only 1st with 3rd and 2nd with 4th makes two pairs; reaches are 101, 10, 101, 10.
    window = SearchWindow(base=10, step=91, every_seconds=10, max_extra=91)
    tickets = [
        a_ticket("a", rating=0, waited=10),
        a_ticket("b", rating=100),
        a_ticket("c", rating=101, waited=10),
        a_ticket("d", rating=110),
    ]

    assert meet(tickets, window) == pairs_of("ac", "bd")


def test_a_wide_pair_meets_across_closer_ones() -> None:
    # a and h waited and accept each other across three pairs that accept only one another.
    ratings = {"b": 15, "c": 20, "d": 40, "e": 45, "f": 65, "g": 70}
    between = [a_ticket(name, rating=rating) for name, rating in ratings.items()]
    tickets = [a_ticket("a", rating=0, waited=60), *between, a_ticket("h", rating=100, waited=60)]

    assert meet(tickets) == pairs_of("ah", "bc", "de", "fg")


def test_a_crowd_leaves_out_one_at_the_smallest_sum_of_gaps() -> None:
    line = a_line([0, 1, 10, 11, 20, 21, 40, 60, 61, 70, 71])  # without 40 all gaps are 1
    accepted = see_accepted(line, WIDE_WINDOW, 2)

    assert find_crowds(accepted, 2).all()
    assert find_opponents(line, accepted, 2).tolist() == [1, 0, 3, 2, 5, 4, -1, 8, 7, 10, 9]


def test_nothing_is_a_crowd_that_has_a_stranger_behind() -> None:
    # c and d accept everyone within two places; a and b, behind them, do not accept each other.
    tickets = [
        a_ticket("a", rating=0, waited=20),
        a_ticket("b", rating=50),
        a_ticket("c", rating=55, waited=20),
        a_ticket("d", rating=57),
    ]

    line = line_up(waiting(tickets), THIN_WINDOW, NOW_MS)

    assert find_opponents(line, see_accepted(line, THIN_WINDOW, 2), 2).tolist() == [2, 3, 0, 1]


@pytest.mark.parametrize("count", [300, 301, 2_000, 2_001])
def test_an_even_crowd_of_any_size_meets_next_to_next(count: int) -> None:
    tickets = [a_ticket(f"{count - place:05}", rating=place) for place in range(count)]
    rows = find_matches(waiting(tickets), SearchWindow(base=count), NOW_MS).pairs

    whole = count - count % 2
    assert len(rows) == whole // 2
    assert (rows[:, 1] - rows[:, 0]).tolist() == [1] * len(rows)


# What always holds


@given(pools(max_size=40))
def test_everyone_is_paired_once_or_left_over_once(tickets: list[Ticket]) -> None:
    pairing = find_matches(waiting(tickets), THIN_WINDOW, NOW_MS)

    assert sorted([*pairing.pairs.ravel(), *pairing.unmatched]) == list(range(len(tickets)))
    assert pairing.unmatched.tolist() == sorted(pairing.unmatched.tolist())


@given(pools(max_size=40))
def test_pairs_keep_the_window_and_name_the_lower_rated_first(tickets: list[Ticket]) -> None:
    for lower, higher in pairs_in(tickets, find_matches(waiting(tickets), THIN_WINDOW, NOW_MS)):
        assert may_meet(lower, higher, THIN_WINDOW)
        assert lower.rating <= higher.rating


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=12))
def test_pairs_keep_the_window_at_any_finite_rating(ratings: list[float]) -> None:
    tickets = [a_ticket(str(number), rating=rating) for number, rating in enumerate(ratings)]

    for lower, higher in pairs_in(tickets, find_matches(waiting(tickets), THIN_WINDOW, NOW_MS)):
        assert may_meet(lower, higher, THIN_WINDOW)
        assert lower.rating <= higher.rating


@given(pools(max_size=30, rating_steps=40), st.data())
def test_the_order_of_the_tickets_changes_nothing(tickets: list[Ticket], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(tickets))

    assert meet(shuffled) == meet(tickets)


@given(pools(max_size=40))
def test_never_fewer_pairs_than_taking_each_next_neighbour(tickets: list[Ticket]) -> None:
    greedy, free = 0, None
    for ticket in sorted(tickets, key=lambda ticket: ticket.rating):
        if free and may_meet(free, ticket, THIN_WINDOW):
            greedy, free = greedy + 1, None
        else:
            free = ticket

    assert len(meet(tickets)) >= greedy


@given(pools(max_size=8, rating_steps=120))
def test_no_pairing_of_a_few_is_better(tickets: list[Ticket]) -> None:
    found = pairs_in(tickets, find_matches(waiting(tickets), THIN_WINDOW, NOW_MS))

    assert value_of(found) == max(value_of(pairing) for pairing in all_pairings(tickets, THIN_WINDOW))


@given(pools(min_size=20, max_size=30, rating_steps=240), st.integers(1, 4))
def test_deciding_less_in_a_crowd_decides_as_well(tickets: list[Ticket], band: int) -> None:
    line = line_up(waiting(tickets), THIN_WINDOW, NOW_MS)
    accepted = see_accepted(line, THIN_WINDOW, band)
    no_crowds = np.zeros(len(tickets), dtype=np.bool_)

    thorough = follow_choices(find_choices(line.thousandths, line.waited_ms, accepted, no_crowds, NO_TERMS.malus, band))

    assert line_value(line, find_opponents(line, accepted, band)) == line_value(line, thorough)


# What it costs others


def test_asking_for_the_window_alone_does_not_load_numba() -> None:
    program = "import sys; from matchmaking.engine import SearchWindow; sys.exit('numba' in sys.modules)"
    backend = matchmaking.engine.__path__[0].removesuffix("/matchmaking/engine")

    assert subprocess.run([sys.executable, "-c", program], cwd=backend).returncode == 0


def test_a_name_that_the_engine_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'find_teams'"):
        matchmaking.engine.find_teams  # noqa: B018


def a_line(ratings: list[float]) -> Line:
    """A line of tickets that have all waited equally long and accept everyone."""
    tickets = [a_ticket(f"{place:03}", rating=rating) for place, rating in enumerate(ratings)]
    return line_up(waiting(tickets), WIDE_WINDOW, NOW_MS)


def line_value(line: Line, opponents: np.ndarray) -> Value:
    matched = opponents >= 0
    gaps = np.abs(line.thousandths[matched] - line.thousandths[opponents[matched]])
    return int(matched.sum()) // 2, -int(gaps.sum()) // 2, int(line.waited_ms[matched].sum())
