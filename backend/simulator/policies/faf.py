"""Forged Alliance Forever's 1v1 queue: a pop timer that aims at five players, and stable marriage by quality."""

import math
from collections import deque
from collections.abc import Collection

import numpy as np

from simulator.arrivals import Arrivals
from simulator.policies.port import Pairs

#: Milliseconds: the first pop, and the shortest and longest time between pops.
FIRST_MS, SHORTEST_MS, LONGEST_MS = 45_000, 15_000, 90_000
#: Players of a pop that the timer aims at; pops that it learns from.
AIM, REMEMBERED = 5.0, 5
#: Rating points by which one performance differs from another (TrueSkill's beta).
BETA = 240.0
#: Games up to which a rating is blended with NEW_RATING.
NEW_GAMES, NEW_RATING = 10, 500.0
#: Displayed rating (mean less three deviations) of top players.
TOP = 2000.0
#: Up to so many, everyone is compared with everyone.
SMALL = 30
#: A deviation from which players sort as if rated 0.
UNKNOWN = 250.0


class PopTimer:
    """When the queue pops next: when it will hold `aim` players, by how it filled before the last pops."""

    def __init__(self, aim: float) -> None:
        self._aim = aim
        self._pops: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)
        self._popped_ms, self.pop_ms = 0, FIRST_MS

    def popped(self, players: int, now_ms: int) -> None:
        self._pops.append((players, now_ms - self._popped_ms))
        self._popped_ms, self.pop_ms = now_ms, now_ms + self._next_wait_ms()

    def _next_wait_ms(self) -> int:
        players, spent_ms = sum(size for size, _ in self._pops), sum(spent for _, spent in self._pops)
        if not players:
            return LONGEST_MS
        return round(min(max(self._aim * spent_ms / players, SHORTEST_MS), LONGEST_MS))


class Faf:
    name = "FAF"

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        games = np.minimum(arrivals.games, NEW_GAMES)
        self._means = (games * arrivals.ratings + (NEW_GAMES - games) * NEW_RATING) / NEW_GAMES
        self._deviations = arrivals.deviations
        self._attempts = np.zeros(len(arrivals), dtype=np.int64)
        is_top = arrivals.ratings - 3 * arrivals.deviations >= TOP
        is_new = arrivals.games <= NEW_GAMES
        self._growth = np.select([is_top, is_new], [0.15, 0.10], 0.05)
        self._growth_most = np.select([is_top, is_new], [0.30, 0.60], 0.25)
        self._own_quality = _quality(np.zeros(len(arrivals)), self._deviations, self._deviations)
        self._timer = PopTimer(AIM)

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Pairs:
        return ()

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        return self._timer.pop_ms

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Pairs:
        """A pop. Who is not matched in it has one more failed attempt."""
        self._timer.popped(len(waiting), now_ms)
        rows = np.fromiter(waiting, np.intp, len(waiting))
        pairs = self._marry(rows) if len(rows) > 1 else []
        self._attempts[rows] += 1
        return pairs

    def _marry(self, rows: np.ndarray) -> list[tuple[int, int]]:
        """Qualities are the same seen from both, so deferred acceptance ends as the best first, greedily."""
        a, b = self._candidates(rows)
        qualities = _quality(self._means[a] - self._means[b], self._deviations[a], self._deviations[b])
        may = qualities >= np.maximum(self._least(a), self._least(b))
        order = np.argsort(-qualities[may], kind="stable")
        pairs, married = [], set()
        for one, other in zip(a[may][order].tolist(), b[may][order].tolist(), strict=True):
            if one not in married and other not in married:
                married |= {one, other}
                pairs.append((one, other))
        return pairs

    def _least(self, rows: np.ndarray) -> np.ndarray:
        """The least quality that each accepts."""
        growth = np.minimum(self._attempts[rows] * self._growth[rows], self._growth_most[rows])
        least: np.ndarray = np.maximum(0.8 * self._own_quality[rows] - growth, 0)
        return least

    def _candidates(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if len(rows) < SMALL:
            ones, others = np.triu_indices(len(rows), 1)
            return rows[ones], rows[others]
        keys = np.where(self._deviations[rows] >= UNKNOWN, 0.0, self._means[rows])
        line = rows[np.argsort(keys, kind="stable")]
        steps = range(1, int(math.log2(max(16, len(rows)))) // 2 + 1)
        return (
            np.concatenate([line[:-step] for step in steps]),
            np.concatenate([line[step:] for step in steps]),
        )


def _quality(gaps: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """TrueSkill's chance of a draw, relative to that of two alike and certain."""
    spread = 2 * BETA**2 + one**2 + other**2
    quality: np.ndarray = np.sqrt(2 * BETA**2 / spread) * np.exp(-(gaps**2) / (2 * spread))
    return quality
