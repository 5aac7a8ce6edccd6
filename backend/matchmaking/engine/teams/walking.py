"""The walk along a line: which groups, and how even their teams; compiled by numba.

All that is compiled stands in this one file: numba keeps what it has compiled until the file of a function changes, and
does not see a change of what that function calls in another file.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from matchmaking.engine.teams.ties import NEVER_TOGETHER, Ties

#: Walks up the line for one group, each passing over more of those whose window is too narrow for it. Too few gives
#: up on groups of long waiters between many newcomers.
MOST_WALKS = 8
#: Places looked at for a match of k players: so many, and as many times k. Too few gives up where most do not fit.
PLACES_LOOKED_AT = 64
PLACES_LOOKED_AT_A_PLAYER = 8
#: Units of a group of which every split is looked at to tell its difference: more take too long for every group that
#: comes into question, and even a first split tells it well.
MOST_UNITS_TO_SPLIT = 10
#: Thousandths of a rating point. Groups count as no wider, so that the sum over all fits in 64 bits.
WIDEST = 1e12
#: Sweeps of exchanges, each over all pairs of units. They end by themselves after a few.
MOST_SWEEPS = 50


class Seekers(NamedTuple):
    """Units side by side in order of rating: parallel columns.

    `units` int64, which they are; `ratings` and `reaches` float64, rating points; `thousandths` float64; `sizes` and
    `waited_ms` int64; `latencies` and `limits` float64, milliseconds: to the region of this line, and how many a unit
    puts up with. `odds` float64, the logarithm of the favourite's odds that a unit puts up with, infinite where there
    is no bound; `variances` float64, square rating points, of the performance of its players, 0 without a bound.
    """

    units: np.ndarray
    ratings: np.ndarray
    thousandths: np.ndarray
    reaches: np.ndarray
    sizes: np.ndarray
    waited_ms: np.ndarray
    latencies: np.ndarray
    limits: np.ndarray
    odds: np.ndarray
    variances: np.ndarray


class Notes(NamedTuple):
    """Where a walk writes: `members` the places of the group, `counts` its parties by size, `marked` by unit the
    number of the last walk in which it could not come, `walks` how many there were."""

    members: np.ndarray
    counts: np.ndarray
    marked: np.ndarray
    walks: np.ndarray


def make_notes(players: int, team_size: int, units: int) -> Notes:
    return Notes(
        members=np.zeros(players, dtype=np.int64),
        counts=np.zeros(team_size + 1, dtype=np.int64),
        marked=np.zeros(units, dtype=np.int64),
        walks=np.zeros(1, dtype=np.int64),
    )


@njit(cache=True)
def gather(line: Seekers, ties: Ties, mix: np.ndarray, teams: int, team_size: int, start: int, notes: Notes) -> int:
    """Write the closest group whose lowest-rated unit stands at `start` to `notes.members`. Answers how many, or 0.

    A walk takes whoever fits, upward, until the teams are full. Should the group be wider than a member's reach, no
    group from here is narrower: walk again, passing over those with less reach.
    """
    span = 0.0
    for _ in range(MOST_WALKS):
        found = _walk(line, ties, mix, teams, team_size, start, span, notes)
        if found == 0:
            return 0
        span = line.ratings[notes.members[found - 1]] - line.ratings[start]
        least = line.reaches[start]
        for place in notes.members[:found]:
            least = min(least, line.reaches[place])
        if least >= span:
            return found
    return 0


@njit(cache=True)
def _walk(
    line: Seekers,
    ties: Ties,
    mix: np.ndarray,
    teams: int,
    team_size: int,
    start: int,
    least_reach: float,
    notes: Notes,
) -> int:
    """Take whoever fits, from `start` upward; 0 if the teams do not fill, or `start` does not fit itself."""
    allows, apart, least_waited, is_fresh = mix[0], mix[1], mix[2], mix[3]
    notes.walks[0] += 1
    notes.counts[:] = 0
    awaited = 0  # of the two parties that must come
    if apart:
        notes.counts[apart] = awaited = 2
        if not fits(notes.counts, teams, team_size, apart):
            return 0
    seats = teams * team_size - awaited * apart
    found, limit, worst = 0, np.inf, 0.0
    most = min(len(line.ratings), start + PLACES_LOOKED_AT + PLACES_LOOKED_AT_A_PLAYER * teams * team_size)
    for place in range(start, most):
        gap = line.ratings[place] - line.ratings[start]
        if gap > line.reaches[start]:
            return 0
        size, unit = line.sizes[place], line.units[place]
        comes = (
            line.reaches[place] >= max(gap, least_reach)
            and (allows >> size) & 1
            and line.waited_ms[place] >= least_waited
            and notes.marked[unit] != notes.walks[0]
            and max(worst, line.latencies[place]) <= min(limit, line.limits[place])
        )
        if comes:
            if size == apart and awaited:
                awaited -= 1
            elif size <= seats and _finds_seats(notes.counts, size, teams, team_size, apart):
                seats -= size
            else:
                comes = False
        if comes:
            notes.members[found] = place
            found += 1
            limit = min(limit, line.limits[place])
            worst = max(worst, line.latencies[place])
            _mark(ties, unit, is_fresh, notes)
            if seats == 0 and awaited == 0:
                return found
        elif place == start:
            return 0
    return 0


@njit(cache=True)
def _finds_seats(counts: np.ndarray, size: int, teams: int, team_size: int, apart: int) -> bool:
    """Count one more party of `size` in, if it finds seats beside those counted."""
    if size == 1:
        return True
    counts[size] += 1
    if fits(counts, teams, team_size, apart):
        return True
    counts[size] -= 1
    return False


@njit(cache=True)
def _mark(ties: Ties, unit: int, is_fresh: bool, notes: Notes) -> None:
    """Whoever must not meet this unit cannot come in this walk."""
    for tie in range(ties.starts[unit], ties.starts[unit + 1]):
        if is_fresh or ties.malus[tie] == NEVER_TOGETHER:
            notes.marked[ties.others[tie]] = notes.walks[0]


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
            difference, odds = _unevenness(line, members, mixes[mix][1] > 0, teams, team_size)
            if odds > _least_odds(line, members):
                continue
            above = members[-1] + 1
            value = (
                groups[above] + 1,
                nearness[above] - cost_of(line, ties, members, difference, notes),
                waited[above] + (line.waited_ms[members] * line.sizes[members]).sum(),
            )
            if value > best:
                best, choices[start] = value, mix
        groups[start], nearness[start], waited[start] = best
    return _read_choices(line, ties, mixes, teams, team_size, notes, choices, groups[0])


@njit(cache=True)
def cost_of(line: Seekers, ties: Ties, members: np.ndarray, difference: float, notes: Notes) -> int:
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
        cost += difference
    return int(min(np.rint(cost), WIDEST)) + _malus(line, ties, members, notes)


@njit(cache=True)
def _least_odds(line: Seekers, members: np.ndarray) -> float:
    """What the unit puts up with that puts up with least."""
    least = np.inf
    for place in members:
        least = min(least, line.odds[place])
    return least


@njit(cache=True)
def _unevenness(
    line: Seekers, members: np.ndarray, needs_equal: bool, teams: int, team_size: int
) -> tuple[float, float]:
    """(difference, odds): thousandths of a point between the strongest and the weakest team, and the logarithm of the
    odds of the one against the other; 0 where nobody asks for it.

    Nobody asks for the difference of solo players. Nor for their odds where no teams can be too uneven: taken in order
    of rating, one for each team and again one for each, no team is further from another than the first from the last.
    """
    is_bounded, is_solo = _least_odds(line, members) < np.inf, len(members) == teams * team_size
    if is_solo and (not is_bounded or _is_surely_even(line, members, team_size)):
        return 0.0, 0.0
    strengths, sizes = line.thousandths[members] * line.sizes[members], line.sizes[members]
    team = split_group(strengths, sizes, teams, team_size, needs_equal, len(members) <= MOST_UNITS_TO_SPLIT)
    sums, variances = np.zeros(teams), np.zeros(teams)
    for unit in range(len(members)):
        sums[team[unit]] += strengths[unit]
        variances[team[unit]] += line.variances[members[unit]]
    strongest, weakest = sums.argmax(), sums.argmin()
    difference = sums[strongest] - sums[weakest]
    odds = difference / 1000 / _scale(variances[strongest] + variances[weakest]) if is_bounded else 0.0
    return difference, odds


@njit(cache=True)
def _is_surely_even(line: Seekers, members: np.ndarray, team_size: int) -> bool:
    span = (line.thousandths[members[-1]] - line.thousandths[members[0]]) / 1000
    return bool(span <= _least_odds(line, members) * _scale(2 * team_size * line.variances[members].min()))


@njit(cache=True)
def _scale(variance: float) -> float:
    """Rating points of difference for each unit of the logarithm of the odds, as in `win_probability.py`."""
    return math.sqrt(3 * variance) / math.pi


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


@njit(cache=True)
def fits(counts: np.ndarray, teams: int, team_size: int, apart: int) -> bool:
    """Whether `counts[s]` parties of s players each, for every s above 1, find seats in `teams` of `team_size`.

    Of the parties of `apart` players, where that is not 0, two must be in different teams. The largest is seated
    first, each in the fullest team that has room. For teams of up to six that finds seats whenever there are some;
    for larger ones it may miss a cleverer seating.
    """
    rooms = np.zeros(team_size + 1, dtype=np.int64)  # by free seats, how many teams have so many
    rooms[team_size] = teams
    if apart:
        if teams < 2 or apart > team_size:
            return False
        rooms[team_size] -= 2
        rooms[team_size - apart] += 2
    for size in range(team_size, 1, -1):
        for _ in range(counts[size] - (2 if size == apart else 0)):
            room = size
            while room <= team_size and rooms[room] == 0:
                room += 1
            if room > team_size:
                return False
            rooms[room] -= 1
            rooms[room - size] += 1
    return True


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
