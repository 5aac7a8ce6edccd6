"""Who comes to the queue, when, how strong, and for how long they wait."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Seconds after which a player who found nobody is gone.
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Ratings:
    """What players are like: rating points, and how uncertain they are.

    A share of `newcomers` has a deviation above 150 and few games; the others have settled. A newcomer's rating is
    drawn as everyone's is.
    """

    mean: float = 1500.0
    spread: float = 350.0
    newcomers: float = 0.1

    def draw(self, count: int, dice: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(ratings, deviations, games) of so many players."""
        ratings = dice.normal(self.mean, self.spread, count)
        is_new = dice.random(count) < self.newcomers
        deviations = np.where(is_new, dice.uniform(150, 350, count), dice.uniform(45, 110, count))
        games = np.where(is_new, dice.integers(0, 10, count), dice.integers(11, 500, count))
        return ratings, deviations, games


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Parallel columns, one row a player, in order of joining.

    `joined_ms` and `leaves_ms` int64, milliseconds since the run began: who has found nobody by then is gone.
    `ratings` and `deviations` float64, rating points; `games` int64, rated games before.
    """

    joined_ms: np.ndarray
    leaves_ms: np.ndarray
    ratings: np.ndarray
    deviations: np.ndarray
    games: np.ndarray
    player_ids: Sequence[str]

    def __len__(self) -> int:
        return len(self.joined_ms)

    def first(self, count: int) -> "Arrivals":
        """The first so many, or all."""
        return Arrivals(
            joined_ms=self.joined_ms[:count],
            leaves_ms=self.leaves_ms[:count],
            ratings=self.ratings[:count],
            deviations=self.deviations[:count],
            games=self.games[:count],
            player_ids=self.player_ids[:count],
        )


def poisson_arrivals(
    players: int,
    per_second: float,
    dice: np.random.Generator,
    ratings: Ratings = Ratings(),
    patience_seconds: float = PATIENCE_SECONDS,
) -> Arrivals:
    """So many players, each coming by chance whenever the others do."""
    return arrivals_at(np.cumsum(dice.exponential(1 / per_second, players)), dice, ratings, patience_seconds)


def arrivals_at(
    joined_seconds: np.ndarray, dice: np.random.Generator, ratings: Ratings, patience_seconds: float
) -> Arrivals:
    """Players who come at these times, ascending."""
    joined_ms = np.rint(joined_seconds * 1000).astype(np.int64)
    points, deviations, games = ratings.draw(len(joined_ms), dice)
    return Arrivals(
        joined_ms=joined_ms,
        leaves_ms=joined_ms + round(patience_seconds * 1000),
        ratings=points,
        deviations=deviations,
        games=games,
        player_ids=[f"player-{row}" for row in range(len(joined_ms))],
    )
