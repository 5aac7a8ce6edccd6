"""How likely each team of a match was to win, by what was known of its players when it was made. Pure."""

from collections.abc import Sequence

import numpy as np

from matchmaking.engine.win_probability import PERFORMANCE_POINTS, chances
from matchmaking.match import Match

#: Digits after the point that history keeps: a ten-thousandth is far below what ratings can tell.
_DIGITS = 4

Shape = tuple[int, ...]


def win_probabilities(matches: Sequence[Match]) -> list[list[float] | None]:
    """One list a match, one number a team, from the ratings and deviations of the tickets.

    None where there is a single team, or an empty one. Matches of one shape are computed together: a round may make
    thousands.
    """
    places: dict[Shape, list[int]] = {}
    for place, match in enumerate(matches):
        places.setdefault(tuple(map(len, match.teams)), []).append(place)
    found: list[list[float] | None] = [None] * len(matches)
    for shape, same in places.items():
        if len(shape) > 1 and all(shape):
            for place, chance in zip(same, _of_one_shape([matches[place] for place in same], shape), strict=True):
                found[place] = chance
    return found


def _of_one_shape(matches: Sequence[Match], shape: Shape) -> list[list[float]]:
    players = [player for match in matches for team in match.teams for player in team]
    ratings = np.array([player.rating for player in players]).reshape(len(matches), sum(shape))
    deviations = np.array([player.deviation for player in players]).reshape(len(matches), sum(shape))
    first_of_team = np.cumsum([0, *shape[:-1]])
    sums = np.add.reduceat(ratings, first_of_team, axis=1)
    variances = np.add.reduceat(PERFORMANCE_POINTS**2 + deviations**2, first_of_team, axis=1)
    rounded: list[list[float]] = chances(sums, variances).round(_DIGITS).tolist()
    return rounded
