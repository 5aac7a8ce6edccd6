"""Whether to pair now or wait for someone closer: density of arrivals, and what patience makes of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchmaking.engine import Density, Patience, SearchWindow, estimate_density, find_matches
from tests.unit.strategies import NOW_MS, Ticket, a_ticket, players_met, waiting

PATIENCE = Patience()
WINDOW = SearchWindow(base=100, step=10, every_seconds=10, max_extra=500, patience=PATIENCE)


def arrivals(count: int, per_second: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Ratings N(1500, 350) and times of a Poisson process that has come to now."""
    dice = np.random.default_rng(seed)
    ago = np.cumsum(dice.exponential(1 / per_second, count))
    return dice.normal(1500, 350, count), NOW_MS - (ago * 1000).astype(np.int64)


def even(per_second_and_point: float) -> Density:
    """As dense everywhere from 0 to 3,000."""
    return Density(np.array([0.0, 3_000.0]), np.full(2, per_second_and_point), per_second_and_point)


def meet(tickets: list[Ticket], density: Density | None) -> set[frozenset[str]]:
    return players_met(tickets, find_matches(waiting(tickets), WINDOW, NOW_MS, density=density))


def gap_of(rating: float, waited: float, density: Density) -> float:
    """What a ticket puts up with, with another like it."""
    return 2 * float(PATIENCE.worths(np.array([rating]), np.array([waited]), density)[0])


# Density


@pytest.mark.parametrize("per_second", [0.05, 0.5, 5, 50])
def test_a_thousand_arrivals_tell_the_density_at_the_middle_and_in_the_tails(per_second: float) -> None:
    density = estimate_density(*arrivals(1_000, per_second), NOW_MS)
    of_normal = per_second / 350 / np.sqrt(2 * np.pi) * np.exp([0.0, -0.5, -2.0])

    assert density.at(np.array([1500.0, 1850.0, 2200.0])) == pytest.approx(of_normal, rel=0.35)
    assert density.typical == pytest.approx(per_second / 350 / np.sqrt(4 * np.pi), rel=0.25)


def test_nobody_lately_is_no_density() -> None:
    density = estimate_density(np.empty(0), np.empty(0, dtype=np.int64), NOW_MS)

    assert (density.typical, density.at(np.array([1500.0])).tolist()) == (0.0, [0.0])


def test_three_within_a_moment_are_no_full_queue() -> None:
    density = estimate_density(np.array([1500.0, 1500.0, 1500.0]), np.full(3, NOW_MS - 100), NOW_MS)

    assert density.typical * 100 < 0.2  # fewer than one in five seconds within a hundred points


def test_a_queue_that_has_gone_quiet_is_less_dense() -> None:
    ratings, at_ms = arrivals(200, 5)

    assert (
        estimate_density(ratings, at_ms - 300_000, NOW_MS).typical
        < 0.2 * estimate_density(ratings, at_ms, NOW_MS).typical
    )


def test_players_of_one_rating_are_not_infinitely_dense() -> None:
    density = estimate_density(np.full(100, 1200.0), NOW_MS - np.arange(100) * 1000, NOW_MS)

    assert 0 < density.typical < 0.1


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20), st.integers(-1000, 10**9))
def test_any_ratings_and_times_give_a_finite_density(ratings: list[float], ago_ms: int) -> None:
    density = estimate_density(np.array(ratings), np.full(len(ratings), NOW_MS - ago_ms), NOW_MS)

    assert np.isfinite(density.typical) and density.typical > 0
    assert np.isfinite(density.at(np.array(ratings))).all()
    assert (density.at(np.array(ratings)) >= 0).all()


# Patience


def test_the_gap_put_up_with_goes_with_the_root_of_rarity() -> None:
    assert gap_of(1500, 0, even(0.0004)) == pytest.approx(PATIENCE.reach_at_one / 0.02)
    assert gap_of(1500, 0, even(0.0009)) == pytest.approx(PATIENCE.reach_at_one / 0.03)


def test_a_full_queue_takes_the_close_at_once_and_an_empty_one_is_not_careless() -> None:
    assert gap_of(1500, 0, even(10)) == PATIENCE.close
    assert gap_of(1500, 0, even(1e-9)) == PATIENCE.far


def test_players_rarer_than_the_typical_put_up_with_more() -> None:
    density = Density(np.array([1000.0, 2000.0]), np.array([0.02, 0.005]), 0.02)

    assert gap_of(2000, 0, density) == pytest.approx(gap_of(1000, 0, density) * 4**PATIENCE.rarity)


def test_where_nobody_has_come_lately_patience_has_an_end() -> None:
    nobody = estimate_density(np.empty(0), np.empty(0, dtype=np.int64), NOW_MS)
    elsewhere = Density(np.array([0.0, 100.0]), np.array([1.0, 1.0]), 1.0)

    assert gap_of(1500, 0, nobody) == np.inf
    assert gap_of(1500, 0, elsewhere) == PATIENCE.far


def test_the_gap_put_up_with_grows_ever_faster_and_slowly_again_once_it_is_wide() -> None:
    patience = Patience(close=20, growth_in_a_beat=8, growth_power=3, steep_until=9, late_growth_per_beat=0.5)
    waited = np.array([-5, 0, 0.5, 1, 3]) / (0.01 * 20)  # a beat is until one more comes within the 20 points

    worths = patience.worths(np.full(5, 1500.0), waited, even(0.01))

    assert (2 * worths).tolist() == pytest.approx([20, 20, 20 * (1 + 8 * 0.5**3), 20 * 9, 20 * (9 + 0.5 * 2)])


def test_as_shipped_it_grows_more_in_the_second_half_of_the_steep_time_than_in_the_first() -> None:
    density = even(0.01)
    steep_beats = ((PATIENCE.steep_until - 1) / PATIENCE.growth_in_a_beat) ** (1 / PATIENCE.growth_power)
    wide = steep_beats / (0.01 * PATIENCE.close)

    grown = [gap_of(1500, wait, density) for wait in (0, wide / 2, wide)]

    assert grown[2] == pytest.approx(PATIENCE.close * PATIENCE.steep_until)
    assert grown[2] - grown[1] > 3 * (grown[1] - grown[0])


def test_two_far_apart_wait_in_a_full_queue_and_meet_in_an_empty_one() -> None:
    tickets = [a_ticket("a", rating=1500), a_ticket("b", rating=1560)]

    assert meet(tickets, even(0.05)) == set()
    assert meet(tickets, even(0.0001)) == {frozenset("ab")}
    assert meet(tickets, None) == {frozenset("ab")}


def test_patience_never_looks_beyond_the_window() -> None:
    tickets = [a_ticket("a", rating=1500), a_ticket("b", rating=1601)]

    assert meet(tickets, even(1e-9)) == set()


def test_who_has_waited_long_enough_meets_the_far_newcomer() -> None:
    density = even(0.05)
    newcomer = a_ticket("n", rating=1500)

    assert meet([newcomer, a_ticket("v", rating=1560, waited=0.1)], density) == set()
    assert meet([newcomer, a_ticket("v", rating=1560, waited=20)], density) == {frozenset("nv")}
