"""What lies between players: who must not meet, and who has met lately."""

from typing import NamedTuple

import numpy as np

from matchmaking.engine.demands import RematchRule
from matchmaking.engine.teams.units import Units

#: In place of a malus: the two must not be in one match.
NEVER_TOGETHER = -1


class Ties(NamedTuple):
    """By unit u: `others[starts[u]:starts[u + 1]]` are the units it is tied to, both ways, and `malus`, parallel to
    them, thousandths of a point (int64) or `NEVER_TOGETHER`."""

    starts: np.ndarray
    others: np.ndarray
    malus: np.ndarray

    @property
    def has_rematches(self) -> bool:
        return bool((self.malus >= 0).any())


def find_ties(units: Units, rematch: RematchRule) -> Ties:
    """A block by either side holds for both; of two views of a rematch the more recent counts."""
    between = _between(units, rematch)
    pairs = sorted([(a, b, malus) for (a, b), malus in between.items()] + [(b, a, m) for (a, b), m in between.items()])
    table = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    starts = np.searchsorted(table[:, 0], np.arange(len(units) + 1))
    return Ties(starts=starts, others=table[:, 1].copy(), malus=table[:, 2].copy())


def _between(units: Units, rematch: RematchRule) -> dict[tuple[int, int], int]:
    """The malus by pair of units, the smaller first."""
    between: dict[tuple[int, int], int] = {}
    if not any(traits.blocked or (rematch.last and traits.recent) for unit in units.traits for traits in unit):
        return between
    unit_of = {player: unit for unit, players in enumerate(units.player_ids) for player in players}
    malus = [round(rematch.malus(ago) * 1000) for ago in range(1, rematch.last + 1)]
    for unit, members in enumerate(units.traits):
        for traits in members:
            known = [*zip(traits.recent, malus, strict=False), *((player, NEVER_TOGETHER) for player in traits.blocked)]
            for player, points in known:
                other = unit_of.get(player, unit)
                if other != unit:
                    pair = (min(unit, other), max(unit, other))
                    so_far = between.get(pair, 0)
                    is_never = NEVER_TOGETHER in (so_far, points)
                    between[pair] = NEVER_TOGETHER if is_never else max(so_far, points)
    return between
