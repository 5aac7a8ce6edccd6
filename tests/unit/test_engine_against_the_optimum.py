"""The engine against blossom, which knows the best pairing of any graph and takes its time."""

import itertools
import math

import networkx as nx
import numpy as np
import pytest

from matchmaking.engine import Density, Patience, SearchWindow, WaitingTickets, estimate_density, find_matches
from matchmaking.engine.demands import LatencyLimit, RematchRule
from matchmaking.engine.pairing import BANDS
from matchmaking.engine.traits import Traits, traits_of, traits_text
from tests.unit.strategies import NOW_MS

#: (tickets, base of the window): thin enough that pairing each with its next neighbour loses pairs.
THIN_POOLS = [(60, 20.0), (100, 20.0), (150, 5.0)]

LATENCY = LatencyLimit(max_ms=60, step_ms=10, every_seconds=10, max_extra_ms=60)
REMATCH = RematchRule(last=3, points=15)


def a_pool(count: int, seed: int) -> WaitingTickets:
    """Ratings around 1500 and waits around half a minute, as a quiet hour has them."""
    dice = np.random.default_rng(seed)
    ratings = dice.normal(1500, 350, count).round(3)
    waited_ms = (dice.exponential(30, count) * 1000).astype(np.int64)
    return WaitingTickets([f"player-{n}" for n in range(count)], ratings, NOW_MS - waited_ms)


def a_pool_of_characters(count: int, seed: int) -> WaitingTickets:
    """Players with recent opponents and blocks among those next to them, latencies, and some unsure ratings."""
    plain, dice = a_pool(count, seed), np.random.default_rng(seed)
    order = np.argsort(plain.ratings).tolist()
    place_of = {ticket: place for place, ticket in enumerate(order)}
    traits = []
    for ticket in range(count):
        near = [order[p] for p in range(place_of[ticket] - 4, place_of[ticket] + 5) if 0 <= p < count]
        others = [f"player-{other}" for other in dice.permutation(near).tolist() if other != ticket]
        traits.append(
            Traits(
                deviation=float(dice.choice([0, 60, 90])),
                latencies_ms={name: int(dice.integers(20, 120)) for name in ("eu", "us", "ap")[: dice.integers(0, 4)]},
                recent=tuple(others[:3]),
                blocked=frozenset(others[3:4]) if dice.random() < 0.3 else frozenset(),
            )
        )
    return WaitingTickets(plain.player_ids, plain.ratings, plain.joined_ms, traits=[traits_text(t) for t in traits])


def cost(tickets: WaitingTickets, window: SearchWindow, density: Density | None, a: int, b: int) -> float | None:
    """What a match of the two would cost, in rating points; None where they may not meet. From the docs alone."""
    waits = [(NOW_MS - int(tickets.joined_ms[row])) / 1000 for row in (a, b)]
    one, other = (traits_of(tickets.traits[row]) if tickets.traits else Traits() for row in (a, b))
    ids = tickets.player_ids
    if ids[a] in other.blocked or ids[b] in one.blocked:
        return None
    if one.latencies_ms and other.latencies_ms:
        limits = [LATENCY.limit(waited) for waited in waits]
        common = one.latencies_ms.keys() & other.latencies_ms.keys()
        if not any(one.latencies_ms[r] <= limits[0] and other.latencies_ms[r] <= limits[1] for r in common):
            return None
    elif not all(
        not told.latencies_ms or min(told.latencies_ms.values()) <= LATENCY.limit(waited)
        for told, waited in zip((one, other), waits, strict=True)
    ):
        return None
    gap = abs(float(tickets.ratings[a] - tickets.ratings[b]))
    gap += max(
        REMATCH.malus(by.recent.index(ids[row]) + 1) if ids[row] in by.recent else 0.0
        for by, row in ((one, b), (other, a))
    )
    beyond = sum(max(0.0, t.deviation**2 - 75**2) for t in (one, other))
    reach = min(window.reach(min(waits)) + math.sqrt(beyond), window.base + window.max_extra)
    if window.patience is not None and density is not None:
        rows = [a, b]
        reach = min(reach, window.patience.worths(tickets.ratings[rows], np.array(waits), density).sum())
    return gap if gap <= reach else None


def optimum(
    tickets: WaitingTickets, window: SearchWindow, density: Density | None = None, band: int | None = None
) -> tuple[int, float]:
    """Most pairs, and the least cost among as many: over every pair that may meet and is within the band, if any."""
    order = np.argsort(tickets.ratings).tolist()
    graph, costs = nx.Graph(), {}
    for low, high in itertools.combinations(range(len(order)), 2):
        a, b = order[low], order[high]
        costs[a, b] = costs[b, a] = cost(tickets, window, density, a, b) if high - low <= (band or high) else None
        if costs[a, b] is not None:
            graph.add_edge(a, b, weight=-round(costs[a, b] * 1000))
    pairs = nx.max_weight_matching(graph, maxcardinality=True)
    return len(pairs), sum(costs[pair] for pair in pairs)


@pytest.mark.parametrize(("count", "base"), THIN_POOLS)
@pytest.mark.parametrize("seed", range(4))
def test_as_many_pairs_as_the_optimum_and_as_close(count: int, base: float, seed: int) -> None:
    tickets, window = a_pool(count, seed), SearchWindow(base=base)

    pairs = find_matches(tickets, window, NOW_MS).pairs

    most, closest = optimum(tickets, window)
    gaps = np.abs(np.diff(tickets.ratings[pairs], axis=1)).sum()
    assert len(pairs) == most
    assert gaps <= closest * 1.01


@pytest.mark.parametrize("is_patient", [False, True])
def test_with_all_that_traits_say_as_many_pairs_as_the_optimum_at_as_little_cost(is_patient: bool) -> None:
    window = SearchWindow(base=40, patience=Patience() if is_patient else None)
    pairs_made, pairs_possible = 0, 0
    for seed in range(4):
        tickets = a_pool_of_characters(80, seed)
        density = estimate_density(tickets.ratings, tickets.joined_ms, NOW_MS)

        pairs = find_matches(tickets, window, NOW_MS, density=density, latency=LATENCY, rematch=REMATCH).pairs

        costs = [cost(tickets, window, density, a, b) for a, b in pairs.tolist()]
        most, least = optimum(tickets, window, density, band=BANDS[0][1])
        assert None not in costs
        assert len(pairs) == most
        assert sum(filter(None, costs)) == pytest.approx(least, abs=0.001 * len(pairs))
        pairs_made, pairs_possible = pairs_made + most, pairs_possible + optimum(tickets, window, density)[0]
    assert pairs_made >= pairs_possible * 0.99
