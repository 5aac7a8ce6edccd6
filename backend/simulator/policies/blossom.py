"""Exact matching in any graph, by rustworkx: least total cost of as many pairs as there can be."""

import numpy as np
import rustworkx as rx

#: Costs are whole numbers to the solver: so many steps in one rating point.
STEPS_A_POINT = 1_000


def cheapest_pairs(count: int, ones: np.ndarray, others: np.ndarray, costs: np.ndarray) -> list[tuple[int, int]]:
    """Of nodes 0 to `count`, joined by edges `ones[i]`-`others[i]` of `costs[i]`, in points."""
    graph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(count))
    weights = -np.rint(costs * STEPS_A_POINT).astype(np.int64)
    graph.add_edges_from(list(zip(ones.tolist(), others.tolist(), weights.tolist(), strict=True)))
    return list(rx.max_weight_matching(graph, max_cardinality=True, weight_fn=int))
