"""A queue in figures."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from matchmaking.expectations.calibration import Calibration
from matchmaking.expectations.history import QueueHistory
from matchmaking.stores.port import QueueCounts, TicketStore

#: Rating points. Bands of the distribution; the first and the last are open.
BAND_EDGES = (800, 1000, 1200, 1400, 1600, 1800, 2000, 2200)


def bands() -> list[tuple[float, float]]:
    """[least, below) of each band."""
    edges = [float("-inf"), *map(float, BAND_EDGES), float("inf")]
    return list(pairwise(edges))


def band_names() -> list[str]:
    """`<800`, `800-999`, …, `2200+`."""
    inner = [f"{least}-{below - 1}" for least, below in pairwise(BAND_EDGES)]
    return [f"<{BAND_EDGES[0]}", *inner, f"{BAND_EDGES[-1]}+"]


def percentile(sorted_values: Sequence[int], share: float) -> int | None:
    """Nearest-rank percentile; None of nothing."""
    if not sorted_values:
        return None
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]


def queue_figures(*, store: TicketStore, queue: str, history: QueueHistory | None) -> dict[str, Any]:
    """Sizes, counters, distribution and recent waits (seconds) of one queue; and what history says of it, where that
    is known: it is some minutes old at most."""
    counts: QueueCounts = store.counts(queue, bands())
    waits = sorted(counts.recent_waits_ms)
    p50, p95 = percentile(waits, 0.50), percentile(waits, 0.95)
    return {
        "current_size": counts.current_size,
        "average_elo": round(counts.rating_sum / counts.current_size) if counts.current_size else None,
        "elo_distribution": dict(zip(band_names(), counts.per_band, strict=True)),
        "total_joins": counts.total_joins,
        "total_leaves": counts.total_leaves,
        "total_matches": counts.total_matches,
        "total_expired": counts.total_expired,
        "wait_seconds": {
            "p50": None if p50 is None else p50 / 1000,
            "p95": None if p95 is None else p95 / 1000,
            "of_recent_players": len(waits),
        },
        "eta_calibration": asdict(history.calibration if history else Calibration()),
        "service_levels": {name: asdict(level) for name, level in history.levels.items()} if history else None,
    }
