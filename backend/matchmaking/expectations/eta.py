"""How much longer a ticket will wait, from how long those near its rating waited lately."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from matchmaking.expectations.hours import HourlyWaits
from matchmaking.recent import RecentMatches

#: Milliseconds. Matches not older than this tell of now; at another hour a queue is another queue.
FRESH_MS = 30 * 60 * 1000
#: Players whose waits are asked, nearest in rating first. The fewer, the more they are like this player, which counts
#: most at the ends of the scale; where too few of them waited as long as this player has already, more are asked.
NEAREST = (30, 240)
#: Rating points. Who is further away waits for other people.
FAR_POINTS = 300.0
#: Waits that an answer needs at least: the ninth of ten is the first that can be called p90.
LEAST = 10
#: Waits near the rating that a column needs at least to be asked.
LEAST_NEAR = 20


class Basis(StrEnum):
    """Whose waits an ETA is from, the best first."""

    #: Matched lately, in the same region.
    REGION = "region"
    #: Matched lately, in any region.
    QUEUE = "queue"
    #: Matched at this hour of other days.
    HOUR = "hour"
    #: The last ones that there were, however long ago.
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds from now until the match, for half and for nine tenths of such tickets; None where nobody knows."""

    p50_seconds: float | None = None
    p90_seconds: float | None = None
    #: How many matched players' waits it is from.
    of_matches: int = 0
    basis: Basis | None = None


NOBODY_KNOWS = Eta()


class Column:
    """Waits in order of rating."""

    def __init__(self, ratings: np.ndarray, waits_ms: np.ndarray) -> None:
        order = np.argsort(ratings, kind="stable")
        self._ratings: list[float] = ratings[order].tolist()
        self._waits: list[int] = waits_ms[order].tolist()

    def near(self, rating: float, count: int) -> list[int]:
        """Waits of the players nearest to the rating, none of them far away, sorted."""
        ratings = self._ratings
        if not ratings:
            return []
        low, high = bisect_left(ratings, rating - FAR_POINTS), bisect_right(ratings, rating + FAR_POINTS)
        last = high - count
        while low < last:  # where the nearest `count` in a row begin
            middle = (low + last) // 2
            if rating - ratings[middle] > ratings[middle + count] - rating:
                low = middle + 1
            else:
                last = middle
        high = min(high, low + count)
        return sorted(self._waits[low:high])


class Estimator:
    """The ETAs of one queue, from its recent matches and what its hours were like. Built now and then, asked often."""

    def __init__(self, recent: RecentMatches, hours: HourlyWaits | None, now_ms: int) -> None:
        fresh = recent.at_ms >= now_ms - FRESH_MS
        regions = np.array(recent.regions, dtype=object)
        self._regions = {
            region: Column(recent.ratings[fresh & (regions == region)], recent.waits_ms[fresh & (regions == region)])
            for region in set(recent.regions)
        }
        self._fresh = Column(recent.ratings[fresh], recent.waits_ms[fresh])
        self._all = Column(recent.ratings, recent.waits_ms)
        self._hours = hours

    def eta(self, rating: float, region: str, waited_ms: int, now_ms: int) -> Eta:
        """For a ticket that has waited so long already. Tens of microseconds."""
        for basis, waits, count in self._evidence(rating, region, now_ms):
            longer = waits[bisect_right(waits, waited_ms) :]
            if len(longer) >= LEAST:
                p50, p90 = (_seconds(longer[rank(len(longer), share)] - waited_ms) for share in (0.5, 0.9))
                return Eta(p50, p90, max(1, round(count * len(longer) / len(waits))), basis)
        return NOBODY_KNOWS

    def _evidence(self, rating: float, region: str, now_ms: int) -> Iterator[tuple[Basis, Sequence[int], int]]:
        """Waits, sorted, and how many matched players they stand for: the nearest to this ticket's case first."""
        if region and region in self._regions:
            yield from _near(Basis.REGION, self._regions[region], rating)
        yield from _near(Basis.QUEUE, self._fresh, rating)
        if self._hours is not None:
            cell = self._hours.cell(rating, now_ms)
            if cell is not None:
                yield Basis.HOUR, cell.waits_ms, cell.count
        yield from _near(Basis.OLDER, self._all, rating)


def _near(basis: Basis, column: Column, rating: float) -> Iterator[tuple[Basis, Sequence[int], int]]:
    for count in NEAREST:
        waits = column.near(rating, count)
        if len(waits) >= LEAST_NEAR:
            yield basis, waits, len(waits)
        if len(waits) < count:
            return


def rank(count: int, share: float) -> int:
    """The place, from 0, of the value that one more of the same kind stays below with this probability: of n values in
    order the k-th has k / (n + 1) below it."""
    return min(count, math.ceil(share * (count + 1))) - 1


def _seconds(milliseconds: int) -> float:
    """Rounded up to a tenth: what is told is kept."""
    return math.ceil(milliseconds / 100) / 10
