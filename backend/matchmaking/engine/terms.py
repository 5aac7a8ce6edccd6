"""What traits change between two tickets: who may not meet, who met lately, how sure the ratings are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from matchmaking.engine.demands import RematchRule
from matchmaking.engine.line import Line
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.engine.traits import Traits, traits_of

#: Rating points. The deviation of who plays regularly; only what is above it widens a window. Smaller widens the
#: windows of settled players, too; larger leaves newcomers to theirs.
SETTLED_DEVIATION = 75.0

#: Traits of a ticket stay the same while it waits, round after round.
_read = lru_cache(maxsize=1 << 16)(traits_of)


@dataclass(frozen=True, slots=True)
class Terms:
    """By places on the line; each array is empty where there is nothing of the kind.

    `excess` float64 (n,), rating points squared: by how much the variance of the rating is above a settled one's;
    `malus` float64 (n, band), rating points: how much further away the ticket d places back counts, in column d-1;
    `forbidden` int64 (n,): bit d-1 is set if the ticket and that d places back must not meet.
    """

    excess: np.ndarray
    malus: np.ndarray
    forbidden: np.ndarray


NO_TERMS = Terms(np.empty(0), np.empty((0, 0)), np.empty(0, dtype=np.int64))


def line_traits(tickets: WaitingTickets, line: Line) -> list[tuple[int, Traits]]:
    """(place on the line, traits) of the tickets that have any."""
    if not any(tickets.traits):
        return []
    texts = ((place, tickets.traits[ticket]) for place, ticket in enumerate(line.tickets.tolist()))
    return [(place, _read(text)) for place, text in texts if text]


def find_terms(
    known: Sequence[tuple[int, Traits]], tickets: WaitingTickets, line: Line, rematch: RematchRule, band: int
) -> Terms:
    """The terms between tickets up to `band` places apart."""
    count = len(line.tickets)
    excess, malus, forbidden = NO_TERMS.excess, NO_TERMS.malus, NO_TERMS.forbidden
    if any(traits.deviation for _, traits in known):
        excess = np.zeros(count)
        for place, traits in known:
            excess[place] = max(0.0, traits.deviation**2 - SETTLED_DEVIATION**2)
    if any(traits.blocked or traits.recent for _, traits in known):
        players = (tickets.player_ids[ticket] for ticket in line.tickets.tolist())
        places = {player: place for place, player in enumerate(players)}
        blocks = [(place, other) for place, traits in known for other in _waiting(traits.blocked, places)]
        if blocks:
            forbidden = np.zeros(count, dtype=np.int64)
            for later, back in _neighbours(blocks, band):
                forbidden[later] |= 1 << (back - 1)
        if rematch.last and rematch.points:
            malus = _find_malus(known, places, rematch, band)
    return Terms(excess, malus, forbidden)


def _find_malus(
    known: Sequence[tuple[int, Traits]], places: dict[str, int], rematch: RematchRule, band: int
) -> np.ndarray:
    """Where each of the two was a recent opponent of the other, the later meeting counts."""
    malus = np.zeros((len(places), band))
    for place, traits in known:
        for matches_ago, player in enumerate(traits.recent[: rematch.last], start=1):
            for later, back in _neighbours([(place, other) for other in _waiting([player], places)], band):
                malus[later, back - 1] = max(malus[later, back - 1], rematch.malus(matches_ago))
    return malus if malus.any() else NO_TERMS.malus


def _waiting(players: Sequence[str] | frozenset[str], places: dict[str, int]) -> Iterator[int]:
    return (places[player] for player in players if player in places)


def _neighbours(pairs: Sequence[tuple[int, int]], band: int) -> Iterator[tuple[int, int]]:
    """(later place, how many places back) of the pairs that are within the band."""
    for one, other in pairs:
        if 1 <= abs(one - other) <= band:
            yield max(one, other), abs(one - other)
