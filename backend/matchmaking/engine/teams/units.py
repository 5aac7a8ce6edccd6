"""Units: a solo player, or a party whole. They are what a match is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from matchmaking.engine.line import FARTHEST_RATING
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.engine.traits import Traits, traits_of

#: Texts of traits that are remembered as read, about a kilobyte each: a waiting ticket has the same one each round.
#: Too small, and the texts of a large pool are read again in every round, at 5 µs each.
TEXTS_REMEMBERED = 20_000

_read = lru_cache(maxsize=TEXTS_REMEMBERED)(traits_of)


@dataclass(frozen=True, slots=True)
class Units:
    """Parallel columns, one entry a unit.

    `rows` its rows of `WaitingTickets`; `player_ids` and `traits` parallel to them, all in order of player (`traits`
    is empty where the tickets have none); `ratings` float64, the mean of its players; `sizes` int64, players;
    `joined_ms` int64, of its last row.
    """

    rows: Sequence[tuple[int, ...]]
    player_ids: Sequence[tuple[str, ...]]
    traits: Sequence[tuple[Traits, ...]]
    ratings: np.ndarray
    sizes: np.ndarray
    joined_ms: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def strength(self, unit: int) -> float:
        """Rating points, summed over its players."""
        rating = min(max(float(self.ratings[unit]), -FARTHEST_RATING), FARTHEST_RATING)
        return rating * len(self.rows[unit])


def gather_units(tickets: WaitingTickets, rows: Sequence[int], *, largest: int) -> Units:
    """The units of these rows. A party larger than `largest`, or that misses a member, is none."""
    solos, parties = _by_party(tickets, rows)
    members: list[tuple[int, ...]] = [(row,) for row in solos]
    members += [party for party in parties if len(party) <= largest and _is_whole(tickets, party)]
    groups = members[len(solos) :]
    means = [sum(float(tickets.ratings[row]) / len(party) for row in party) for party in groups]
    joined_ms = [max(int(tickets.joined_ms[row]) for row in party) for party in groups]
    texts = tickets.traits
    return Units(
        rows=members,
        player_ids=[tuple([tickets.player_ids[row] for row in unit]) for unit in members],
        traits=[tuple([_read(texts[row]) for row in unit]) for unit in members] if texts else (),
        ratings=np.concatenate((tickets.ratings[solos], np.array(means, dtype=np.float64))),
        sizes=np.array([len(unit) for unit in members], dtype=np.int64),
        joined_ms=np.concatenate((tickets.joined_ms[solos], np.array(joined_ms, dtype=np.int64))),
    )


def _by_party(tickets: WaitingTickets, rows: Sequence[int]) -> tuple[list[int], list[tuple[int, ...]]]:
    """Rows of solo players, and the rows of each party, in order of player: so sums do not depend on the snapshot."""
    if not tickets.parties:
        return list(rows), []
    solos: list[int] = []
    parties: dict[str, list[int]] = {}
    for row in rows:
        party = tickets.parties[row]
        if party:
            parties.setdefault(party, []).append(row)
        else:
            solos.append(row)
    return solos, [tuple(sorted(party, key=lambda row: tickets.player_ids[row])) for party in parties.values()]


def _is_whole(tickets: WaitingTickets, party: tuple[int, ...]) -> bool:
    """Whether all have a row whom the party names: `<id>:<member>,<member>`. One that names nobody is whole."""
    _, _, named = tickets.parties[party[0]].partition(":")
    return set(filter(None, named.split(","))) <= {tickets.player_ids[row] for row in party}
