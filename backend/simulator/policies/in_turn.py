"""Matchmakers that go through those who wait, one after the other: like PlayFab, Nakama and Open Match's sample."""

from collections.abc import Collection

import numpy as np

from simulator.arrivals import Arrivals
from simulator.policies.port import Pairs


class _InTurn:
    """Looks every so many milliseconds; each in turn takes a partner among those still free."""

    name: str
    every_ms: int

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        self._arrivals = arrivals
        self._dice = dice

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Pairs:
        return ()

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        return (now_ms // self.every_ms + 1) * self.every_ms if len(waiting) > 1 else None

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Pairs:
        rows = self.order(np.fromiter(waiting, np.intp, len(waiting)))
        ratings = self._arrivals.ratings[rows]
        is_free = np.ones(len(rows), dtype=bool)
        pairs = []
        for place in range(len(rows)):
            if is_free[place]:
                is_free[place] = False
                gaps = np.where(is_free, np.abs(ratings - ratings[place]), np.inf)
                partner = self.choose(gaps, now_ms - int(self._arrivals.joined_ms[rows[place]]))
                if partner is not None:
                    is_free[partner] = False
                    pairs.append((int(rows[place]), int(rows[partner])))
        return pairs

    def order(self, rows: np.ndarray) -> np.ndarray:
        return rows

    def choose(self, gaps: np.ndarray, waited_ms: int) -> int | None:
        raise NotImplementedError


class PlayFabLike(_InTurn):
    """The oldest is the seed and takes the nearest within its window: 100 points, 50 more every 5 s up to 250, and
    anyone after 30 s."""

    name = "PlayFab-like"
    every_ms = 1_000

    def choose(self, gaps: np.ndarray, waited_ms: int) -> int | None:
        reach = np.inf if waited_ms >= 30_000 else min(100 + 50 * (waited_ms // 5_000), 250)
        nearest = int(gaps.argmin())
        return nearest if np.isfinite(gaps[nearest]) and gaps[nearest] <= reach else None


class NakamaLike(_InTurn):
    """Every 15 s, in any order, the oldest within a range that never widens: 100 points."""

    name = "Nakama-like"
    every_ms = 15_000

    def order(self, rows: np.ndarray) -> np.ndarray:
        return self._dice.permutation(rows)

    def choose(self, gaps: np.ndarray, waited_ms: int) -> int | None:
        within = np.flatnonzero(gaps <= 100)
        return int(within[0]) if len(within) else None


class OpenMatchLike(_InTurn):
    """Open Match's sample for two: every quarter of a second, whoever comes next."""

    name = "Open Match-like"
    every_ms = 250

    def order(self, rows: np.ndarray) -> np.ndarray:
        return self._dice.permutation(rows)

    def choose(self, gaps: np.ndarray, waited_ms: int) -> int | None:
        free = np.flatnonzero(np.isfinite(gaps))
        return int(free[0]) if len(free) else None
