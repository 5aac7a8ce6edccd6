"""Groupings of small pools against every possible one.

What is missed are groups that lie within one another: long waiters around a group of newcomers whom they do not need.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from matchmaking.engine.demands import MatchFormat
from tests.unit.team_pools import Asked, Seeker, group, mean, units_of

#: (format, solo players, duos): pools that have all groupings in a moment.
POOLS = [(MatchFormat(2, 2), 12, 0), (MatchFormat(3, 1), 12, 0), (MatchFormat(2, 2), 5, 3), (MatchFormat(2, 3), 6, 3)]
SEEDS = range(25)


def a_pool(count: int, duos: int, seed: int) -> list[Seeker]:
    """Ratings so far apart, and waits so unlike, that most groups are forbidden."""
    dice = np.random.default_rng(seed)
    ratings, waits = dice.normal(1500, 60, count), dice.exponential(20, count)
    solos = [Seeker(f"s{n:02}", ratings[n], waits[n]) for n in range(count)]
    parties = []
    for n in range(duos):
        rating, waited = dice.normal(1500, 60), dice.exponential(20)
        parties += [Seeker(f"d{n}{member}", rating, waited, f"duo-{n}") for member in "ab"]
    return [*solos, *parties]


def most_matches(units: list[list[Seeker]], asked: Asked) -> int:
    """Over all sets of groups that keep the window and fill the teams."""
    players = asked.format.players
    groups = [frozenset(places) for places in _groups(units, players, asked)]
    by_lowest: dict[int, list[frozenset[int]]] = {}
    for places in groups:
        by_lowest.setdefault(min(places), []).append(places)

    def best(unit: int, taken: frozenset[int]) -> int:
        if unit == len(units):
            return 0
        found = best(unit + 1, taken)
        for places in by_lowest.get(unit, ()) if unit not in taken else ():
            if places.isdisjoint(taken):
                found = max(found, 1 + best(unit + 1, taken | places))
        return found

    return best(0, frozenset())


def _groups(units: list[list[Seeker]], players: int, asked: Asked) -> Iterator[tuple[int, ...]]:
    for count in range(asked.format.teams, players + 1):
        for places in itertools.combinations(range(len(units)), count):
            chosen = [units[place] for place in places]
            means = [mean(unit) for unit in chosen]
            reach = asked.window.reach(min(unit[0].waited for unit in chosen))
            sizes = [len(unit) for unit in chosen]
            if sum(sizes) == players and max(means) - min(means) <= reach and _fills(sizes, asked.format):
                yield places


def _fills(sizes: list[int], format: MatchFormat) -> bool:
    return any(
        np.bincount(teams, weights=sizes, minlength=format.teams).tolist() == [format.team_size] * format.teams
        for teams in itertools.product(range(format.teams), repeat=len(sizes))
    )


@pytest.mark.parametrize(("format", "count", "duos"), POOLS)
def test_nearly_always_as_many_matches_as_can_be(format: MatchFormat, count: int, duos: int) -> None:
    asked = Asked(format)
    found, best = [], []
    for seed in SEEDS:
        seekers = a_pool(count, duos, seed)
        found.append(len(group(seekers, asked).matches))
        best.append(most_matches(units_of(seekers), asked))

    assert all(a <= b for a, b in zip(found, best, strict=True))
    assert sum(a == b for a, b in zip(found, best, strict=True)) >= 0.8 * len(SEEDS)
    assert sum(found) >= 0.9 * sum(best)
