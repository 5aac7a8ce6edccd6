"""Predicted win probabilities: the formulas they agree with."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchmaking.engine.win_probability import win_probabilities
from players.elo import expected_score

STRENGTHS = st.tuples(st.floats(-5_000, 5_000), st.floats(0, 500))


@given(st.floats(-5_000, 5_000), st.floats(-5_000, 5_000))
def test_a_duel_without_deviations_is_elo(own: float, opponent: float) -> None:
    first, second = win_probabilities([[(own, 0)], [(opponent, 0)]])

    assert first == pytest.approx(expected_score(own, opponent))
    assert first + second == pytest.approx(1)


def test_a_duel_with_deviations_is_glicko() -> None:
    q = math.log(10) / 400
    g = 1 / math.sqrt(1 + 3 * q**2 * (80**2 + 150**2) / math.pi**2)

    first, _ = win_probabilities([[(1400, 80)], [(1500, 150)]])

    assert first == pytest.approx(1 / (1 + 10 ** (-g * (1400 - 1500) / 400)))


def test_in_a_team_one_player_s_advantage_counts_less() -> None:
    duel, _ = win_probabilities([[(1600, 0)], [(1500, 0)]])
    duos, _ = win_probabilities([[(1600, 0), (1500, 0)], [(1500, 0), (1500, 0)]])

    assert duos == pytest.approx(1 / (1 + 10 ** (-100 / (400 * math.sqrt(2)))))
    assert 0.5 < duos < duel


@given(st.lists(st.lists(STRENGTHS, min_size=1, max_size=3), min_size=2, max_size=6))
def test_chances_are_shares_of_one(teams: list[list[tuple[float, float]]]) -> None:
    chances = win_probabilities(teams)

    assert sum(chances) == pytest.approx(1)
    assert all(0 <= chance <= 1 for chance in chances)


def test_equals_of_four_have_a_quarter_each_and_the_strongest_more() -> None:
    assert win_probabilities([[(1500, 0)]] * 4) == pytest.approx([0.25] * 4)
    chances = win_probabilities([[(1500, 0)], [(1700, 0)], [(1600, 0)]])
    assert chances[1] > chances[2] > chances[0]


def test_no_difference_is_too_large() -> None:
    assert win_probabilities([[(1e300, 0)], [(-1e300, 0)]]) == pytest.approx((1, 0))
