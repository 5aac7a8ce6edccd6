"""How densely players arrive, by rating: estimated from those who came last."""

from dataclasses import dataclass

import numpy as np

#: Arrivals that the rate is counted from, the newest: it follows a rush within seconds, and is right to about 5 %.
NEWEST = 512
#: A handful of arrivals within a moment says little: they count as spread over so many seconds more, which
#: vanishes with `FEW` over their number, squared. Smaller calls a queue full that has just started.
UNSURE_SECONDS = 60.0
FEW = 8
#: Rating points. The least that arrivals are smeared by: that many players of one rating are not infinitely dense.
LEAST_SMEAR = 25.0
#: Points of the curve, and how far it goes beyond the middle half of the ratings, in lengths of the latter.
GRID, FARTHEST = 256, 6.0
#: Rating points. Ratings further out count as if they stood here, so that no sum is infinite.
FARTHEST_RATING = 1e12


@dataclass(frozen=True, slots=True)
class Density:
    """A curve over ratings: arrivals per second and rating point, nothing outside of it.

    `typical` is the density that the average arrival finds at its own rating.
    """

    ratings: np.ndarray
    values: np.ndarray
    typical: float

    def at(self, ratings: np.ndarray) -> np.ndarray:
        """Arrivals per second and rating point near each of the ratings."""
        near: np.ndarray = np.interp(ratings, self.ratings, self.values, left=0.0, right=0.0)
        return near


def estimate_density(ratings: np.ndarray, at_ms: np.ndarray, now_ms: int) -> Density:
    """From recent arrivals, in any order: `ratings` float64; `at_ms` int64, of the arrival or of the match.

    Who waits now has arrived as well as who was matched: give both. How many a second is counted over the newest;
    where on the scale, by a Gaussian kernel over all, as wide as Silverman's rule says (Density Estimation, 1986).
    """
    if not len(ratings):
        return Density(np.array([0.0]), np.array([0.0]), 0.0)
    ratings = np.clip(ratings, -FARTHEST_RATING, FARTHEST_RATING)
    low, middle, high = np.percentile(ratings, (25, 50, 75))
    smear = max(LEAST_SMEAR, 0.9 * (high - low) / 1.34 * len(ratings) ** -0.2)
    reach = FARTHEST * max(high - low, smear)
    near = np.clip(ratings, middle - reach, middle + reach)
    edges = np.linspace(near.min() - 4 * smear, near.max() + 4 * smear, GRID + 1)
    centers, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    places = np.clip(((near - edges[0]) / width).astype(np.intp), 0, GRID - 1)
    half = int(4 * smear / width) + 1
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) * width / smear) ** 2)
    smeared = np.convolve(np.bincount(places, minlength=GRID), kernel / kernel.sum(), mode="full")[half : half + GRID]
    values = smeared * (_per_second(at_ms, now_ms) / (len(ratings) * width))
    return Density(centers, values, float(values[places].mean()))


def _per_second(at_ms: np.ndarray, now_ms: int) -> float:
    newest = np.sort(at_ms)[-NEWEST:]
    span = max(0.0, (now_ms - int(newest[0])) / 1000)
    return float(len(newest) / (span + UNSURE_SECONDS * (FEW / (FEW + len(newest))) ** 2))
