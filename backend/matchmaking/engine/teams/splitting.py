"""The teams of a group: as even as can be, parties never parted; compiled by numba.

How even is told by strengths alone, the sums of ratings: of two teams, the difference of predicted win probabilities
grows with the difference of strengths, since all splits of one group have the same variance. Of more teams the
difference between the strongest and the weakest is made small.
"""

import math
from functools import cache

import numpy as np
from numba import njit

from matchmaking.engine.teams.units import Units

#: Splits of a group that are all looked at: more are searched by exchanging. 8 against 8 has 6,435.
MOST_SPLITS = 10_000
#: Sweeps of exchanges, each over all pairs of units. They end by themselves after a few.
MOST_SWEEPS = 50


#: The units of each team.
Split = tuple[tuple[int, ...], ...]


def split_evenly(units: Units, group: np.ndarray, *, teams: int, team_size: int, needs_equal: bool) -> Split:
    """The teams of a group, of the smallest difference of strengths: the best split where all can be looked at."""
    strengths = np.array([units.strength(unit) for unit in group.tolist()])
    tries_all = count_splits(teams, team_size) <= MOST_SPLITS
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


@njit(cache=True)
def split_group(
    strengths: np.ndarray, sizes: np.ndarray, teams: int, team_size: int, needs_equal: bool, tries_all: bool
) -> np.ndarray:
    """The team of each unit, int64; the first unit is in team 0.

    `strengths` float64, the sum of the unit's ratings. With `needs_equal` no team may have a larger party than every
    other. The sizes have to fill the teams.
    """
    order = np.argsort(-sizes, kind="mergesort")  # large parties first; else as they come
    strengths, sizes = strengths[order], sizes[order]
    if tries_all:
        found = _best_of_all(strengths, sizes, teams, team_size, needs_equal)
    else:
        found = _exchange(strengths, sizes, _seat(strengths, sizes, teams, team_size, needs_equal), teams)
    split = np.empty_like(found)
    split[order] = found
    return _renumber(split, teams)


@njit(cache=True)
def _renumber(split: np.ndarray, teams: int) -> np.ndarray:
    """Teams by their first unit."""
    numbers, new = np.full(teams, -1), 0
    for unit in range(len(split)):
        if numbers[split[unit]] < 0:
            numbers[split[unit]] = new
            new += 1
        split[unit] = numbers[split[unit]]
    return split


@njit(cache=True)
def _best_of_all(strengths: np.ndarray, sizes: np.ndarray, teams: int, team_size: int, needs_equal: bool) -> np.ndarray:
    """Seat unit after unit in every team that has room, of empty ones the first only; keep the most even end."""
    units = len(sizes)
    seats, sums = np.full(teams, team_size), np.zeros(teams)
    team = np.full(units, -1)
    best, evenest = team.copy(), np.inf
    unit = 0
    while unit >= 0:
        if team[unit] >= 0:  # back from those after it: on to the next team
            seats[team[unit]] += sizes[unit]
            sums[team[unit]] -= strengths[unit]
        was_empty = team[unit] >= 0 and seats[team[unit]] == team_size
        team[unit] = units if was_empty else team[unit] + 1
        while team[unit] < teams and seats[team[unit]] < sizes[unit]:
            team[unit] += 1
        if team[unit] >= teams:
            team[unit] = -1
            unit -= 1
            continue
        seats[team[unit]] -= sizes[unit]
        sums[team[unit]] += strengths[unit]
        if unit + 1 < units:
            unit += 1
            continue
        if not needs_equal or has_equals(team, sizes, teams):
            spread = sums.max() - sums.min()
            if spread < evenest:
                evenest = spread
                best[:] = team
    return best


@njit(cache=True)
def has_equals(team: np.ndarray, sizes: np.ndarray, teams: int) -> bool:
    """Whether the largest party of some team is met by one as large in another team."""
    largest = np.zeros(teams, dtype=np.int64)
    for unit in range(len(team)):
        largest[team[unit]] = max(largest[team[unit]], sizes[unit])
    return bool((largest == largest.max()).sum() > 1)


@njit(cache=True)
def _seat(strengths: np.ndarray, sizes: np.ndarray, teams: int, team_size: int, needs_equal: bool) -> np.ndarray:
    """A first split: parties as `fits` seats them, then solo players, the strongest to the weakest team."""
    seats, sums = np.full(teams, team_size), np.zeros(teams)
    team = np.empty(len(sizes), dtype=np.int64)
    mean = strengths.sum() / sizes.sum()
    parties = (sizes > 1).sum()
    for unit in range(parties):
        if needs_equal and unit < 2:
            chosen = unit
        else:
            room = np.where(seats >= sizes[unit], seats, team_size + 1)
            chosen = int(room.argmin())
        team[unit] = chosen
        seats[chosen] -= sizes[unit]
        sums[chosen] += strengths[unit] - mean * sizes[unit]
    solos = parties + np.argsort(-strengths[parties:], kind="mergesort")
    for unit in solos:
        chosen = int(np.where(seats > 0, sums, np.inf).argmin())
        team[unit] = chosen
        seats[chosen] -= 1
        sums[chosen] += strengths[unit] - mean
    return team


@njit(cache=True)
def _exchange(strengths: np.ndarray, sizes: np.ndarray, team: np.ndarray, teams: int) -> np.ndarray:
    """Exchange units of one size between teams for as long as that brings two teams closer."""
    sums = np.zeros(teams)
    for unit in range(len(team)):
        sums[team[unit]] += strengths[unit]
    for _ in range(MOST_SWEEPS):
        is_better = False
        for a in range(len(team)):
            for b in range(a + 1, len(team)):
                if team[a] == team[b] or sizes[a] != sizes[b]:
                    continue
                apart = sums[team[a]] - sums[team[b]]
                moved = strengths[a] - strengths[b]
                if abs(apart - 2 * moved) < abs(apart) - 1e-9:
                    sums[team[a]] -= moved
                    sums[team[b]] += moved
                    team[a], team[b] = team[b], team[a]
                    is_better = True
        if not is_better:
            break
    return team
