"""The pool of lichess.org: a wave every so often, or when it is full; in a wave the least score of the most pairs."""

from collections.abc import Collection

import numpy as np

from simulator.arrivals import Arrivals
from simulator.policies.blossom import cheapest_pairs
from simulator.policies.port import Pairs

#: The 3+0 pool: milliseconds between waves, to which chance adds up to another second; players that fire one at once.
EVERY_MS, JITTER_MS, FULL = 12_000, 1_000, 40
#: Points forgiven a pair for each wave that both have missed, up to a limit.
MISSED, MISSED_MOST = 12, 400
#: Points forgiven players who finish their games; and two whose ratings are provisional, with at least that deviation.
WELL_BEHAVED, BOTH_PROVISIONAL, PROVISIONAL = 30, 30, 110


class Lichess:
    name = "Lichess"

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        self._ratings = np.rint(arrivals.ratings)
        self._is_provisional = arrivals.deviations >= PROVISIONAL
        self._missed = np.zeros(len(arrivals), dtype=np.int64)
        self._dice = dice
        self._wave_ms = self._after(0)

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Pairs:
        return self.on_tick(waiting, now_ms) if len(waiting) >= FULL else ()

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        return self._wave_ms

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Pairs:
        """A wave. Who is not paired in it has missed it."""
        self._wave_ms = self._after(now_ms)
        rows = np.fromiter(waiting, np.intp, len(waiting))
        pairs = [(int(rows[one]), int(rows[other])) for one, other in self._pair(rows)]
        self._missed[rows] += 1
        return pairs

    def _pair(self, rows: np.ndarray) -> list[tuple[int, int]]:
        if len(rows) < 2:
            return []
        ones, others = np.triu_indices(len(rows), 1)
        a, b = rows[ones], rows[others]
        scores = np.abs(self._ratings[a] - self._ratings[b]) - WELL_BEHAVED
        scores -= np.minimum(MISSED * np.minimum(self._missed[a], self._missed[b]), MISSED_MOST)
        scores -= np.where(self._is_provisional[a] & self._is_provisional[b], BOTH_PROVISIONAL, 0)
        may = scores <= _most_score(np.minimum(self._ratings[a], self._ratings[b]))
        return cheapest_pairs(len(rows), ones[may], others[may], scores[may])

    def _after(self, now_ms: int) -> int:
        return now_ms + EVERY_MS + int(self._dice.integers(JITTER_MS))


def _most_score(ratings: np.ndarray) -> np.ndarray:
    return np.where(ratings < 1000, 130, np.where(ratings < 1500, 100, ratings // 15))
