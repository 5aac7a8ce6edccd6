"""How long the engine takes and how good its pairs are, beside blossom, the exact algorithm for any graph.

Absolute times belong to the machine; the ratios travel.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "backend"))

from matchmaking.engine import Density, Patience, SearchWindow, WaitingTickets, estimate_density, find_matches
from matchmaking.engine.demands import LatencyLimit, RematchRule
from matchmaking.engine.traits import Traits, traits_text

#: The moment at which every round runs. Milliseconds since the epoch.
NOW_MS = 1_795_464_000_000

#: (tickets, runs): the median of the runs is reported.
SIZES = ((1_000, 50), (10_000, 20), (100_000, 7), (1_000_000, 3))

#: Tickets up to which a pool is also measured in which everybody has traits.
MOST_WITH_TRAITS = 10_000

#: (tickets, base of the window in rating points): the default window, and one where pairs are hard to find.
YARDSTICKS = ((300, 100.0), (1_000, 100.0), (300, 5.0), (1_000, 5.0))
#: Blossom sees this many neighbours to either side on the line; all of them would take it minutes.
NEIGHBOURS = 20


def a_pool(count: int, seed: int = 1) -> WaitingTickets:
    """Ratings N(1500, 350) points, waits exponential with a mean of 30 s."""
    dice = np.random.default_rng(seed)
    waited_ms = (dice.exponential(30, count) * 1000).astype(np.int64)
    ratings = dice.normal(1500, 350, count)
    return WaitingTickets([f"player-{n}" for n in range(count)], ratings, NOW_MS - waited_ms)


def median_ms(decide: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        decide()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def blossom(tickets: WaitingTickets, window: SearchWindow) -> np.ndarray:
    """Most pairs, then the smallest sum of gaps, in thousandths of a point: rows of two tickets."""
    order = np.argsort(tickets.ratings)
    ratings, reaches = tickets.ratings[order], window.reaches((NOW_MS - tickets.joined_ms[order]) / 1000)
    graph = nx.Graph()
    for low in range(len(order)):
        for high in range(low + 1, min(low + 1 + NEIGHBOURS, len(order))):
            gap = ratings[high] - ratings[low]
            if gap <= min(reaches[low], reaches[high]):
                graph.add_edge(low, high, weight=-round(gap * 1000))
    pairs = nx.max_weight_matching(graph, maxcardinality=True)
    return order[np.array(sorted(pairs), dtype=np.intp).reshape(-1, 2)]


def total_gap(tickets: WaitingTickets, pairs: np.ndarray) -> float:
    return float(np.abs(np.diff(tickets.ratings[pairs], axis=1)).sum())


def density_of(tickets: WaitingTickets) -> Density:
    """As a round estimates it: from the newest thousand."""
    newest = np.argsort(tickets.joined_ms)[-1_000:]
    return estimate_density(tickets.ratings[newest], tickets.joined_ms[newest], NOW_MS)


def with_traits(tickets: WaitingTickets, seed: int = 1) -> WaitingTickets:
    """Three recent opponents, latencies to three regions, and a deviation for everybody; a block for one in ten."""
    dice = np.random.default_rng(seed)
    count = len(tickets.player_ids)
    others = dice.integers(0, count, (count, 4)).tolist()
    ms = dice.integers(20, 120, (count, 3)).tolist()
    traits = [
        Traits(
            deviation=90.0,
            latencies_ms=dict(zip(("eu", "us", "ap"), ms[row], strict=True)),
            recent=tuple(tickets.player_ids[other] for other in others[row][:3]),
            blocked=frozenset((tickets.player_ids[others[row][3]],)) if row % 10 == 0 else frozenset(),
        )
        for row in range(count)
    ]
    return WaitingTickets(
        tickets.player_ids, tickets.ratings, tickets.joined_ms, traits=[traits_text(t) for t in traits]
    )


def measure_size(count: int, runs: int) -> dict[str, Any]:
    tickets, window, patient = a_pool(count), SearchWindow(), SearchWindow(patience=Patience())
    pairs = find_matches(tickets, window, NOW_MS).pairs
    figures = {
        "tickets": count,
        "median_ms": median_ms(lambda: find_matches(tickets, window, NOW_MS), runs),
        "patient_ms": median_ms(lambda: find_matches(tickets, patient, NOW_MS, density=density_of(tickets)), runs),
        "runs": runs,
        "pairs": len(pairs),
        "mean_gap": total_gap(tickets, pairs) / len(pairs),
    }
    if count <= MOST_WITH_TRAITS:
        told, rules = with_traits(tickets), {"latency": LatencyLimit(max_ms=100), "rematch": RematchRule(3, 30)}
        find_matches(told, patient, NOW_MS, density=density_of(told), **rules)
        figures["traits_ms"] = median_ms(
            lambda: find_matches(told, patient, NOW_MS, density=density_of(told), **rules), runs
        )
    return figures


def measure_against_blossom(count: int, base: float) -> dict[str, Any]:
    tickets, window = a_pool(count), SearchWindow(base=base)
    pairs = find_matches(tickets, window, NOW_MS).pairs
    engine_ms = median_ms(lambda: find_matches(tickets, window, NOW_MS), 20)
    best: list[np.ndarray] = []
    blossom_ms = median_ms(lambda: best.append(blossom(tickets, window)), 1)
    return {
        "tickets": count,
        "window_base": base,
        "engine_ms": engine_ms,
        "blossom_ms": blossom_ms,
        "times_faster": blossom_ms / engine_ms,
        "pairs_ratio": len(pairs) / len(best[0]),
        "gap_ratio": total_gap(tickets, pairs) / total_gap(tickets, best[0]),
    }


def run() -> dict[str, Any]:
    """Measure everything: rows of `sizes` and `against_blossom`, and `first_call_ms`, which compiles."""
    first_call_ms = median_ms(lambda: find_matches(a_pool(2), SearchWindow(), NOW_MS), 1)
    return {
        "first_call_ms": first_call_ms,
        "sizes": [measure_size(count, runs) for count, runs in SIZES],
        "against_blossom": [measure_against_blossom(count, base) for count, base in YARDSTICKS],
    }


def print_tables(figures: dict[str, Any]) -> None:
    print(f"first call {figures['first_call_ms']:.0f} ms (compiles, or loads what is compiled)\n")
    print(f"{'tickets':>9}  {'median ms':>9}  {'patient':>9}  {'all traits':>10}  {'pairs':>7}  {'mean gap':>8}")
    for row in figures["sizes"]:
        traits = f"{row['traits_ms']:.2f}" if "traits_ms" in row else ""
        print(
            f"{row['tickets']:>9,}  {row['median_ms']:>9.2f}  {row['patient_ms']:>9.2f}  {traits:>10}"
            f"  {row['pairs']:>7,}  {row['mean_gap']:>8.3f}"
        )
    print("\n  tickets  window  engine ms  blossom ms    faster    pairs      gap")
    for row in figures["against_blossom"]:
        print(
            f"{row['tickets']:>9,}  {row['window_base']:>6g}  {row['engine_ms']:>9.2f}"
            f"  {row['blossom_ms']:>10,.0f}  {row['times_faster']:>7,.0f}x"
            f"  {row['pairs_ratio']:>7.2%}  {row['gap_ratio']:>7.2%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    arguments = parser.parse_args()
    figures = run()
    print_tables(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
