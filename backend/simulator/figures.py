"""What a run was like for those in it, as a few numbers."""

from dataclasses import dataclass

import numpy as np

from simulator.clockwork import Outcome

#: Favourites above this are no fair match: the bound of Beyond All Reason's matchmaker.
LOPSIDED = 0.70


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the players asked about: seconds, rating points, shares from 0 to 1; NaN where nobody is.

    The mean wait, and gaps, chances of the favourite, spreads and `premade` are of those matched, as the limit's are.
    A gap is one of the means of the teams, `spread_mean` the mean standard deviation of ratings in a match, `premade`
    the share in matches where one side has a larger party than every other. Percentiles of waits are
    of all: who left counts with the whole of the patience, or the worst waits would not show.
    """

    players: int
    wait_mean: float
    wait_p50: float
    wait_p95: float
    wait_p99: float
    gap_mean: float
    gap_p95: float
    gap_p99: float
    favourite_mean: float
    favourite_lopsided: float
    spread_mean: float
    premade: float
    unmatched_60s: float
    unmatched_300s: float
    unmatched: float


@dataclass(frozen=True, slots=True)
class RegionFigures:
    """Of the players who live in a region: waits in seconds of all, and the 95th percentile of the milliseconds by
    which whoever is worst off in each one's match is away from where it is played."""

    players: int
    wait_p50: float
    wait_p95: float
    worst_latency_p95: float
    unmatched: float


def figures_of(outcome: Outcome, chosen: np.ndarray | None = None) -> Figures:
    """Of all players, or of those chosen by a mask."""
    among = np.ones(len(outcome.game_of), dtype=bool) if chosen is None else chosen
    waits = outcome.waited_ms[among] / 1000
    is_matched = outcome.is_matched[among]
    gaps = outcome.gaps[among][is_matched]
    favourites = outcome.favourites[among][is_matched]
    return Figures(
        players=len(waits),
        wait_mean=_mean(waits[is_matched]),
        wait_p50=_percentile(waits, 50),
        wait_p95=_percentile(waits, 95),
        wait_p99=_percentile(waits, 99),
        gap_mean=_mean(gaps),
        gap_p95=_percentile(gaps, 95),
        gap_p99=_percentile(gaps, 99),
        favourite_mean=_mean(favourites),
        favourite_lopsided=_mean(favourites > LOPSIDED),
        spread_mean=_mean(outcome.spreads[among][is_matched]),
        premade=_mean(outcome.is_premade[among][is_matched]),
        unmatched_60s=_mean(~is_matched | (waits > 60)),
        unmatched_300s=_mean(~is_matched | (waits > 300)),
        unmatched=_mean(~is_matched),
    )


def regions_of(outcome: Outcome) -> dict[str, RegionFigures]:
    """By name, as the arrivals have them; empty where nobody tells of any."""
    return {
        name: _region_figures(outcome, outcome.arrivals.homes == place)
        for place, name in enumerate(outcome.arrivals.regions)
    }


def _region_figures(outcome: Outcome, is_home: np.ndarray) -> RegionFigures:
    waits = outcome.waited_ms[is_home] / 1000
    is_matched = outcome.is_matched[is_home]
    return RegionFigures(
        players=len(waits),
        wait_p50=_percentile(waits, 50),
        wait_p95=_percentile(waits, 95),
        worst_latency_p95=_percentile(outcome.worst_latencies_ms[is_home][is_matched], 95),
        unmatched=_mean(~is_matched),
    )


def bands_of(outcome: Outcome) -> dict[str, np.ndarray]:
    """Masks of players by name: by rank among all who came, and by how uncertain their rating is."""
    ratings = outcome.arrivals.ratings
    low, high, top = np.percentile(ratings, (10, 90, 99))
    return {
        "all": np.ones(len(ratings), dtype=bool),
        "bottom 10 %": ratings < low,
        "middle": (ratings >= low) & (ratings < high),
        "top 10 %": ratings >= high,
        "top 1 %": ratings >= top,
        "newcomers": outcome.arrivals.deviations > 150,
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _percentile(values: np.ndarray, percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else float("nan")
