"""Where players live, and how far it is from there to the regions of the queue.

A plain model: regions lie in a row, in the order in which they are named. To the own region it is some milliseconds,
to each other one so many more a place in the row. Somebody's connection is as slow to all regions.
"""

from collections.abc import Mapping

import numpy as np

#: Milliseconds from a player to the own region, least and most.
NEAR_MS = (10.0, 60.0)
#: Milliseconds for each place that another region is away, and the most by which a player's way there is longer.
PLACE_MS, DETOUR_MS = 80.0, 20.0


def draw_homes(shares: Mapping[str, float], count: int, dice: np.random.Generator) -> np.ndarray:
    """Of so many joins the place of the own region among `shares`, intp."""
    weights = np.array(list(shares.values()))
    return dice.choice(len(weights), size=count, p=weights / weights.sum())


def draw_latencies(homes: np.ndarray, regions: int, dice: np.random.Generator) -> np.ndarray:
    """(players, regions) float64 whole milliseconds, as a client would tell them."""
    near = dice.uniform(*NEAR_MS, len(homes))
    places = np.abs(np.arange(regions) - homes[:, np.newaxis])
    detours = np.where(places > 0, dice.uniform(0, DETOUR_MS, places.shape), 0.0)
    latencies: np.ndarray = np.rint(near[:, np.newaxis] + places * PLACE_MS + detours)
    return latencies
