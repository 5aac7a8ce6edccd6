"""Were the ETAs kept? A queue is simulated on the real engine, and what its players would have been told is compared
with what came. Prints a table; seeded, in simulated time. `python -m bench.told`
"""

import argparse
import math
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "backend"))

from matchmaking.engine import WaitingTickets, find_matches
from matchmaking.expectations.eta import Estimator, Eta
from matchmaking.expectations.others import Line, Seen
from matchmaking.expectations.reason import Surroundings, why_waiting
from matchmaking.recent import RecentMatches, recent_columns
from matchmaking.rules import QueueRules

START_MS = 1_795_464_000_000
ROUND_MS = 500
#: As web processes do.
REFRESH_MS = 5_000
RECENT_MATCHES = 1000
#: Milliseconds after which a player gives up.
PATIENCE_MS = 300_000
#: Milliseconds of waiting at which players are told again.
LATER_MS = 15_000
HOURS = 6
#: Arrivals a second; the last two are a day's curve between a tenth of it and itself, in 6 hours.
RATES = (0.05, 0.5, 5.0)


@dataclass(slots=True)
class Tally:
    """ETAs that were given, and those that were kept. Who gave up was not matched in time."""

    given: int = 0
    p50: int = 0
    p90: int = 0
    unknown: int = 0

    def note(self, eta: Eta, left_seconds: float) -> None:
        if eta.p50_seconds is None or eta.p90_seconds is None:
            self.unknown += 1
            return
        self.given += 1
        self.p50 += left_seconds <= eta.p50_seconds
        self.p90 += left_seconds <= eta.p90_seconds

    def row(self) -> str:
        if not self.given:
            return f"{'-':>7} {'-':>6} {self.given:>7} {self.unknown:>7}"
        return f"{self.p50 / self.given:7.3f} {self.p90 / self.given:6.3f} {self.given:7} {self.unknown:7}"


@dataclass(slots=True)
class Ticket:
    rating: float
    joined_ms: int
    at_join: Eta = field(default_factory=Eta)
    later: Eta | None = None


def arrivals(rate: float, *, is_curve: bool, seed: int) -> list[Ticket]:
    """Poisson, ratings N(1500, 350)."""
    dice = np.random.default_rng(seed)
    count = dice.poisson(rate * HOURS * 3600)
    at = np.sort(dice.uniform(0, HOURS * 3600, count))
    if is_curve:
        share = 0.1 + 0.9 * np.sin(np.pi * at / (HOURS * 3600)) ** 2
        at = at[dice.uniform(0, 1, count) < share]
    return [
        Ticket(float(rating), START_MS + round(second * 1000))
        for second, rating in zip(at.tolist(), dice.normal(1500, 350, len(at)).tolist(), strict=True)
    ]


class Queue:
    """One queue, its rounds, and one web process that tells."""

    def __init__(self, rules: QueueRules) -> None:
        self.rules = rules
        self.waiting: list[Ticket] = []
        self.rows: deque[tuple[float, int, float, int, str]] = deque(maxlen=2 * RECENT_MATCHES)
        self.tallies = {name: Tally() for name in ("at the join", "after 15 s", "tails at join", "tails after 15 s")}

    def play(self, tickets: list[Ticket]) -> None:
        coming = deque(tickets)
        estimator = Estimator(recent_columns([]), None, START_MS)
        for now_ms in range(START_MS, START_MS + HOURS * 3_600_000, ROUND_MS):
            if (now_ms - START_MS) % REFRESH_MS == 0 and (coming or self.waiting):
                estimator = Estimator(self.recent(), None, now_ms)
            while coming and coming[0].joined_ms <= now_ms:
                ticket = coming.popleft()
                ticket.at_join = estimator.eta(ticket.rating, "", 0, ticket.joined_ms)
                self.waiting.append(ticket)
            for ticket in self.waiting:
                if ticket.later is None and now_ms - ticket.joined_ms >= LATER_MS:
                    ticket.later = estimator.eta(ticket.rating, "", LATER_MS, now_ms)
            self.round(now_ms)

    def recent(self) -> RecentMatches:
        return recent_columns(list(islice(reversed(self.rows), None)))

    def round(self, now_ms: int) -> None:
        for ticket in [one for one in self.waiting if now_ms - one.joined_ms > PATIENCE_MS]:
            self.waiting.remove(ticket)
            self.note(ticket, math.inf)
        if len(self.waiting) < 2:
            return
        ratings = np.array([ticket.rating for ticket in self.waiting])
        joined = np.array([ticket.joined_ms for ticket in self.waiting], dtype=np.int64)
        tickets = WaitingTickets([""] * len(ratings), ratings, joined)
        pairs = find_matches(tickets, self.rules.search_window, now_ms).pairs.tolist()
        for pair in pairs:
            gap = abs(ratings[pair[0]] - ratings[pair[1]])
            for row in pair:
                ticket = self.waiting[row]
                self.rows.append((ticket.rating, now_ms - ticket.joined_ms, float(gap), now_ms, ""))
                self.note(ticket, float(now_ms))
        gone = {row for pair in pairs for row in pair}
        self.waiting = [ticket for row, ticket in enumerate(self.waiting) if row not in gone]

    def note(self, ticket: Ticket, matched_ms: float) -> None:
        is_tail = abs(ticket.rating - 1500) > 700  # beyond two deviations: 1 in 20
        waited = (matched_ms - ticket.joined_ms) / 1000
        for when in ("at the join", "tails at join")[: 1 + is_tail]:
            self.tallies[when].note(ticket.at_join, waited)
        if ticket.later is not None:
            for when in ("after 15 s", "tails after 15 s")[: 1 + is_tail]:
                self.tallies[when].note(ticket.later, waited - LATER_MS / 1000)


def cost_us() -> dict[str, float]:
    """Microseconds that a status pays, with all the matches and the longest line that a process keeps."""
    dice, runs = np.random.default_rng(3), 2000
    rows = [(float(dice.normal(1500, 350)), int(dice.exponential(20_000)), 9.0, START_MS, "eu") for _ in range(2000)]
    estimator = Estimator(recent_columns(rows), None, START_MS)
    ratings = dice.normal(1500, 350, 5_000)
    ids = [f"player-{row}" for row in range(5_000)]
    line = Line(WaitingTickets(ids, ratings, np.full(5_000, START_MS - 20_000)), START_MS)
    rules, around = QueueRules("ranked"), Surroundings(line, START_MS)
    asked = dice.normal(1500, 350, runs).tolist()

    def each(call: object) -> float:
        began = time.process_time()
        for rating in asked:
            call(rating)  # type: ignore[operator]
        return (time.process_time() - began) / runs * 1e6

    def why(rating: float) -> None:
        seen = Seen(rating, 20_000, line.own_rows("player-7"))
        why_waiting(seen, around, window=rules.search_window, match_format=rules.format, now_ms=START_MS)

    return {
        "eta at the join": each(lambda rating: estimator.eta(rating, "eu", 0, START_MS)),
        "eta after 40 s": each(lambda rating: estimator.eta(rating, "eu", 40_000, START_MS)),
        "reason, of 5,000 who wait": each(why),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.told", description=__doc__)
    parser.add_argument("--seed", type=int, default=11)
    seed = parser.parse_args().seed
    rules = QueueRules("ranked")
    print(f"{'arrivals/s':>12} {'told':18} {'p50':>7} {'p90':>6} {'ETAs':>7} {'unknown':>7}")
    for rate, is_curve in [*((rate, False) for rate in RATES), (0.5, True), (5.0, True)]:
        queue = Queue(rules)
        queue.play(arrivals(rate, is_curve=is_curve, seed=seed))
        for when, tally in queue.tallies.items():
            name = f"{rate / 10:g}-{rate:g}" if is_curve else f"{rate:g}"
            print(f"{name:>12} {when:18} {tally.row()}", flush=True)
    for what, microseconds in cost_us().items():
        print(f"{what}: {microseconds:.0f} µs")


if __name__ == "__main__":
    main()
