"""Arrivals written down by hand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from simulator.arrivals import Arrivals


def arrivals(
    *joins: tuple[int, float], patience_ms: int = 300_000, deviation: float = 60.0, parties: Sequence[str] = ()
) -> Arrivals:
    """Players by (joined_ms, rating), settled ones; `parties` parallel to them."""
    joined_ms = np.array([at for at, _ in joins], dtype=np.int64)
    return Arrivals(
        joined_ms=joined_ms,
        leaves_ms=joined_ms + patience_ms,
        ratings=np.array([float(rating) for _, rating in joins]),
        deviations=np.full(len(joins), deviation),
        games=np.full(len(joins), 100),
        player_ids=[f"p{row}" for row in range(len(joins))],
        parties=parties,
    )


def told(come: Arrivals, regions: Sequence[str], *latencies_ms: tuple[int, ...]) -> Arrivals:
    """The same players, each with these milliseconds to the regions, at home in the nearest."""
    told_ms = np.array(latencies_ms, dtype=np.float64)
    return replace(come, regions=tuple(regions), homes=told_ms.argmin(axis=1), latencies_ms=told_ms)
