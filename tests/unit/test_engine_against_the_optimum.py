"""The engine against blossom, which knows the best pairing of any graph and takes its time."""

import itertools

import networkx as nx
import numpy as np
import pytest

from matchmaking.engine import SearchWindow, WaitingTickets, find_matches
from tests.unit.strategies import NOW_MS

#: (tickets, base of the window): thin enough that pairing each with its next neighbour loses pairs.
THIN_POOLS = [(60, 20.0), (100, 20.0), (150, 5.0)]


def a_pool(count: int, seed: int) -> WaitingTickets:
    """Ratings around 1500 and waits around half a minute, as a quiet hour has them."""
    dice = np.random.default_rng(seed)
    ratings = dice.normal(1500, 350, count).round(3)
    waited_ms = (dice.exponential(30, count) * 1000).astype(np.int64)
    return WaitingTickets([f"player-{n}" for n in range(count)], ratings, NOW_MS - waited_ms)


def optimum(tickets: WaitingTickets, window: SearchWindow) -> tuple[int, float]:
    """Most pairs, and the smallest sum of gaps among as many: over every pair that the window allows."""
    reaches = [window.reach((NOW_MS - joined) / 1000) for joined in tickets.joined_ms.tolist()]
    ratings = tickets.ratings.tolist()
    graph = nx.Graph()
    for a, b in itertools.combinations(range(len(ratings)), 2):
        gap = abs(ratings[a] - ratings[b])
        if gap <= min(reaches[a], reaches[b]):
            graph.add_edge(a, b, weight=-round(gap * 1000))
    pairs = nx.max_weight_matching(graph, maxcardinality=True)
    return len(pairs), sum(abs(ratings[a] - ratings[b]) for a, b in pairs)


@pytest.mark.parametrize(("count", "base"), THIN_POOLS)
@pytest.mark.parametrize("seed", range(4))
def test_as_many_pairs_as_the_optimum_and_as_close(count: int, base: float, seed: int) -> None:
    tickets, window = a_pool(count, seed), SearchWindow(base=base)

    pairs = find_matches(tickets, window, NOW_MS).pairs

    most, closest = optimum(tickets, window)
    gaps = np.abs(np.diff(tickets.ratings[pairs], axis=1)).sum()
    assert len(pairs) == most
    assert gaps <= closest * 1.01
