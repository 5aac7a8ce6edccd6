"""Whether two tickets that may meet are paired now, or better wait for someone closer."""

from dataclasses import dataclass

import numpy as np

from matchmaking.engine.density import Density


@dataclass(frozen=True, slots=True)
class Patience:
    """Two tickets are paired at once if their gap is within the mean of what both would put up with now.

    Where waiting costs the same each second, the best such gap does not grow with waiting: it goes with the root of
    the time between arrivals per rating point. That is `reach_at_one` here, at the queue's typical density; where
    players are rarer it is larger. It grows with the wait for the sake of those who found nobody near: their waits are
    what the 95th and 99th percentile are made of. Time counts in the queue's own beats, one beat being the time in
    which one player comes within reach of the average player; so one set of numbers serves an empty queue and a full.
    """

    #: Rating points, where one player a second and rating point arrives; at any other density divided by its root.
    #: Larger pairs sooner and farther apart.
    reach_at_one: float = 1.0
    #: Rating points. Never less than this at the typical density, however many players come: nobody can tell closer
    #: opponents apart. Smaller makes a full queue wait for nothing.
    close: float = 24.0
    #: Rating points: never more than this before it grows with the wait, so that an empty queue is not careless.
    far: float = 104.0
    #: How reach grows as players get rarer away from the queue's middle: 0.5 is the least sum of gaps and waits;
    #: larger spares the rarest players waits, and gives them gaps for it.
    rarity: float = 0.6
    #: Beats without growth; and how much of itself the gap grows by in each beat after.
    calm_beats: float = 0.25
    growth_per_beat: float = 2.7

    def worths(self, ratings: np.ndarray, waited_seconds: np.ndarray, density: Density) -> np.ndarray:
        """Rating points, float64: half of the gap that each ticket puts up with now. Infinite where nobody comes."""
        if density.typical <= 0:
            return np.full(len(ratings), np.inf)
        reach = max(self.close, self.reach_at_one * density.typical**-0.5)
        with np.errstate(divide="ignore"):
            rarity = density.typical / density.at(ratings)
        beats = np.maximum(waited_seconds, 0.0) * density.typical * reach
        growth = 1 + self.growth_per_beat * np.maximum(beats - self.calm_beats, 0.0)
        worths: np.ndarray = 0.5 * growth * np.minimum(reach * rarity**self.rarity, self.far)
        return worths
