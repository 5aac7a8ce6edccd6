"""Whether two tickets that may meet are paired now, or better wait for someone closer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Rating points and seconds. Defaults serve from one join in twenty seconds to fifty a second.

    Where waiting costs the same each second, the best gap up to which to pair at once does not grow with waiting:
    it goes with the root of the price of a second over the density of arrivals.
    """

    #: Rating points that a second of waiting is worth. Larger pairs sooner and farther apart.
    points_per_second: float = 3.0
    #: Rating points. An opponent so close is taken at once, however many players come.
    close: float = 28.0
