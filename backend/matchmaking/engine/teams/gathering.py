"""The closest group of one match from a unit upward; compiled by numba."""

from typing import NamedTuple

import numpy as np
from numba import njit

from matchmaking.engine.teams.packing import fits
from matchmaking.engine.teams.ties import NEVER_TOGETHER, Ties

#: Walks up the line for one group, each passing over more of those whose window is too narrow for it. Too few gives
#: up on groups of long waiters between many newcomers.
MOST_WALKS = 8
#: Places looked at for a match of k players: so many, and as many times k. Too few gives up where most do not fit.
PLACES_LOOKED_AT = 64
PLACES_LOOKED_AT_A_PLAYER = 8


class Seekers(NamedTuple):
    """Units side by side in order of rating: parallel columns.

    `units` int64, which they are; `ratings` and `reaches` float64, rating points; `thousandths` float64; `sizes` and
    `waited_ms` int64; `latencies` and `limits` float64, milliseconds: to the region of this line, and how many a unit
    puts up with.
    """

    units: np.ndarray
    ratings: np.ndarray
    thousandths: np.ndarray
    reaches: np.ndarray
    sizes: np.ndarray
    waited_ms: np.ndarray
    latencies: np.ndarray
    limits: np.ndarray


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
