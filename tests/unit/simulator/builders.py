"""Arrivals written down by hand."""

import numpy as np

from simulator.arrivals import Arrivals


def arrivals(*joins: tuple[int, float], patience_ms: int = 300_000, deviation: float = 60.0) -> Arrivals:
    """Players by (joined_ms, rating), settled ones."""
    joined_ms = np.array([at for at, _ in joins], dtype=np.int64)
    return Arrivals(
        joined_ms=joined_ms,
        leaves_ms=joined_ms + patience_ms,
        ratings=np.array([float(rating) for _, rating in joins]),
        deviations=np.full(len(joins), deviation),
        games=np.full(len(joins), 100),
        player_ids=[f"p{row}" for row in range(len(joins))],
    )
