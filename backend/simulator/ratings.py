"""How strong players are: drawn from a normal curve, from a published histogram, or from a file of ratings."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

#: Published distributions by the words of the command line; each file names its source.
PUBLISHED = {"chess-rapid": Path(__file__).parent / "distributions" / "chess_com_rapid.csv"}
#: Rating points of a row of a published histogram.
BIN_POINTS = 100.0


class Curve(Protocol):
    """Where ratings are drawn from."""

    def points(self, count: int, dice: np.random.Generator) -> np.ndarray:
        """So many ratings, float64."""
        ...


@dataclass(frozen=True, slots=True)
class Normal:
    """Rating points."""

    mean: float = 1500.0
    spread: float = 350.0

    def points(self, count: int, dice: np.random.Generator) -> np.ndarray:
        return dice.normal(self.mean, self.spread, count)


@dataclass(frozen=True, slots=True)
class Histogram:
    """`lows` float64, where each bin of BIN_POINTS begins; `players` float64, in each. Even within a bin."""

    lows: np.ndarray
    players: np.ndarray

    def points(self, count: int, dice: np.random.Generator) -> np.ndarray:
        bins = dice.choice(len(self.lows), size=count, p=self.players / self.players.sum())
        points: np.ndarray = self.lows[bins] + dice.uniform(0, BIN_POINTS, count)
        return points


@dataclass(frozen=True, slots=True)
class Listed:
    """Ratings that are known, float64, each as likely as the others and drawn any number of times."""

    known: np.ndarray

    def points(self, count: int, dice: np.random.Generator) -> np.ndarray:
        return dice.choice(self.known, size=count)


@dataclass(frozen=True, slots=True)
class Ratings:
    """What players are like: rating points, and how uncertain they are.

    A share of `newcomers` has a deviation above 150 and few games; the others have settled. A newcomer's rating is
    drawn as everyone's is.
    """

    curve: Curve = Normal()
    newcomers: float = 0.1

    def draw(self, count: int, dice: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(ratings, deviations, games) of so many players."""
        ratings = self.curve.points(count, dice)
        is_new = dice.random(count) < self.newcomers
        deviations = np.where(is_new, dice.uniform(150, 350, count), dice.uniform(45, 110, count))
        games = np.where(is_new, dice.integers(0, 10, count), dice.integers(11, 500, count))
        return ratings, deviations, games


def published_ratings(word: str) -> Histogram:
    """The histogram that goes by this word."""
    lines = PUBLISHED[word].read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    lows, players = np.array([(float(row["rating"]), float(row["players"])) for row in rows]).T
    return Histogram(lows, players)
