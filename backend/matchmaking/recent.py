"""The last matches of a queue: who waited for how long, for what. As columns, and as the line that a store may keep.

A line is `at, ms|region|gap|rating:waited, ms,rating:waited, ms`, one a match.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from matchmaking.match import Match, MatchedPlayer

#: rating, waited, ms, gap, at, ms, region: in the order of the columns.
RecentRow = tuple[float, int, float, int, str]


@dataclass(frozen=True, slots=True)
class RecentMatches:
    """Parallel columns, one row a matched player, newest match first.

    `ratings` float64, those of the tickets; `waits_ms` int64; `gaps` float64, rating points between the best and the
    worst team of the player's match; `at_ms` int64, when it was made; `regions` the region of the match, or "".
    """

    ratings: np.ndarray
    waits_ms: np.ndarray
    gaps: np.ndarray
    at_ms: np.ndarray
    regions: Sequence[str]


def gap_of(teams: Iterable[Sequence[float]]) -> float:
    """Rating points between the means of the best and the worst team, of the ratings of their players."""
    means = [team[0] if len(team) == 1 else fmean(team) for team in teams]
    return max(means) - min(means)


def recent_line(teams: Sequence[Sequence[MatchedPlayer]], region: str, at_ms: int) -> str:
    players = ",".join([f"{player.rating:.6g}:{player.waited_ms}" for team in teams for player in team])
    gap = gap_of([[player.rating for player in team] for team in teams])
    return f"{at_ms}|{region}|{gap:.6g}|{players}"


def recent_lines(matches: Iterable[Match]) -> list[str]:
    return [recent_line(match.teams, match.region, match.created_ms) for match in matches]


def recent_of(lines: Iterable[str]) -> RecentMatches:
    """The columns of these lines."""
    rows: list[RecentRow] = []
    for line in lines:
        at_ms, region, gap, players = line.split("|")
        for player in players.split(","):
            rating, _, waited_ms = player.partition(":")
            rows.append((float(rating), int(waited_ms), float(gap), int(at_ms), region))
    return recent_columns(rows)


def recent_columns(rows: Sequence[RecentRow]) -> RecentMatches:
    ratings, waits_ms, gaps, at_ms, regions = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return RecentMatches(
        ratings=np.array(ratings, dtype=np.float64),
        waits_ms=np.array(waits_ms, dtype=np.int64),
        gaps=np.array(gaps, dtype=np.float64),
        at_ms=np.array(at_ms, dtype=np.int64),
        regions=regions,
    )
