"""Where a group may play: the latencies that its players told, the worst of each party, against the limit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matchmaking.engine.teams.units import Units
from matchmaking.engine.teams.walking import Seekers


@dataclass(frozen=True, slots=True)
class Latencies:
    """`ms` float64, a row a unit and a column a region: of its worst-off player; infinite in a region that one of
    them has not told of. Rows of units of which nobody told any are 0, and `is_told` is false."""

    regions: Sequence[str]
    ms: np.ndarray
    is_told: np.ndarray


def gather_latencies(units: Units) -> Latencies:
    """What the players of each unit told; no regions where nobody told any."""
    told = {
        unit: [traits.latencies_ms for traits in members if traits.latencies_ms]
        for unit, members in enumerate(units.traits)
        if any(traits.latencies_ms for traits in members)
    }
    regions = sorted({region for members in told.values() for latencies in members for region in latencies})
    ms = np.zeros((len(units), len(regions)))
    is_told = np.zeros(len(units), dtype=np.bool_)
    for unit, members in told.items():
        ms[unit] = [max([latencies.get(region, np.inf) for latencies in members]) for region in regions]
        is_told[unit] = True
    return Latencies(regions=regions, ms=ms, is_told=is_told)


def region_lines(latencies: Latencies, line: Seekers) -> list[tuple[np.ndarray, np.ndarray]]:
    """(places, their ms) of each line in which groups are looked for, in that order; places ascending.

    First everybody looks in the region that is best for it, then wherever it may play. The regions with the most
    units come first; who told no latencies looks in all of them. One line of all where there is no limit.
    """
    everybody = np.arange(len(line.units))
    if not latencies.regions or not np.isfinite(line.limits).any():
        return [(everybody, np.zeros(len(everybody)))]
    ms = latencies.ms[line.units]
    best = np.where(latencies.is_told[line.units], ms.argmin(axis=1), -1)
    crowds = np.bincount(best[best >= 0], minlength=len(latencies.regions))
    order = np.argsort(-crowds, kind="stable").tolist()
    may_play = ms <= line.limits[:, None]
    at_home = [np.flatnonzero(may_play[:, region] & ((best == region) | (best == -1))) for region in order]
    anywhere = [np.flatnonzero(may_play[:, region]) for region in order]
    return [
        (places, ms[places, region])
        for lines in (at_home, anywhere)
        for region, places in zip(order, lines, strict=True)
    ]


def region_for(latencies: Latencies, units: np.ndarray, limit_ms: float) -> str:
    """The region that is best for the worst-off of the units, within the limit; "" where nobody told any."""
    if not latencies.is_told[units].any():
        return ""
    worst = latencies.ms[units].max(axis=0)
    best = int(worst.argmin())
    return latencies.regions[best] if worst[best] <= limit_ms and np.isfinite(worst[best]) else ""
