"""How far from its own rating a ticket looks: wider the longer it waits, up to a ceiling."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from matchmaking.engine.patience import Patience


class WhoseWait(StrEnum):
    """Whose wait widens the window of two tickets that look at each other."""

    #: The shorter wait counts for both: who has waited long does not drag a newcomer into a far match.
    SHORTER = "shorter"
    #: The longer wait counts for both: who has waited long meets anyone sooner.
    LONGER = "longer"
    #: Each has the window of its own wait, and both have to accept. As "shorter", where windows never narrow.
    OWN = "own"


@dataclass(frozen=True, slots=True)
class SearchWindow:
    """Rating points and seconds: `base`, and `step` more every `every_seconds`, up to `max_extra` more.

    Where there are `steps`, pairs of (after_seconds, points) in order of time, they are how it widens instead:
    `base` and from `after_seconds` on `points` more, as the last step so far says.
    """

    base: float = 100.0
    step: float = 10.0
    every_seconds: float = 10.0
    max_extra: float = 500.0
    steps: tuple[tuple[float, float], ...] = ()
    whose_wait: WhoseWait = WhoseWait.SHORTER
    #: Whether a match within the window is taken at once or better left for someone closer; None takes it.
    patience: Patience | None = None

    @property
    def ceiling(self) -> float:
        """Rating points that no reach goes beyond."""
        return self.base + (max(points for _, points in self.steps) if self.steps else self.max_extra)

    def reach(self, waited_seconds: float) -> float:
        """Rating points that a ticket accepts between itself and an opponent, either way."""
        if self.steps:
            return self.base + next((points for after, points in reversed(self.steps) if waited_seconds >= after), 0.0)
        steps = math.floor(max(0.0, waited_seconds) / self.every_seconds)
        return self.base + min(self.step * steps, self.max_extra)

    def reaches(self, waited_seconds: np.ndarray) -> np.ndarray:
        """`reach` of many waits: float64 in, float64 of the same shape out."""
        if self.steps:
            after, points = np.array(self.steps, dtype=np.float64).T
            passed = np.searchsorted(after, waited_seconds, side="right")
            stepped: np.ndarray = self.base + np.concatenate(([0.0], points))[passed]
            return stepped
        steps = np.floor(np.maximum(waited_seconds, 0.0) / self.every_seconds)
        reaches: np.ndarray = self.base + np.minimum(self.step * steps, self.max_extra)
        return reaches
