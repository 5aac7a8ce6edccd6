"""FAForever's way to make team matches, written from a description of it, as a yardstick.

Searches (parties) in order of rating; around each the nearest ones, below and above in turn, until two teams are full;
teams by a full party, or by almost a full one, or by the Karmarkar-Karp differencing; a quality from imbalance, spread
and bonuses for waiting and for ratings far out; of those above a threshold the best first, none twice.
"""

import heapq
import itertools
import statistics
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from simulator.arrivals import Arrivals
from simulator.policies.faf import PopTimer
from simulator.policies.port import Found
from simulator.policies.port import Game as PlayedGame

#: A match of less quality is not made.
LEAST_QUALITY = 0.4
#: Rating points of imbalance, or of spread, that cost all of the quality.
WHOLE_POINTS = 250
#: Karmarkar-Karp sees a player as so many points, so that teams come out as large.
SIZE_POINTS = 5_000
#: Matches' worth of players that a pop aims at.
AIM_MATCHES = 2.5


@dataclass(frozen=True, slots=True)
class Search:
    """A party: its rows, the sum of its ratings, and how many rounds it was left over."""

    rows: tuple[int, ...]
    strength: float
    attempts: int

    @property
    def size(self) -> int:
        return len(self.rows)

    @property
    def average(self) -> float:
        return self.strength / self.size


Game = tuple[list[Search], list[Search]]


class FafTeams:
    """FAF's queues of two teams, with its pop timer. Ratings are taken as they are, without its deduction for uncertain
    ones, and it gives no bonus for newcomers."""

    name = "FAF"

    def __init__(self, team_size: int) -> None:
        self._size = team_size

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        self._ratings = arrivals.ratings
        self._party_of = arrivals.parties or [""] * len(arrivals)
        self._peak = float(arrivals.ratings.mean())
        self._attempts = np.zeros(len(arrivals), dtype=np.int64)
        self._timer = PopTimer(AIM_MATCHES * 2 * self._size)

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Found:
        return ()

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        return self._timer.pop_ms

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Found:
        """A pop. Who is not matched in it has one more failed attempt."""
        self._timer.popped(len(waiting), now_ms)
        parties: dict[str, list[int]] = {}
        for row in waiting:
            parties.setdefault(self._party_of[row] or str(row), []).append(row)
        searches = [
            Search(tuple(rows), float(self._ratings[rows].sum()), int(self._attempts[rows[0]]))
            for rows in parties.values()
        ]
        games = find_games(searches, self._size, self._peak)
        self._attempts[list(waiting)] += 1
        return [PlayedGame(tuple(tuple(row for s in team for row in s.rows) for team in game)) for game in games]


def find_games(searches: list[Search], team_size: int, peak: float) -> list[Game]:
    """The games of one round."""
    line = sorted(searches, key=lambda search: search.average)
    rated = []
    for place in range(len(line)):
        game = _split(_pick(line, place, 2 * team_size), team_size)
        if game and (quality := _quality(game, team_size, peak)) >= LEAST_QUALITY:
            rated.append((-quality, place, game))
    taken: set[tuple[int, ...]] = set()
    games = []
    for _, _, game in sorted(rated, key=lambda entry: entry[:2]):
        rows = {search.rows for team in game for search in team}
        if taken.isdisjoint(rows):
            taken |= rows
            games.append(game)
    return games


def _pick(line: list[Search], place: int, players: int) -> list[Search]:
    """The search at `place` and its neighbours, below and above in turn, that still fit."""
    picked, left = [line[place]], players - line[place].size
    below, above = iter(line[place - 1 :: -1] if place else ()), iter(line[place + 1 :])
    for search in (s for pair in itertools.zip_longest(below, above) for s in pair if s):
        if search.size <= left:
            picked.append(search)
            left -= search.size
        if left == 0:
            return picked
    return []


def _split(picked: list[Search], team_size: int) -> Game | None:
    if not picked:
        return None
    for search in picked:
        if search.size == team_size:
            return [search], [other for other in picked if other is not search]
    nearly = [search for search in picked if search.size == team_size - 1]
    solos = [search for search in picked if search.size == 1]
    if nearly and solos and team_size > 2:
        fair = sum(search.strength for search in picked) / (2 * team_size)
        mate = min(solos, key=lambda solo: abs((nearly[0].strength + solo.strength) / team_size - fair))
        team = [nearly[0], mate]
        return team, [other for other in picked if other not in team]
    return _difference(picked, team_size)


def _difference(picked: list[Search], team_size: int) -> Game | None:
    """Karmarkar-Karp: put the two heaviest sets against each other, again and again."""
    number = itertools.count()
    heap: list[tuple[float, int, list[Search], list[Search]]] = [
        (-(SIZE_POINTS * s.size + s.strength), next(number), [s], []) for s in picked
    ]
    heapq.heapify(heap)
    while len(heap) > 1:
        heavy, _, left, right = heapq.heappop(heap)
        light, _, other_left, other_right = heapq.heappop(heap)
        heapq.heappush(heap, (heavy - light, next(number), left + other_right, right + other_left))
    _, _, left, right = heap[0]
    is_even = sum(s.size for s in left) == sum(s.size for s in right) == team_size
    return (left, right) if is_even else None


def _quality(game: Game, team_size: int, peak: float) -> float:
    searches = [*game[0], *game[1]]
    imbalance = abs(sum(s.strength for s in game[0]) - sum(s.strength for s in game[1]))
    spread = statistics.pstdev(search.average for search in searches)
    waiting = sum(min(s.attempts * 0.01, 0.2) * s.size / team_size for s in searches)
    far_out = sum(((s.average - peak) / 1250) ** 4 * s.size / team_size for s in searches)
    lost: float = ((imbalance / WHOLE_POINTS) ** 2 + (spread / WHOLE_POINTS) ** 2) ** 0.5
    return 1 - lost + waiting + min(1, far_out)
