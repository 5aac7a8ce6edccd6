"""Whether two tickets that may meet are paired now, or better wait for someone closer."""

from dataclasses import dataclass

import numpy as np

from matchmaking.engine.density import Density


@dataclass(frozen=True, slots=True)
class Patience:
    """Two tickets are paired at once if their gap is within the mean of what both would put up with now.

    What one puts up with goes with the root of the time between arrivals per rating point: that is `reach_at_one`
    here, at the queue's typical density; where players are rarer it is larger. It grows with the wait, slowly at
    first and ever faster: so most waits come to about as long as the 95th percentile allows, rather than a few far
    longer than the others, and whoever came just now is still choosy when somebody would do who has waited for long.
    From `steep_until` on it grows slowly again, for who is left then is late anyway and deserves no careless match.
    Time counts in the queue's own beats, one beat being the time in which one player comes within reach of the
    average player; so one set of numbers serves an empty queue and a full.
    """

    #: Rating points, where one player a second and rating point arrives; at any other density divided by its root.
    #: Larger pairs sooner and farther apart.
    reach_at_one: float = 0.93
    #: Rating points. Never less than this at the typical density, however many players come: nobody can tell closer
    #: opponents apart. Smaller makes a full queue wait for nothing.
    close: float = 20.0
    #: Rating points: never more than this before it grows with the wait, so that an empty queue is not careless.
    far: float = 82.0
    #: How reach grows as players get rarer away from the queue's middle: 0.5 is the least sum of gaps and waits;
    #: larger spares the rarest players waits, and gives them gaps for it.
    rarity: float = 0.52
    #: By how many times itself the gap would grow in the first beat, and the power of the beats that it grows with.
    #: A larger power keeps newcomers choosier, and makes those who have waited take whoever is there.
    growth_in_a_beat: float = 11.3
    growth_power: float = 3.2
    #: Times itself: it grows so up to here, and from there by so many times itself in each beat. Smaller lets those
    #: wait for long who find nobody near; larger gives them anybody.
    steep_until: float = 3.65
    late_growth_per_beat: float = 0.87

    def worths(self, ratings: np.ndarray, waited_seconds: np.ndarray, density: Density) -> np.ndarray:
        """Rating points, float64: half of the gap that each ticket puts up with now. Infinite where nobody comes."""
        if density.typical <= 0:
            return np.full(len(ratings), np.inf)
        reach = max(self.close, self.reach_at_one * density.typical**-0.5)
        with np.errstate(divide="ignore"):
            rarity = density.typical / density.at(ratings)
        beats = np.maximum(waited_seconds, 0.0) * density.typical * reach
        worths: np.ndarray = 0.5 * self._growth(beats) * np.minimum(reach * rarity**self.rarity, self.far)
        return worths

    def _growth(self, beats: np.ndarray) -> np.ndarray:
        """Times itself that the gap has grown to."""
        steep_beats = ((self.steep_until - 1) / self.growth_in_a_beat) ** (1 / self.growth_power)
        steep = 1 + self.growth_in_a_beat * np.minimum(beats, steep_beats) ** self.growth_power
        growth: np.ndarray = steep + self.late_growth_per_beat * np.maximum(beats - steep_beats, 0.0)
        return growth
