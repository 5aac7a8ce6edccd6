"""How far from its own rating a ticket looks: wider the longer it waits, up to a ceiling."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class SearchWindow:
    """Rating points and seconds: `base`, and `step` more every `every_seconds`, up to `max_extra` more."""

    base: float = 100.0
    step: float = 10.0
    every_seconds: float = 10.0
    max_extra: float = 500.0

    def reach(self, waited_seconds: float) -> float:
        """Rating points that a ticket accepts between itself and an opponent, either way."""
        steps = math.floor(max(0.0, waited_seconds) / self.every_seconds)
        return self.base + min(self.step * steps, self.max_extra)

    def reaches(self, waited_seconds: np.ndarray) -> np.ndarray:
        """`reach` of many waits: float64 in, float64 of the same shape out."""
        steps = np.floor(np.maximum(waited_seconds, 0.0) / self.every_seconds)
        reaches: np.ndarray = self.base + np.minimum(self.step * steps, self.max_extra)
        return reaches
