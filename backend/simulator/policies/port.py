"""What a policy of matchmaking promises to the clockwork."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from simulator.arrivals import Arrivals


class Game(NamedTuple):
    """Rows of `Arrivals`, team by team, and where they play: "" where the policy does not look at regions."""

    teams: tuple[tuple[int, ...], ...]
    region: str = ""


#: Rows of `Arrivals` that are to play each other, or games where there is more to say than two rows.
Pairs = Sequence[tuple[int, int]]
Found = Pairs | Sequence[Game]


class Policy(Protocol):
    """Decides who plays whom. `waiting` is rows of `Arrivals` in order of joining; who plays is taken out
    of it by the clockwork."""

    @property
    def name(self) -> str:
        """As tables and curves call it."""
        ...

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        """Forget what was; these will come. A policy looks at a row only once it waits."""

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Found:
        """Made because this player, who waits already, has just joined. A party's members join one by one, at once."""
        ...

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        """When to look again, after all that happened up to `now_ms`; None: not before the next join."""
        ...

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Found:
        """Made because it is time."""
        ...
