"""Who else waits in a queue, as one ticket sees them: how far away, and when each of two accepts the other."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from matchmaking.engine.demands import RematchRule
from matchmaking.engine.search_window import SearchWindow, WhoseWait
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.engine.traits import traits_of
from matchmaking.rules import QueueRules


@dataclass(frozen=True, slots=True)
class Seen:
    """One ticket as it looks at the others; `waited_ms` when it does."""

    rating: float
    waited_ms: int
    #: Its own rows among the tickets, and those of its party.
    own: frozenset[int] = frozenset()


class Line:
    """The tickets of one queue at one moment."""

    def __init__(self, tickets: WaitingTickets, at_ms: int) -> None:
        self.tickets = tickets
        self.at_ms = at_ms
        self._order = np.argsort(tickets.ratings, kind="stable")
        self._sorted: list[float] = tickets.ratings[self._order].tolist()
        self._rows = {player: row for row, player in enumerate(tickets.player_ids)}
        self._parties: dict[str, list[int]] = {}
        for row, party in enumerate(tickets.parties):
            if party:
                self._parties.setdefault(party, []).append(row)

    def row_of(self, player_id: str) -> int | None:
        return self._rows.get(player_id)

    def own_rows(self, player_id: str) -> frozenset[int]:
        """The player's row, and those of the rest of the party."""
        row = self._rows.get(player_id)
        if row is None:
            return frozenset()
        party = self.tickets.parties[row] if len(self.tickets.parties) else ""
        return frozenset(self._parties.get(party, ())) | {row}

    def count(self, seen: Seen) -> int:
        """Everybody else."""
        return len(self._sorted) - len(seen.own)

    def nearest(self, seen: Seen, count: int) -> list[int]:
        """Rows of up to so many others, the nearest in rating first."""
        ratings, found = self._sorted, list[int]()
        above = bisect_left(ratings, seen.rating)
        below = above - 1
        while len(found) < count and (below >= 0 or above < len(ratings)):
            is_above = below < 0 or (
                above < len(ratings) and ratings[above] - seen.rating < seen.rating - ratings[below]
            )
            row = int(self._order[above if is_above else below])
            above, below = (above + 1, below) if is_above else (above, below - 1)
            if row not in seen.own:
                found.append(row)
        return found

    def within(self, seen: Seen, points: float) -> np.ndarray:
        """Rows of the others who are not further away."""
        low = bisect_left(self._sorted, seen.rating - points)
        rows = self._order[low : bisect_right(self._sorted, seen.rating + points)]
        for own in seen.own:
            rows = rows[rows != own]
        return rows

    def accepting_rows(self, seen: Seen, window: SearchWindow, now_ms: int) -> np.ndarray:
        """Rows of the others with whom this ticket could be matched, by their distance and waits alone."""
        is_own_enough = window.whose_wait is not WhoseWait.LONGER
        rows = self.within(seen, window.reach(seen.waited_ms / 1000) if is_own_enough else math.inf)
        accepted: np.ndarray = rows[self._accepting(seen, rows, window, now_ms)]
        return accepted

    def _accepting(self, seen: Seen, rows: np.ndarray, window: SearchWindow, now_ms: int) -> np.ndarray:
        """For each of these rows whether both accept the distance between them now."""
        waited = np.maximum(now_ms - self.tickets.joined_ms[rows], 0) / 1000
        gaps = np.abs(self.tickets.ratings[rows] - seen.rating)
        mine = seen.waited_ms / 1000
        if window.whose_wait is WhoseWait.LONGER:
            accepted: np.ndarray = gaps <= window.reaches(np.maximum(waited, mine))
        elif window.whose_wait is WhoseWait.SHORTER:
            accepted = gaps <= window.reaches(np.minimum(waited, mine))
        else:
            accepted = (gaps <= window.reach(mine)) & (gaps <= window.reaches(waited))
        return accepted


def seconds_until_accepted(window: SearchWindow, gap: float, mine: float, theirs: float) -> float | None:
    """Until two tickets that have waited so many seconds accept each other; None where they never will."""
    wait = window.seconds_until(gap)
    if wait is None:
        return None
    counts = max(mine, theirs) if window.whose_wait is WhoseWait.LONGER else min(mine, theirs)
    return max(0.0, wait - counts)


def obstacles(line: Line, mine: int, theirs: int, rules: QueueRules, now_ms: int) -> list[str]:
    """What stands between two tickets now: `your_window`, `their_window`, `rematch`, `block`, `region`.
    Nothing where they could be matched."""
    tickets, window, rematch = line.tickets, rules.search_window, rules.rematch
    waits = [max(0, now_ms - int(tickets.joined_ms[row])) / 1000 for row in (mine, theirs)]
    gap = abs(float(tickets.ratings[mine]) - float(tickets.ratings[theirs]))
    found = _windows(window, gap, *waits)
    if not len(tickets.traits):
        return found
    traits = [traits_of(tickets.traits[row]) for row in (mine, theirs)]
    ids = [tickets.player_ids[row] for row in (mine, theirs)]
    malus = max(_malus(rematch, traits[0].recent, ids[1]), _malus(rematch, traits[1].recent, ids[0]))
    if not found and malus and _windows(window, gap + malus, *waits):
        found.append("rematch")
    if ids[1] in traits[0].blocked or ids[0] in traits[1].blocked:
        found.append("block")
    limits = [rules.latency.limit(wait) for wait in waits]
    if not _share_a_region(traits[0].latencies_ms, limits[0], traits[1].latencies_ms, limits[1]):
        found.append("region")
    return found


def _windows(window: SearchWindow, gap: float, mine: float, theirs: float) -> list[str]:
    if window.whose_wait is WhoseWait.LONGER:
        mine = theirs = max(mine, theirs)
    found = []
    if gap > window.reach(mine):
        found.append("your_window")
    if gap > window.reach(theirs):
        found.append("their_window")
    return found


def _malus(rematch: RematchRule, recent: Sequence[str], opponent: str) -> float:
    return rematch.malus(recent.index(opponent) + 1) if opponent in recent else 0.0


def _share_a_region(mine: Mapping[str, int], my_limit: float, theirs: Mapping[str, int], their_limit: float) -> bool:
    """Whether some region is within both limits; who has told no latencies fits every region."""
    if not mine or not theirs:
        return True
    return any(ms <= my_limit and theirs.get(region, their_limit + 1) <= their_limit for region, ms in mine.items())
