"""What the hours of the day are like in a queue: waits by hour and rating, from history, small enough to keep."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

#: Shares of the players at which the ratings are parted into bands.
BAND_SHARES = (0.1, 0.35, 0.65, 0.9, 0.99)
#: Waits kept of a cell, evenly spread over all of it.
KEPT = 30
#: Waits that a cell needs at least.
LEAST = 20
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Cell:
    """Waits of one hour and one band, sorted: some of `count`, evenly spread."""

    count: int
    waits_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HourlyWaits:
    """`cells` by hour of the day (UTC) and by band; `edges` are the ratings at which bands end."""

    edges: tuple[float, ...]
    cells: Mapping[tuple[int, int], Cell]

    def cell(self, rating: float, now_ms: int) -> Cell | None:
        """Of this rating at this hour; None where history does not say enough."""
        return self.cells.get((hour_of(now_ms), bisect_right(self.edges, rating)))

    def to_tree(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "edges": self.edges,
            "cells": [[hour, band, asdict(cell)] for (hour, band), cell in self.cells.items()],
        }

    @classmethod
    def of_tree(cls, tree: dict[str, Any]) -> "HourlyWaits":
        """Back from JSON."""
        return cls(
            edges=tuple(tree["edges"]),
            cells={(hour, band): Cell(cell["count"], tuple(cell["waits_ms"])) for hour, band, cell in tree["cells"]},
        )


def hour_of(at_ms: int) -> int:
    """Hour of the day, UTC."""
    return at_ms // _HOUR_MS % 24


def hourly_waits(ratings: np.ndarray, waits_ms: np.ndarray, at_ms: np.ndarray) -> HourlyWaits | None:
    """From matched players' columns; an hour is that of the match. None of nobody."""
    if not len(ratings):
        return None
    edges = np.quantile(ratings, BAND_SHARES)
    hours, bands = at_ms // _HOUR_MS % 24, np.searchsorted(edges, ratings, side="right")
    cells = {}
    for hour in np.unique(hours).tolist():
        for band in range(len(edges) + 1):
            waits = np.sort(waits_ms[(hours == hour) & (bands == band)])
            if len(waits) >= LEAST:
                cells[hour, band] = Cell(len(waits), _spread(waits))
    return HourlyWaits(tuple(edges.tolist()), cells)


def _spread(waits: np.ndarray) -> tuple[int, ...]:
    if len(waits) <= KEPT:
        return tuple(waits.tolist())
    places = ((np.arange(KEPT) + 0.5) / KEPT * len(waits)).astype(np.int64)
    return tuple(waits[places].tolist())
