"""The best set of groups along a line; compiled by numba."""

import numpy as np
from numba import njit

from matchmaking.engine.teams.gathering import Notes, Seekers, gather
from matchmaking.engine.teams.splitting import split_group
from matchmaking.engine.teams.ties import Ties

#: Units of a group of which every split is looked at to tell its difference: more take too long for every group that
#: comes into question, and even a first split tells it well.
MOST_UNITS_TO_SPLIT = 10
#: Thousandths of a rating point. Groups count as no wider, so that the sum over all fits in 64 bits.
WIDEST = 1e12


@njit(cache=True)
def choose_groups(
    line: Seekers, ties: Ties, mixes: np.ndarray, teams: int, team_size: int, notes: Notes
) -> tuple[np.ndarray, np.ndarray]:
    """(members, counts): a row of places for each group, and how many of them count.

    From the upper end down, for each place: the best that can be made of it and those above it, whether it is passed
    over or the lowest of a group. Best is by (groups, -cost, waited) in that order. A group shuts in those it passes
    over: they are for the next walk along the line.
    """
    groups = np.zeros(len(line.ratings) + 1, dtype=np.int64)
    nearness, waited = np.zeros_like(groups), np.zeros_like(groups)
    choices = np.full(len(line.ratings), -1, dtype=np.int64)
    for start in range(len(line.ratings) - 1, -1, -1):
        best = (groups[start + 1], nearness[start + 1], waited[start + 1])
        for mix in range(len(mixes)):
            found = gather(line, ties, mixes[mix], teams, team_size, start, notes)
            if found == 0:
                continue
            members = notes.members[:found]
            above = members[-1] + 1
            value = (
                groups[above] + 1,
                nearness[above] - cost_of(line, ties, members, mixes[mix][1] > 0, teams, team_size, notes),
                waited[above] + (line.waited_ms[members] * line.sizes[members]).sum(),
            )
            if value > best:
                best, choices[start] = value, mix
        groups[start], nearness[start], waited[start] = best
    return _read_choices(line, ties, mixes, teams, team_size, notes, choices, groups[0])


@njit(cache=True)
def cost_of(
    line: Seekers, ties: Ties, members: np.ndarray, needs_equal: bool, teams: int, team_size: int, notes: Notes
) -> int:
    """Thousandths of a point: how far each unit's players are from the mean of the match, summed; where there are
    parties, by how much the teams differ; and the malus of rematches. For a duel it is the gap.
    """
    players, total = 0, 0.0
    for place in members:
        players += line.sizes[place]
        total += line.thousandths[place] / 1000 * line.sizes[place]
    mean = total / players * 1000
    cost = 0.0
    for place in members:
        cost += abs(line.thousandths[place] - mean) * line.sizes[place]
    if len(members) < players:
        cost += _difference(line, members, needs_equal, teams, team_size)
    return int(min(np.rint(cost), WIDEST)) + _malus(line, ties, members, notes)


@njit(cache=True)
def _difference(line: Seekers, members: np.ndarray, needs_equal: bool, teams: int, team_size: int) -> float:
    """Thousandths of a point between the strongest and the weakest team."""
    strengths, sizes = line.thousandths[members] * line.sizes[members], line.sizes[members]
    team = split_group(strengths, sizes, teams, team_size, needs_equal, len(members) <= MOST_UNITS_TO_SPLIT)
    sums = np.zeros(teams)
    for unit in range(len(members)):
        sums[team[unit]] += strengths[unit]
    return float(sums.max() - sums.min())


@njit(cache=True)
def _malus(line: Seekers, ties: Ties, members: np.ndarray, notes: Notes) -> int:
    """Of all pairs in the group, each once."""
    notes.walks[0] += 1
    malus = 0
    for place in members:
        unit = line.units[place]
        for tie in range(ties.starts[unit], ties.starts[unit + 1]):
            if notes.marked[ties.others[tie]] == notes.walks[0]:
                malus += ties.malus[tie]
        notes.marked[unit] = notes.walks[0]
    return malus


@njit(cache=True)
def _read_choices(
    line: Seekers,
    ties: Ties,
    mixes: np.ndarray,
    teams: int,
    team_size: int,
    notes: Notes,
    choices: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Walk up from the lower end and gather again what was chosen."""
    members = np.zeros((count, len(notes.members)), dtype=np.int64)
    counts = np.zeros(count, dtype=np.int64)
    place = group = 0
    while place < len(choices):
        if choices[place] < 0:
            place += 1
            continue
        found = gather(line, ties, mixes[choices[place]], teams, team_size, place, notes)
        members[group, :found] = notes.members[:found]
        counts[group] = found
        group += 1
        place = notes.members[found - 1] + 1
    return members, counts
