"""Elo ratings: expectation and change. Pure.

Source: A. E. Elo, "The Rating of Chessplayers, Past and Present" (1978), with the logistic curve that
FIDE and most games use: E = 1 / (1 + 10^((opponent - own) / 400)).
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from players.skill import Skill

#: Rating points at which the stronger side is expected to score 10 to 1.
SCALE_POINTS = 400.0


def expected_score(own: float, opponent: float) -> float:
    """Expected score (0 to 1) of a player rated `own` against one rated `opponent`."""
    return float(1.0 / (1.0 + 10.0 ** ((opponent - own) / SCALE_POINTS)))


def score_of(own_rank: int, opponent_rank: int) -> float:
    """1 for a win, 0.5 for a draw, 0 for a loss; the smaller rank is the better one."""
    if own_rank == opponent_rank:
        return 0.5
    return 1.0 if own_rank < opponent_rank else 0.0


def rated(teams: Sequence[Sequence[Skill]], ranks: Sequence[int], *, k_factor: float) -> list[list[Skill]]:
    """Skills after a match: all of a team move by the same points.

    A team plays as the sum of its players, and its play strays as the square root of their number: 100 points more in
    each of two players are 141 of one. So the sum, divided by that root, is rated like a player.
    """
    size = sum(map(len, teams)) / len(teams)
    strengths = [sum(skill.rating for skill in team) / math.sqrt(size) for team in teams]
    changes = rating_changes(strengths, ranks, k_factor=k_factor)
    return [
        [replace(skill, rating=skill.rating + change) for skill in team]
        for team, change in zip(teams, changes, strict=True)
    ]


def rating_changes(ratings: Sequence[float], ranks: Sequence[int], *, k_factor: float) -> list[float]:
    """Change of each side's rating, in points; the changes sum to zero.

    `ratings` and `ranks` are parallel, one entry a side. With more than two sides each plays a
    duel against each other one, and a side's change is the mean over its duels.
    """
    opponents = len(ratings) - 1
    return [
        sum(
            k_factor * (score_of(ranks[a], ranks[b]) - expected_score(ratings[a], ratings[b]))
            for b in range(len(ratings))
            if b != a
        )
        / opponents
        for a in range(len(ratings))
    ]
