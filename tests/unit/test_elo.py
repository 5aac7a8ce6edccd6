"""Elo: the textbook's numbers, and what must hold for any result."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from players.elo import expected_score, rating_changes

RATINGS = st.floats(0, 4000)


@pytest.mark.parametrize(("gap", "expected"), [(0, 0.5), (100, 0.64), (200, 0.76), (400, 0.909), (-400, 0.091)])
def test_the_expected_score_is_the_textbooks(gap: float, expected: float) -> None:
    assert expected_score(1500 + gap, 1500) == pytest.approx(expected, abs=0.001)


def test_an_upset_moves_ratings_more_than_the_expected_win() -> None:
    favourite_wins = rating_changes([1400, 1200], [1, 2], k_factor=32)
    underdog_wins = rating_changes([1400, 1200], [2, 1], k_factor=32)

    assert favourite_wins == pytest.approx([7.69, -7.69], abs=0.01)
    assert underdog_wins == pytest.approx([-24.31, 24.31], abs=0.01)


def test_a_draw_brings_unequal_players_together() -> None:
    assert rating_changes([1400, 1200], [1, 1], k_factor=32) == pytest.approx([-8.31, 8.31], abs=0.01)


@given(st.lists(st.tuples(RATINGS, st.integers(1, 5)), min_size=2, max_size=6))
def test_no_points_are_made_or_lost_and_nobody_moves_by_more_than_k(sides: list[tuple[float, int]]) -> None:
    changes = rating_changes([rating for rating, _ in sides], [rank for _, rank in sides], k_factor=32)

    assert sum(changes) == pytest.approx(0, abs=1e-9)
    assert all(abs(change) <= 32 for change in changes)
