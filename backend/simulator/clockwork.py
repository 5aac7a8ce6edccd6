"""A run: players join, the policy looks when it wants to, who is matched plays, who waited too long leaves."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heappop, heappush

import numpy as np

from matchmaking.engine.win_probability import win_probabilities
from simulator.arrivals import Arrivals
from simulator.policies.port import Found, Game, Policy

#: Row of nobody, and place of no game.
NOBODY = NO_GAME = -1
#: Joins between two words of progress: seldom enough to cost nothing.
JOINS_A_STEP = 200


@dataclass(frozen=True)
class Outcome:
    """Parallel to the rows of `arrivals`: `game_of` intp, the place among `games` of the one each played, or -1;
    `waited_ms` int64, until then or until the player left."""

    arrivals: Arrivals
    game_of: np.ndarray
    waited_ms: np.ndarray
    games: list[Game] = field(default_factory=list)

    @property
    def is_matched(self) -> np.ndarray:
        matched: np.ndarray = self.game_of != NO_GAME
        return matched

    @property
    def opponents(self) -> np.ndarray:
        """Where two play: the row each played, or -1."""
        opponents = np.full(len(self.arrivals), NOBODY, dtype=np.intp)
        for (one,), (other,) in (game.teams for game in self.games):
            opponents[one], opponents[other] = other, one
        return opponents

    @cached_property
    def gaps(self) -> np.ndarray:
        """Rating points between the strongest and the weakest team of each one's game, by their means; NaN where there
        was none."""
        return self.by_player([np.ptp(means) for means in self._team_means()])

    @cached_property
    def favourites(self) -> np.ndarray:
        """The chance of the favourite of each one's game to win, were all ratings certain; NaN where there was none."""
        return self.by_player([_favourite(self.team_ratings(game)) for game in self.games])

    @cached_property
    def spreads(self) -> np.ndarray:
        """Standard deviation of the ratings in each one's game; NaN where there was none."""
        return self.by_player([np.std(np.concatenate(self.team_ratings(game))) for game in self.games])

    @cached_property
    def is_premade(self) -> np.ndarray:
        """1 where one side of the game has a larger party than every other, else 0; NaN where there was none."""
        parties = self.arrivals.parties
        return self.by_player([float(bool(parties) and _has_premade(game, parties)) for game in self.games])

    @cached_property
    def worst_latencies_ms(self) -> np.ndarray:
        """Of whoever is farthest from the region of each one's game; NaN where there is none.

        Where a policy does not look at regions, the game is in the one that is best for its worst-off."""
        return self.by_player([_worst_latency(game, self.arrivals) for game in self.games])

    def by_player(self, of_games: Sequence[float]) -> np.ndarray:
        """Each player's, from those of the games; NaN without one."""
        found: np.ndarray = np.append(np.array(of_games, dtype=np.float64), np.nan)[self.game_of]
        return found

    def team_ratings(self, game: Game) -> list[np.ndarray]:
        return [self.arrivals.ratings[list(team)] for team in game.teams]

    def _team_means(self) -> list[list[float]]:
        return [[float(team.mean()) for team in self.team_ratings(game)] for game in self.games]


def _favourite(teams: Sequence[np.ndarray]) -> float:
    return max(win_probabilities([[(float(rating), 0.0) for rating in team] for team in teams]))


def _has_premade(game: Game, parties: Sequence[str]) -> bool:
    largest = sorted(max(Counter(parties[row] or str(row) for row in team).values()) for team in game.teams)
    return largest[-1] > largest[-2]


def _worst_latency(game: Game, arrivals: Arrivals) -> float:
    if not arrivals.regions:
        return math.nan
    latencies = arrivals.latencies_ms[[row for team in game.teams for row in team]]
    worst = latencies.max(axis=0)
    return float(worst[arrivals.regions.index(game.region)] if game.region else worst.min())


def simulate(
    arrivals: Arrivals, policy: Policy, seed: int = 0, on_progress: Callable[[int], None] = lambda joined: None
) -> Outcome:
    """Run the policy over these arrivals, until all have met somebody or left.

    At the same millisecond players join first, then the policy looks, then who is out of patience leaves.
    `on_progress` hears how many have joined.
    """
    return _Run(arrivals, policy, seed).run(on_progress)


class _Run:
    def __init__(self, arrivals: Arrivals, policy: Policy, seed: int) -> None:
        self._policy = policy
        self._arrivals = arrivals
        self._joins = arrivals.joined_ms.tolist()
        self._leave_times = arrivals.leaves_ms.tolist()
        self._leaves: list[tuple[int, int]] = []
        self._waiting: dict[int, None] = {}
        self._outcome = Outcome(
            arrivals, np.full(len(arrivals), NO_GAME, dtype=np.intp), arrivals.leaves_ms - arrivals.joined_ms
        )
        policy.begin(arrivals, np.random.default_rng(seed))

    def run(self, on_progress: Callable[[int], None]) -> Outcome:
        joined, now_ms = 0, 0
        while joined < len(self._joins) or self._waiting:
            join_ms = self._joins[joined] if joined < len(self._joins) else math.inf
            leave_ms = self._next_leave_ms()
            tick_ms = self._policy.next_tick_ms(self._waiting, now_ms)
            now_ms = int(min(join_ms, leave_ms, math.inf if tick_ms is None else tick_ms))
            if now_ms == join_ms:
                self._waiting[joined] = None
                heappush(self._leaves, (self._leave_times[joined], joined))
                self._play(self._policy.on_join(joined, self._waiting, now_ms), now_ms)
                joined += 1
                if joined % JOINS_A_STEP == 0:
                    on_progress(joined)
            elif now_ms == tick_ms:
                self._play(self._policy.on_tick(self._waiting, now_ms), now_ms)
            else:
                del self._waiting[heappop(self._leaves)[1]]
        on_progress(joined)
        return self._outcome

    def _next_leave_ms(self) -> float:
        """Of those who wait; who has been paired meanwhile is passed over."""
        while self._leaves and self._leaves[0][1] not in self._waiting:
            heappop(self._leaves)
        return self._leaves[0][0] if self._leaves else math.inf

    def _play(self, found: Found, now_ms: int) -> None:
        for each in found:
            game = each if isinstance(each, Game) else Game(((each[0],), (each[1],)))
            for row in (row for team in game.teams for row in team):
                del self._waiting[row]
                self._outcome.game_of[row] = len(self._outcome.games)
                self._outcome.waited_ms[row] = now_ms - self._joins[row]
            self._outcome.games.append(game)
