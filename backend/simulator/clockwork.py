"""A run: players join, the policy looks when it wants to, pairs leave to play, and who waited too long leaves alone."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from simulator.arrivals import Arrivals
from simulator.policies.port import Pairs, Policy

#: Row of nobody.
NOBODY = -1
#: Joins between two words of progress: seldom enough to cost nothing.
JOINS_A_STEP = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """Parallel to the rows of `arrivals`: `opponents` intp, the row each played or -1; `waited_ms` int64, until then or
    until the player left."""

    arrivals: Arrivals
    opponents: np.ndarray
    waited_ms: np.ndarray

    @property
    def is_matched(self) -> np.ndarray:
        matched: np.ndarray = self.opponents != NOBODY
        return matched

    @property
    def gaps(self) -> np.ndarray:
        """Rating points between a player and the opponent; NaN where there was none."""
        gaps: np.ndarray = np.abs(self.arrivals.ratings - self.arrivals.ratings[self.opponents])
        return np.where(self.is_matched, gaps, np.nan)


def simulate(
    arrivals: Arrivals, policy: Policy, seed: int = 0, on_progress: Callable[[int], None] = lambda joined: None
) -> Outcome:
    """Run the policy over these arrivals, until all have met somebody or left.

    At the same millisecond players join first, then the policy looks, then who is out of patience leaves.
    `on_progress` hears how many have joined.
    """
    return _Run(arrivals, policy, seed).run(on_progress)


class _Run:
    def __init__(self, arrivals: Arrivals, policy: Policy, seed: int) -> None:
        self._policy = policy
        self._arrivals = arrivals
        self._joins = arrivals.joined_ms.tolist()
        self._leave_times = arrivals.leaves_ms.tolist()
        self._leaves: list[tuple[int, int]] = []
        self._waiting: dict[int, None] = {}
        self._outcome = Outcome(
            arrivals, np.full(len(arrivals), NOBODY, dtype=np.intp), arrivals.leaves_ms - arrivals.joined_ms
        )
        policy.begin(arrivals, np.random.default_rng(seed))

    def run(self, on_progress: Callable[[int], None]) -> Outcome:
        joined, now_ms = 0, 0
        while joined < len(self._joins) or self._waiting:
            join_ms = self._joins[joined] if joined < len(self._joins) else math.inf
            leave_ms = self._next_leave_ms()
            tick_ms = self._policy.next_tick_ms(self._waiting, now_ms)
            now_ms = int(min(join_ms, leave_ms, math.inf if tick_ms is None else tick_ms))
            if now_ms == join_ms:
                self._waiting[joined] = None
                heappush(self._leaves, (self._leave_times[joined], joined))
                self._pair(self._policy.on_join(joined, self._waiting, now_ms), now_ms)
                joined += 1
                if joined % JOINS_A_STEP == 0:
                    on_progress(joined)
            elif now_ms == tick_ms:
                self._pair(self._policy.on_tick(self._waiting, now_ms), now_ms)
            else:
                del self._waiting[heappop(self._leaves)[1]]
        on_progress(joined)
        return self._outcome

    def _next_leave_ms(self) -> float:
        """Of those who wait; who has been paired meanwhile is passed over."""
        while self._leaves and self._leaves[0][1] not in self._waiting:
            heappop(self._leaves)
        return self._leaves[0][0] if self._leaves else math.inf

    def _pair(self, pairs: Pairs, now_ms: int) -> None:
        for one, other in pairs:
            del self._waiting[one], self._waiting[other]
            self._outcome.opponents[one], self._outcome.opponents[other] = other, one
            for row in (one, other):
                self._outcome.waited_ms[row] = now_ms - self._joins[row]
