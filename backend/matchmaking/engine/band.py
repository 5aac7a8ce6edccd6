"""The best pairing of a line of tickets, each with one of its nearest neighbours; compiled by numba.

A ticket may be paired with one of the `band` tickets before it or after it. Walking the line from its lower
end, all that matters of the tickets behind is which of the last `band` are *promised*: left free for a ticket
still to come. A set of promises is a bitmask, bit d-1 for the ticket d places back. A promise has to be kept;
a ticket that goes unmatched is passed over at once. So the best pairing ends with no promise open.
"""

import math

import numpy as np
from numba import njit

#: Pairs of a set of promises that cannot be: below every real number of pairs, however many are added to it.
NEVER = -(1 << 40)
#: Thousandths of a rating point. Gaps count as no wider, so that the sum over ten million fits in 64 bits.
WIDEST_GAP = 1e12
#: Choice of a ticket not paired with one before it. Other choices are how many places back its opponent is.
PASSED_OVER = 0


@njit(cache=True)
def find_accepted(
    ratings: np.ndarray,
    reaches: np.ndarray,
    worths: np.ndarray,
    excess: np.ndarray,
    malus: np.ndarray,
    ceiling: float,
    longer_wait_counts: bool,
    band: int,
) -> np.ndarray:
    """For each ticket a bitmask: bit d-1 is set if it and the ticket d places back accept each other.

    `worths`, `excess` and `malus` (see `Terms`) may be empty, which is nothing of the kind.
    """
    accepted = np.zeros(len(ratings), dtype=np.int64)
    for i in range(len(ratings)):
        for back in range(1, min(band, i) + 1):
            j = i - back
            gap = abs(ratings[i] - ratings[j])
            if len(malus):
                gap += malus[i, back - 1]
            reach = max(reaches[i], reaches[j]) if longer_wait_counts else min(reaches[i], reaches[j])
            if len(excess):
                reach = max(reach, min(reach + math.sqrt(excess[i] + excess[j]), ceiling))
            if gap <= reach and (not len(worths) or gap <= worths[i] + worths[j]):
                accepted[i] |= 1 << (back - 1)
    return accepted


@njit(cache=True)
def refuse_far_regions(accepted: np.ndarray, is_near: np.ndarray, band: int) -> None:
    """Clear, in place, the bits of two tickets without a region (a column) that is near enough to both (rows)."""
    for i in range(len(accepted)):
        for back in range(1, min(band, i) + 1):
            meet = False
            for region in range(is_near.shape[1]):
                meet |= is_near[i, region] and is_near[i - back, region]
            if not meet:
                accepted[i] &= ~(1 << (back - 1))


@njit(cache=True)
def find_crowds(accepted: np.ndarray, band: int) -> np.ndarray:
    """For each ticket whether it is in a crowd: it and the `band` to either side accept their whole bands.

    In a crowd at most the newest ticket q need be promised. Take another, p behind q, promised to k ahead:
    - q is promised too, to l: p-q and k-l are as many pairs, and no wider;
    - q was paired with m: m-p and q-k are as many pairs, and no wider;
    - q was passed over: p-q is no wider than p-k, and if k has q's rating, q joined no later than k.
    Each exchange shortens pairs, counted in places, so they end: at a best pairing that needs none.
    """
    crowded = np.zeros(len(accepted), dtype=np.bool_)
    run = 0
    for j in range(len(accepted) + band):
        accepts_all = j >= len(accepted) or accepted[j] == (1 << min(j, band)) - 1
        run = run + 1 if accepts_all else 0
        if j >= band:
            crowded[j - band] = run >= min(2 * band, j + 1)
    return crowded


@njit(cache=True)
def make_values(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(pairs, -gap, waited) of each set of promises, none of which can be so far."""
    return np.full(count, NEVER), np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)


@njit(cache=True)
def find_choices(
    thousandths: np.ndarray,
    waited_ms: np.ndarray,
    accepted: np.ndarray,
    crowded: np.ndarray,
    malus: np.ndarray,
    band: int,
) -> np.ndarray:
    """The best choice of each ticket (a row) by the promises kept past it (a column): uint8, n x 2^(band-1).

    Best is by (pairs, -gap, waited), in that order, summed over the line so far. The ticket `band` places
    back has no bit in a column: it can be promised to nobody after the one that comes now.
    """
    columns = 1 << (band - 1)
    choices = np.empty((len(thousandths), columns), dtype=np.uint8)
    pairs, nearness, waited = make_values(2 * columns)
    new_pairs, new_nearness, new_waited = make_values(2 * columns)
    pairs[0] = 0
    for i in range(len(thousandths)):
        new_pairs[:] = NEVER
        for kept in range(1 if crowded[i] else columns):
            best = (pairs[kept], nearness[kept], waited[kept])
            promised = 2 * kept + 1
            new_pairs[promised], new_nearness[promised], new_waited[promised] = best
            choice = PASSED_OVER
            for back in range(1, band + 1):
                bit = 1 << (back - 1)
                if accepted[i] & ~kept & bit:
                    before = kept | bit
                    gap = int(min(thousandths[i] - thousandths[i - back], WIDEST_GAP))
                    if len(malus):
                        gap += round(min(malus[i, back - 1] * 1000, WIDEST_GAP))
                    both_waited = waited_ms[i] + waited_ms[i - back]
                    value = (pairs[before] + 1, nearness[before] - gap, waited[before] + both_waited)
                    if value > best:
                        best, choice = value, back
            new_pairs[2 * kept], new_nearness[2 * kept], new_waited[2 * kept] = best
            choices[i, kept] = choice
        pairs, new_pairs = new_pairs, pairs
        nearness, new_nearness = new_nearness, nearness
        waited, new_waited = new_waited, waited
    return choices


@njit(cache=True)
def follow_choices(choices: np.ndarray) -> np.ndarray:
    """Walk back from the end, where no promise is open: for each ticket the place of its opponent, or -1."""
    opponents = np.full(len(choices), -1)
    promises = 0
    for i in range(len(choices) - 1, -1, -1):
        is_promised = promises & 1
        promises >>= 1
        if is_promised:
            continue
        back = choices[i, promises]
        if back != PASSED_OVER:
            opponents[i], opponents[i - back] = i - back, i
            promises |= 1 << (back - 1)
    return opponents
