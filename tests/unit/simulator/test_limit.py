"""The limit, against an exact matching by networkx, and the multiples that are read from it."""

import networkx as nx
import numpy as np
import pytest

from simulator import limit
from simulator.arrivals import Arrivals, Crowd, poisson_arrivals
from simulator.clockwork import simulate
from simulator.figures import figures_of
from simulator.limit import LimitPoint, limit_curve, limit_pairs, multiple_of_limit
from simulator.policies.on_join import Original, Showdown
from simulator.policies.ours import Ours
from tests.unit.simulator.builders import arrivals


def cost(come: Arrivals, pairs: np.ndarray, price: float) -> float:
    one, other = pairs.T
    seconds = np.abs(come.joined_ms[one] - come.joined_ms[other]) / 1000
    return float((np.abs(come.ratings[one] - come.ratings[other]) + price * seconds).sum())


def exact(come: Arrivals, price: float) -> np.ndarray:
    graph = nx.Graph()
    for one in range(len(come)):
        for other in range(one + 1, len(come)):
            if come.joined_ms[other] <= come.leaves_ms[one]:
                graph.add_edge(one, other, weight=-round(cost(come, np.array([[one, other]]), price) * 1000))
    return np.array(sorted(nx.max_weight_matching(graph, maxcardinality=True)))


@pytest.mark.parametrize(("price", "patience_seconds"), [(0.5, 300.0), (5.0, 300.0), (50.0, 300.0), (5.0, 10.0)])
def test_the_limit_is_the_exact_matching_of_few_players(price: float, patience_seconds: float) -> None:
    come = poisson_arrivals(70, 0.5, np.random.default_rng(3), Crowd(patience_seconds=patience_seconds))
    found, best = limit_pairs(come, price), exact(come, price)
    assert len(found) == len(best)
    assert cost(come, found, price) == pytest.approx(cost(come, best, price), rel=0.002)


@pytest.mark.parametrize("price", [1.0, 30.0])
def test_looking_at_the_cheapest_neighbours_only_loses_next_to_nothing(
    price: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    come = poisson_arrivals(300, 5.0, np.random.default_rng(3))
    found = limit_pairs(come, price)
    monkeypatch.setattr(limit, "NEIGHBOURS", 299)
    best = limit_pairs(come, price)
    assert len(found) == len(best) == 150
    assert cost(come, found, price) == pytest.approx(cost(come, best, price), rel=0.003)


def test_nobody_is_paired_with_who_had_left() -> None:
    pairs = limit_pairs(arrivals((0, 1500), (10_001, 1500), (12_000, 1900), patience_ms=10_000), 1.0)
    assert pairs.tolist() == [[1, 2]]


def test_no_policy_is_better_than_the_limit_at_any_price() -> None:
    come = poisson_arrivals(700, 2.0, np.random.default_rng(7))
    curve = limit_curve(come, [0.5, 2, 8, 30, 120])
    for policy in (Ours(), Original(), Showdown()):
        figures = figures_of(simulate(come, policy))
        assert multiple_of_limit(curve, figures.wait_mean, figures.gap_mean) > 1.2, policy.name


def test_a_multiple_is_read_at_the_same_wait_between_points_and_beyond() -> None:
    curve = [LimitPoint(1, 1.0, 40.0), LimitPoint(2, 4.0, 10.0)]
    assert multiple_of_limit(curve, 2.0, 60.0) == pytest.approx(3.0), "where 20 points are possible"
    assert multiple_of_limit(curve, 0.5, 80.0) == pytest.approx(1.0)
    assert multiple_of_limit(curve, 8.0, 10.0) == pytest.approx(2.0)
