"""What a policy of matchmaking promises to the clockwork."""

from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np

from simulator.arrivals import Arrivals

#: Rows of `Arrivals` that are to play each other.
Pairs = Sequence[tuple[int, int]]


class Policy(Protocol):
    """Decides who plays whom. `waiting` is rows of `Arrivals` in order of joining; pairs are taken out
    of it by the clockwork."""

    @property
    def name(self) -> str:
        """As tables and curves call it."""
        ...

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        """Forget what was; these will come. A policy looks at a row only once it waits."""

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Pairs:
        """Pairs made because this player, who waits already, has just joined."""
        ...

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        """When to look again, after all that happened up to `now_ms`; None: not before the next join."""
        ...

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Pairs:
        """Pairs made because it is time."""
        ...
