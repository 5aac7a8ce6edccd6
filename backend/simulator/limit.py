"""The limit: what somebody who knows all who will come could do for these very players.

A pair costs its gap, and a price for the time between its joins: the earlier of the two waits that long, the later
not at all. Of all pairings that patience allows, the most pairs at the least cost is a matching in a graph; at one
price it is one point of a curve of gap against wait. No policy is below that curve that matches as many: one that
lets the hardest players go unmatched can be.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.arrivals import Arrivals
from simulator.policies.blossom import cheapest_pairs

#: Each player may meet so many of those that cost least with it. Fewer loses the best pairing, more costs time.
NEIGHBOURS = 10
#: How far ahead in order of joining a neighbour is looked for.
AHEAD = 600


@dataclass(frozen=True, slots=True)
class LimitPoint:
    """Rating points a second, seconds over all matched players, rating points."""

    price: float
    wait_mean: float
    gap_mean: float


def limit_point(arrivals: Arrivals, price: float) -> LimitPoint:
    """The best for these players where a second of waiting costs `price` points."""
    pairs = limit_pairs(arrivals, price)
    one, other = pairs[:, 0], pairs[:, 1]
    apart_ms = np.abs(arrivals.joined_ms[one] - arrivals.joined_ms[other])
    gaps = np.abs(arrivals.ratings[one] - arrivals.ratings[other])
    return LimitPoint(price, float(apart_ms.mean() / 2000), float(gaps.mean()))


def limit_pairs(arrivals: Arrivals, price: float) -> np.ndarray:
    """(m, 2) rows: the most pairs, of those the least sum of gap and price times wait. Time grows with the cube of the
    players: 1,000 take about half a second."""
    pairs = cheapest_pairs(len(arrivals), *_edges(arrivals, price))
    return np.array(sorted((min(pair), max(pair)) for pair in pairs), dtype=np.intp).reshape(-1, 2)


def _edges(arrivals: Arrivals, price: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each player's cheapest neighbours among those who join later and before it would leave; the earlier first."""
    found: list[tuple[int, np.ndarray, np.ndarray]] = []
    for row in range(len(arrivals) - 1):
        ahead = slice(row + 1, row + 1 + AHEAD)
        apart_ms = arrivals.joined_ms[ahead] - arrivals.joined_ms[row]
        costs = np.abs(arrivals.ratings[ahead] - arrivals.ratings[row]) + price * apart_ms / 1000
        costs[arrivals.joined_ms[ahead] > arrivals.leaves_ms[row]] = np.inf
        best = np.argpartition(costs, NEIGHBOURS)[:NEIGHBOURS] if len(costs) > NEIGHBOURS else np.arange(len(costs))
        best = best[np.isfinite(costs[best])]
        found.append((row, row + 1 + best, costs[best]))
    ones = np.concatenate([np.full(len(others), row) for row, others, _ in found])
    return ones, np.concatenate([others for _, others, _ in found]), np.concatenate([costs for *_, costs in found])


def limit_curve(arrivals: Arrivals, prices: Sequence[float]) -> list[LimitPoint]:
    """By wait, ascending."""
    return sorted((limit_point(arrivals, price) for price in prices), key=lambda point: point.wait_mean)


def multiple_of_limit(curve: Sequence[LimitPoint], wait_mean: float, gap_mean: float) -> float:
    """How many times the gap that is possible at the same mean wait: along the curve, straight between its points where
    both axes are logarithms, and on beyond its ends as gap times wait is there."""
    waits = np.log([point.wait_mean for point in curve])
    gaps = np.log([point.gap_mean for point in curve])
    wait = np.log(max(wait_mean, 1e-3))
    possible = np.interp(wait, waits, gaps) - max(0.0, wait - waits[-1]) + max(0.0, waits[0] - wait)
    return float(gap_mean / np.exp(possible))
