"""The teams of a group: as even as can be, parties never parted.

How even is told by strengths alone, the sums of ratings: of two teams, the difference of predicted win probabilities
grows with the difference of strengths, since all splits of one group have the same variance. Of more teams the
difference between the strongest and the weakest is made small.
"""

import math
from functools import cache

import numpy as np

from matchmaking.engine.teams.units import Units
from matchmaking.engine.teams.walking import MOST_UNITS_TO_SPLIT, split_group

#: Splits of a group that are all looked at: more are searched by exchanging. 8 against 8 has 6,435.
MOST_SPLITS = 10_000


#: The units of each team.
Split = tuple[tuple[int, ...], ...]


def split_evenly(units: Units, group: np.ndarray, *, teams: int, team_size: int, needs_equal: bool) -> Split:
    """The teams of a group, of the smallest difference of strengths: the best split where all can be looked at."""
    strengths = np.array([units.strength(unit) for unit in group.tolist()])
    tries_all = len(group) <= MOST_UNITS_TO_SPLIT or count_splits(teams, team_size) <= MOST_SPLITS
    team = split_group(strengths, units.sizes[group], teams, team_size, needs_equal, tries_all)
    members: list[list[int]] = [[] for _ in range(teams)]
    for unit, number in zip(group.tolist(), team.tolist(), strict=True):
        members[number].append(unit)
    return tuple(map(tuple, members))


@cache
def count_splits(teams: int, team_size: int) -> int:
    """Of a group of solo players; parties leave fewer."""
    players = teams * team_size
    alike = int(math.factorial(team_size) ** teams) * math.factorial(teams)
    return math.factorial(players) // alike
