"""Matchmakers that look when somebody joins, and take the first who will do: Showdown and the guide's original."""

from collections.abc import Callable, Collection

import numpy as np

from simulator.arrivals import Arrivals
from simulator.policies.port import Pairs

#: Milliseconds between Showdown's looks at whoever has waited longest, and between an original client's polls.
SHOWDOWN_EVERY_MS, POLL_MS = 60_000, 2_000


def showdown_reach(waited_ms: int) -> float:
    """100 points and a third of one more each 100 ms, up to 300; a tenth as fast from there, up to 600."""
    reach = 100 + waited_ms / 300
    return reach if reach <= 300 else min(300 + (reach - 300) / 10, 600)


def original_reach(waited_ms: int) -> float:
    """100 points and 10 more every 10 s, up to 600."""
    return min(100 + 10 * (waited_ms // 10_000), 600)


class Showdown:
    """Pokemon Showdown's ladder: a join takes the longest waiter within the wider range of the two."""

    name = "Showdown"

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        self._look = _Look(arrivals, showdown_reach)

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Pairs:
        return self._look.take(row, waiting, now_ms, by_longer_wait=True)

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        return (now_ms // SHOWDOWN_EVERY_MS + 1) * SHOWDOWN_EVERY_MS if len(waiting) > 1 else None

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Pairs:
        return self._look.take(next(iter(waiting)), waiting, now_ms, by_longer_wait=True)


class Original:
    """The deployment guide's own: who joins or polls takes the longest waiter within the own window."""

    def __init__(self, scale: float = 1.0) -> None:
        """`scale`: its window, times this. Smaller waits longer, for closer opponents."""
        self.name = "guide's original" + (f" x {scale:g}" if scale != 1 else "")
        self._scale = scale

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        self._look = _Look(arrivals, lambda waited_ms: self._scale * original_reach(waited_ms))
        self._joined_ms: list[int] = arrivals.joined_ms.tolist()

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Pairs:
        return self._look.take(row, waiting, now_ms, by_longer_wait=False)

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        """The next poll of anybody, each in the own rhythm."""
        if len(waiting) < 2:
            return None
        return min(now_ms + POLL_MS - (now_ms - self._joined_ms[row]) % POLL_MS for row in waiting)

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Pairs:
        for row in waiting:
            if (now_ms - self._joined_ms[row]) % POLL_MS == 0:
                pairs = self._look.take(row, waiting, now_ms, by_longer_wait=False)
                if pairs:
                    return pairs
        return ()


class _Look:
    def __init__(self, arrivals: Arrivals, reach: Callable[[int], float]) -> None:
        self._ratings = arrivals.ratings.tolist()
        self._joined_ms = arrivals.joined_ms.tolist()
        self._reach = reach

    def take(self, row: int, waiting: Collection[int], now_ms: int, *, by_longer_wait: bool) -> Pairs:
        """The first of `waiting` within reach; of the one that looks, or of whichever of the two waits longer."""
        rating, joined_ms = self._ratings[row], self._joined_ms[row]
        for other in waiting:
            since_ms = min(joined_ms, self._joined_ms[other]) if by_longer_wait else joined_ms
            if other != row and abs(rating - self._ratings[other]) <= self._reach(now_ms - since_ms):
                return [(row, other)]
        return ()
