"""Which sizes of party go into one match: the mixes among which the best is looked for."""

from typing import NamedTuple

import numpy as np

from matchmaking.engine.demands import PartyRule


class Mix(NamedTuple):
    """`allows` a bitmask, bit s for parties of s players; `apart` a size of which two must come, to be in different
    teams, or 0; `waited_ms` that every unit must have waited; `is_fresh` if nobody in it may have met lately."""

    allows: int
    apart: int
    waited_ms: int
    is_fresh: bool


def mixes_for(sizes: np.ndarray, *, team_size: int, party: PartyRule, has_rematches: bool) -> np.ndarray:
    """The mixes for parties of these sizes, as rows of int64.

    Solo players alone; all sizes; all sizes but one, since a party that fits may leave a hole that nothing fills.
    While a larger party may not meet smaller ones, those are for units that have waited long enough, and others need
    a second party as large as the largest.
    """
    parties = [size for size in np.unique(sizes).tolist() if 1 < size <= team_size]
    all_sizes = sum(1 << size for size in parties) | 2
    long_ms = round(party.premade_against_solo_after_seconds * 1000)
    mixes = [Mix(2, 0, 0, False)]
    if parties:
        mixes += [Mix(all_sizes & ~without, 0, long_ms, False) for without in (0, *(1 << size for size in parties))]
    if long_ms:
        mixes += [Mix(all_sizes & ((2 << size) - 1), size, 0, False) for size in parties]
    mixes = list(dict.fromkeys(mixes))
    if has_rematches:
        mixes += [mix._replace(is_fresh=True) for mix in mixes]
    return np.array(mixes, dtype=np.int64)
