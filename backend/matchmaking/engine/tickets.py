"""Waiting tickets as columns, as a snapshot reads them and the engine takes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class WaitingTickets:
    """Parallel columns, one row a ticket, in any order.

    `ratings` float64, rating points; `joined_ms` int64, milliseconds since the epoch; `marks` are the store's own
    words for the tickets, by which a claim knows them again. The engine does not look at them.
    `parties` and `traits` are empty, or parallel to the rest: the id of the party that the player is in, or "", and
    the ticket's traits as `engine.traits` writes them. A party's members are one row each.
    """

    player_ids: Sequence[str]
    ratings: np.ndarray
    joined_ms: np.ndarray
    marks: Sequence[str] = ()
    parties: Sequence[str] = ()
    traits: Sequence[str] = ()
