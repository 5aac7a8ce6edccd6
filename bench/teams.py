"""How long teams and free-for-all take, and what comes of the same pools beside FAForever's way.

Absolute times belong to the machine; the ratios travel.
"""

import statistics
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from matchmaking.engine import SearchWindow, WaitingTickets, find_groups
from matchmaking.engine.demands import LatencyLimit, MatchFormat, PartyRule, RematchRule
from matchmaking.engine.win_probability import win_probabilities
from simulator.policies.faf_teams import Search, find_games

#: The moment at which every round runs. Milliseconds since the epoch.
NOW_MS = 1_795_464_000_000
#: Share of joins that are parties of 1, 2, 3, 4 and 5, where there are parties.
PARTY_SHARES = (0.55, 0.25, 0.10, 0.05, 0.05)
#: Seconds between FAForever's rounds in a busy queue: attempts are waits in these.
POP_SECONDS = 15
#: Pools of which the comparison takes the mean.
SEEDS = range(5)

FIVES = MatchFormat(teams=2, team_size=5)
#: (what, format, whether there are parties, and traits)
KINDS = (
    ("5v5 solo", FIVES, False, False),
    ("5v5 parties", FIVES, True, False),
    ("5v5 parties, regions, blocks, rematches", FIVES, True, True),
    ("3v3v3 solo", MatchFormat(teams=3, team_size=3), False, False),
    ("free-for-all of 8", MatchFormat(teams=8, team_size=1), False, False),
    ("free-for-all of 100", MatchFormat(teams=100, team_size=1), False, False),
)


def a_pool(count: int, *, seed: int = 1, largest: int = 1, has_traits: bool = False) -> WaitingTickets:
    """Ratings N(1500, 350) points, of a party's members N(their mean, 100); waits exponential with a mean of 30 s."""
    dice = np.random.default_rng(seed)
    shares = np.array(PARTY_SHARES[:largest]) / sum(PARTY_SHARES[:largest])
    parties: list[str] = []
    ratings, waited_ms = np.empty(count), np.empty(count, dtype=np.int64)
    while len(parties) < count:
        first = len(parties)
        size = min(int(dice.choice(largest, p=shares)) + 1, count - first)
        ratings[first : first + size] = dice.normal(1500, 350)
        waited_ms[first : first + size] = dice.exponential(30) * 1000
        if size > 1:
            ratings[first : first + size] += dice.normal(0, 100, size)
        parties += [f"party-{first}"] * size if size > 1 else [""]
    return WaitingTickets(
        [f"player-{row}" for row in range(count)],
        ratings,
        NOW_MS - waited_ms,
        parties=parties if largest > 1 else (),
        traits=[_traits(row, parties[row] or str(row), count, dice) for row in range(count)] if has_traits else (),
    )


def _traits(row: int, unit: str, count: int, dice: np.random.Generator) -> str:
    """Two thirds of units near one region, a third near the other; two recent opponents; one of ten blocks somebody."""
    near, far = dice.integers(10, 60), dice.integers(90, 160)
    latencies = f"eu:{near},us:{far}" if zlib.crc32(unit.encode()) % 3 else f"eu:{far},us:{near}"
    others = dice.integers(0, count, 3)
    blocks = f";b=player-{others[2]}" if dice.random() < 0.1 and others[2] != row else ""
    return f"d={dice.integers(50, 150)};l={latencies};r=player-{others[0]},player-{others[1]}{blocks}"


def median_cpu_ms(decide: Callable[[], object], runs: int) -> float:
    """Of the processor, so that a busy machine tells the same."""
    times = []
    for _ in range(runs):
        began = time.process_time()
        decide()
        times.append((time.process_time() - began) * 1000)
    return statistics.median(times)


def measure_kind(kind: tuple[str, MatchFormat, bool, bool], count: int, runs: int) -> dict[str, Any]:
    name, format, has_parties, has_traits = kind
    tickets = a_pool(count, largest=format.team_size if has_parties else 1, has_traits=has_traits)
    demands: dict[str, Any] = {"format": format, "window": SearchWindow(), "now_ms": NOW_MS}
    if has_traits:
        demands |= {
            "latency": LatencyLimit(max_ms=80, step_ms=20),
            "rematch": RematchRule(last=5, points=50),
            "party": PartyRule(max_size=5, premade_against_solo_after_seconds=30),
        }
    grouping = find_groups(tickets, **demands)
    return {
        "kind": name,
        "tickets": count,
        "median_cpu_ms": median_cpu_ms(lambda: find_groups(tickets, **demands), runs),
        "matches": len(grouping.matches),
        "left_over": len(grouping.unmatched),
    }


def measure_against_faf(count: int, team_size: int, base: float, has_parties: bool) -> dict[str, Any]:
    """Means over pools: matches, imbalance (difference of the teams' sums), spread (of a match), the favourite.

    FAForever makes the matches of the best quality and leaves the others; `most_even` are as many of the engine's.
    """
    format, ours, theirs = MatchFormat(2, team_size), [], []
    times: dict[str, list[float]] = {"engine": [], "faf": []}
    for seed in SEEDS:
        tickets = a_pool(count, seed=seed, largest=team_size if has_parties else 1)
        searches = searches_of(tickets)
        began = time.process_time()
        grouping = find_groups(tickets, format=format, window=SearchWindow(base=base), now_ms=NOW_MS)
        grouped = time.process_time()
        games = find_games(searches, team_size, peak=1500)
        times["engine"].append((grouped - began) * 1000)
        times["faf"].append((time.process_time() - grouped) * 1000)
        even_first = sorted(grouping.matches, key=lambda match: max(match.win_probabilities))
        ours.append([match.teams for match in even_first])
        theirs.append([tuple(tuple(r for s in team for r in s.rows) for team in game) for game in games])
    pools = [a_pool(count, seed=seed, largest=team_size if has_parties else 1) for seed in SEEDS]
    return {
        "tickets": count,
        "team_size": team_size,
        "has_parties": has_parties,
        "window_base": base,
        "engine": figures_of(pools, ours) | {"cpu_ms": statistics.median(times["engine"])},
        "most_even": figures_of(pools, [match[: len(as_many)] for match, as_many in zip(ours, theirs, strict=True)]),
        "faf": figures_of(pools, theirs) | {"cpu_ms": statistics.median(times["faf"])},
    }


def searches_of(tickets: WaitingTickets) -> list[Search]:
    rows_of: dict[str, list[int]] = {}
    for row, player in enumerate(tickets.player_ids):
        rows_of.setdefault((tickets.parties[row] if tickets.parties else "") or player, []).append(row)
    return [
        Search(
            tuple(rows),
            float(tickets.ratings[rows].sum()),
            int((NOW_MS - tickets.joined_ms[rows[0]]) / 1000 // POP_SECONDS),
        )
        for rows in rows_of.values()
    ]


def figures_of(pools: list[WaitingTickets], found: list[list[Any]]) -> dict[str, float]:
    sides = [
        [[float(tickets.ratings[row]) for row in team] for team in match]
        for tickets, matches in zip(pools, found, strict=True)
        for match in matches
    ]
    imbalances = [abs(sum(one) - sum(other)) for one, other in sides]
    favourites = [max(win_probabilities([[(rating, 0.0) for rating in side] for side in match])) for match in sides]
    return {
        "matches": len(sides) / len(pools),
        "mean_imbalance": statistics.fmean(imbalances) if sides else 0.0,
        "p95_imbalance": float(np.percentile(imbalances, 95)) if sides else 0.0,
        "mean_favourite": statistics.fmean(favourites) if sides else 0.0,
        "mean_spread": statistics.fmean(statistics.pstdev([*one, *other]) for one, other in sides) if sides else 0.0,
    }


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure everything: rows of `sizes` and `against_faf`."""
    count, runs = (1_000, 1) if quick else (10_000, 5)
    pools = [(200, 4, 100.0)] if quick else [(40, 4, 100.0), (40, 4, 400.0), (200, 2, 100.0), (200, 4, 100.0)]
    pools += [] if quick else [(1_000, 4, 100.0), (1_000, 5, 100.0)]
    return {
        "sizes": [measure_kind(kind, count, runs) for kind in KINDS],
        "against_faf": [measure_against_faf(*pool, parties) for pool in pools for parties in (False, True)],
    }
