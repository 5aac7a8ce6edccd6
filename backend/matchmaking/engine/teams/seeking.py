"""From units to groups: line after line, until nothing more comes."""

from typing import NamedTuple

import numpy as np

from matchmaking.engine.demands import BalanceRule, LatencyLimit, MatchFormat, PartyRule
from matchmaking.engine.line import line_up
from matchmaking.engine.search_window import SearchWindow
from matchmaking.engine.teams.mixes import mixes_for
from matchmaking.engine.teams.regions import Latencies, region_lines
from matchmaking.engine.teams.ties import Ties
from matchmaking.engine.teams.units import Units
from matchmaking.engine.teams.walking import Seekers, choose_groups, make_notes
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.engine.win_probability import team_variance


class Group(NamedTuple):
    """`units` int64, in order of rating; how many `teams` they make."""

    units: np.ndarray
    teams: int


def line_up_units(
    units: Units, window: SearchWindow, latency: LatencyLimit, balance: BalanceRule, now_ms: int
) -> Seekers:
    """All units by (rating in thousandths, joined, first player), of no region yet."""
    named = WaitingTickets([players[0] for players in units.player_ids], units.ratings, units.joined_ms)
    line = line_up(named, window, now_ms)
    if latency.max_ms:
        limits = np.array([latency.limit(ms / 1000) for ms in line.waited_ms.tolist()])
    else:
        limits = np.full(len(line.tickets), np.inf)
    odds, variances = np.full(len(line.tickets), np.inf), np.zeros(len(line.tickets))
    if balance.is_bounded:
        odds = balance.log_odds(line.waited_ms / 1000)
        variances = _variances(units)[line.tickets]
    return Seekers(
        units=line.tickets.astype(np.int64),
        ratings=line.ratings,
        thousandths=line.thousandths,
        reaches=line.reaches,
        sizes=units.sizes[line.tickets],
        waited_ms=line.waited_ms,
        latencies=np.zeros(len(line.tickets)),
        limits=limits,
        odds=odds,
        variances=variances,
    )


def _variances(units: Units) -> np.ndarray:
    """Square rating points, of the performance of each unit's players."""
    variances: np.ndarray = units.sizes * team_variance([0.0])
    if units.traits:
        variances += np.array([sum([one.deviation * one.deviation for one in unit]) for unit in units.traits])
    return variances


def find_unit_groups(
    line: Seekers, latencies: Latencies, ties: Ties, *, format: MatchFormat, party: PartyRule
) -> list[Group]:
    """Full matches first; then, where the format allows it, those of fewer teams, of units that have waited for it."""
    is_free = np.ones(len(line.units), dtype=np.bool_)
    by_region = region_lines(latencies, line)
    fewest = np.full(len(line.units), format.teams)
    if format.min_teams:
        fewest = np.array([format.fewest_teams(ms / 1000) for ms in line.waited_ms.tolist()], dtype=np.int64)
    mixes = mixes_for(line.sizes, team_size=format.team_size, party=party, has_rematches=ties.has_rematches)
    found: list[Group] = []
    for teams in range(format.teams, fewest.min(initial=format.teams) - 1, -1):
        for places, latencies_ms in by_region:
            while True:
                is_open = is_free[places] & (fewest[places] <= teams)
                part = _part_of(line, places[is_open], latencies_ms[is_open])
                groups = _choose(part, ties, mixes, teams, format.team_size)
                if not groups:
                    break
                for members in groups:
                    is_free[places[is_open][members]] = False
                    found.append(Group(part.units[members], teams))
    return found


def _part_of(line: Seekers, places: np.ndarray, latencies_ms: np.ndarray) -> Seekers:
    return Seekers(*(column[places] for column in line))._replace(latencies=latencies_ms)


def _choose(line: Seekers, ties: Ties, mixes: np.ndarray, teams: int, team_size: int) -> list[np.ndarray]:
    """The places of each group that one walk along the line finds."""
    players = teams * team_size
    if line.sizes.sum() < players:
        return []
    notes = make_notes(players, team_size, len(ties.starts) - 1)
    members, counts = choose_groups(line, ties, mixes, teams, team_size, notes)
    return [row[:count] for row, count in zip(members, counts.tolist(), strict=True)]
