"""Who plays together, and in which team: the pure decision of one round for teams and free-for-all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matchmaking.engine.demands import BalanceRule, LatencyLimit, MatchFormat, PartyRule, RematchRule
from matchmaking.engine.search_window import SearchWindow
from matchmaking.engine.teams.regions import gather_latencies, region_for
from matchmaking.engine.teams.seeking import find_unit_groups, line_up_units
from matchmaking.engine.teams.splitting import Split, split_evenly
from matchmaking.engine.teams.ties import find_ties
from matchmaking.engine.teams.units import Units, gather_units
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.engine.win_probability import chances, team_variance

_NO_LIMIT = LatencyLimit()
_NO_REMATCH_RULE = RematchRule()
_NO_PARTIES = PartyRule()
_NO_BALANCE = BalanceRule()


@dataclass(frozen=True, slots=True)
class GroupedMatch:
    """Who plays in which team, as rows of `WaitingTickets`.

    `region` is "" where no player told latencies, or they told of no region in common; `win_probabilities` are
    parallel to `teams`.
    """

    teams: tuple[tuple[int, ...], ...]
    region: str
    win_probabilities: tuple[float, ...]

    @property
    def rows(self) -> list[int]:
        return [row for team in self.teams for row in team]


@dataclass(frozen=True, slots=True)
class Grouping:
    """The matches of a round, in no order that matters; `unmatched` intp, the rows in none of them, ascending."""

    matches: list[GroupedMatch]
    unmatched: np.ndarray


def find_groups(
    tickets: WaitingTickets,
    *,
    format: MatchFormat,
    window: SearchWindow,
    latency: LatencyLimit = _NO_LIMIT,
    rematch: RematchRule = _NO_REMATCH_RULE,
    party: PartyRule = _NO_PARTIES,
    balance: BalanceRule = _NO_BALANCE,
    now_ms: int,
    among: Sequence[int] | None = None,
) -> Grouping:
    """Group tickets that accept one another: as many full matches as can be found, the closest of as many.

    1. Rows of one party become a unit, which is never parted and counts with its mean rating.
    2. Units line up by rating; in each region those who may play there.
    3. Along each line the best set of groups is chosen, and again among those left over, until nothing more comes.
       All units of a group lie within the reach of each of them; none has blocked another; the latency of the
       worst-off is within the limit of who waited shortest, and so is the favourite.
    4. Where the format allows fewer teams after a wait, those left over who have waited are grouped into those.
    5. Each group is split into teams of the smallest difference, and gets the region best for its worst-off player.

    `among` are the rows to look at; all without it. Ratings have to be finite. The order in which tickets come
    changes nothing.
    """
    rows = range(len(tickets.player_ids)) if among is None else among
    units = gather_units(tickets, rows, largest=format.team_size)
    line = line_up_units(units, window, latency, balance, now_ms)
    latencies = gather_latencies(units)
    groups = find_unit_groups(line, latencies, find_ties(units, rematch), format=format, party=party)
    place_of = np.argsort(line.units)
    long_ms = party.premade_against_solo_after_seconds * 1000
    splits, regions = [], []
    for group in groups:
        places = place_of[group.units]
        needs_equal = bool(line.waited_ms[places].min() < long_ms)
        size = format.team_size
        splits.append(split_evenly(units, group.units, teams=group.teams, team_size=size, needs_equal=needs_equal))
        regions.append(region_for(latencies, group.units, float(line.limits[places].min())))
    matches = [
        GroupedMatch(tuple(tuple(row for unit in team for row in units.rows[unit]) for team in split), region, chance)
        for split, region, chance in zip(splits, regions, _chances(units, splits), strict=True)
    ]
    matched = [row for match in matches for row in match.rows]
    return Grouping(matches=matches, unmatched=np.setdiff1d(np.array(rows, dtype=np.intp), matched))


def _chances(units: Units, splits: Sequence[Split]) -> list[tuple[float, ...]]:
    """The predicted win probability of each team of each match, computed at once for matches of as many teams."""
    found: list[tuple[float, ...]] = [()] * len(splits)
    for teams in {len(split) for split in splits}:
        places = [place for place, split in enumerate(splits) if len(split) == teams]
        sums = [[sum(units.strength(unit) for unit in team) for team in splits[place]] for place in places]
        variances = [[_variance(units, team) for team in splits[place]] for place in places]
        for place, chance in zip(places, chances(np.array(sums), np.array(variances)).tolist(), strict=True):
            found[place] = tuple(chance)
    return found


def _variance(units: Units, team: tuple[int, ...]) -> float:
    if not units.traits:
        return team_variance([0.0] * sum(len(units.rows[unit]) for unit in team))
    return team_variance([traits.deviation for unit in team for traits in units.traits[unit]])
