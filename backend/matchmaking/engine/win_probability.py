"""How likely each team is to win, from the ratings of its players and how certain they are.

A team's performance is the sum of its players', and each player's is uncertain by `PERFORMANCE_POINTS` and by the
deviation of the rating. The difference of two teams is then logistic with the variance of both:

    P(A beats B) = 1 / (1 + exp(-(sum A - sum B) / s)),   s = sqrt(3 V) / pi,
    V = PERFORMANCE_POINTS^2 * (players of A and B) + the squares of their deviations

For one against one without deviations it is Elo's expectation, 1 / (1 + 10^(-difference / 400)); with deviations it is
Glicko's (M. Glickman, "The Glicko system", 1995: g(RD)). Sums and variances over teams are those of TrueSkill
(R. Herbrich et al., 2006), with a logistic curve in place of the normal one. Of more than two teams each meets every
other one in thought, and the shares of wins are its chances, as OpenSkill has it (Weng and Lin, 2011).
"""

import math
from collections.abc import Sequence

import numpy as np

#: Rating points at which the stronger of two players wins 10 of 11, as in Elo's rating.
SCALE_POINTS = 400.0
#: Rating points: how far a performance strays from the rating, so that two of them make Elo's curve.
PERFORMANCE_POINTS = SCALE_POINTS / math.log(10) * math.pi / math.sqrt(6)

#: (rating, deviation), both in rating points; the deviation is 0 where the rating model has none.
Strength = tuple[float, float]


def win_probabilities(teams: Sequence[Sequence[Strength]]) -> tuple[float, ...]:
    """Of each of two or more teams, given its players; they sum to 1."""
    sums = np.array([sum(rating for rating, _ in team) for team in teams])
    variances = np.array([team_variance([deviation for _, deviation in team]) for team in teams])
    return tuple(chances(sums, variances).tolist())


def team_variance(deviations: Sequence[float]) -> float:
    """Square rating points, of the performance of a team with such players."""
    return len(deviations) * PERFORMANCE_POINTS**2 + sum(deviation**2 for deviation in deviations)


def chances(sums: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """`win_probabilities` of many matches at once: the last axis is the teams, in and out."""
    teams = sums.shape[-1]
    scales = np.sqrt(3 * (variances[..., :, None] + variances[..., None, :])) / math.pi
    # Beyond 700 scales the loser's chance is 0 in 64 bits, and exp would overflow.
    exponents = np.clip((sums[..., None, :] - sums[..., :, None]) / scales, -700, 700)
    beats = 1 / (1 + np.exp(exponents))
    beats[..., np.arange(teams), np.arange(teams)] = 0
    shares: np.ndarray = beats.sum(axis=-1) / (teams * (teams - 1) / 2)
    return shares
