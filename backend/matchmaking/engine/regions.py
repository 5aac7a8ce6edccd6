"""Where a match is played: the region best for its worst-off player, within the limit of every player."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matchmaking.engine.demands import LatencyLimit
from matchmaking.engine.line import Line
from matchmaking.engine.traits import Traits


@dataclass(frozen=True, slots=True)
class Regions:
    """Milliseconds by place on the line (rows) and region (columns, by name).

    `told_ms` float64: infinite where a player has told of other regions only; 0 all along where of none.
    `has_told` bool, by place; `is_near` bool: within the player's limit, empty where there is none.
    """

    names: tuple[str, ...]
    told_ms: np.ndarray
    has_told: np.ndarray
    is_near: np.ndarray


def find_regions(known: Sequence[tuple[int, Traits]], line: Line, latency: LatencyLimit) -> Regions | None:
    """What the tickets have told of regions, or None where they have not."""
    told = [(place, traits.latencies_ms) for place, traits in known if traits.latencies_ms]
    if not told:
        return None
    names = tuple(sorted({name for _, latencies in told for name in latencies}))
    columns = {name: column for column, name in enumerate(names)}
    told_ms = np.zeros((len(line.tickets), len(names)))
    has_told = np.zeros(len(line.tickets), dtype=np.bool_)
    for place, latencies in told:
        has_told[place], told_ms[place] = True, np.inf
        for name, ms in latencies.items():
            told_ms[place, columns[name]] = ms
    is_near = np.empty((0, 0), dtype=np.bool_)
    if latency.max_ms:
        is_near = told_ms <= np.array([latency.limit(ms / 1000) for ms in line.waited_ms.tolist()])[:, np.newaxis]
    return Regions(names, told_ms, has_told, is_near)


def choose_regions(regions: Regions, places: np.ndarray) -> list[str]:
    """The region of each match, or "" where nobody has told, or no two of the same; `places` int, one row a match.

    The least latency of the worst-off player; of equals the least sum, then the first by name.
    """
    told = regions.told_ms[places]
    worst, total = told.max(axis=1), told.sum(axis=1)
    if len(regions.is_near):
        worst[~regions.is_near[places].all(axis=1)] = np.inf
    least = worst.min(axis=1, keepdims=True)
    best = np.where(worst == least, total, np.inf).argmin(axis=1).tolist()
    is_told = (np.isfinite(least[:, 0]) & regions.has_told[places].any(axis=1)).tolist()
    return [regions.names[column] if known else "" for column, known in zip(best, is_told, strict=True)]
