"""Arrivals from outside: a file of real joins, or the curve of a day."""

import csv
import math
from pathlib import Path

import numpy as np

from simulator.arrivals import Arrivals, Ratings, arrivals_at

#: Arrivals of each hour from midnight, relative to the mean: the night is a fifth of the evening.
DAY = (0.7, 0.5, 0.35, 0.3, 0.3, 0.35, 0.45, 0.6, 0.7, 0.8, 0.85, 0.9,
       1.0, 1.0, 1.0, 1.1, 1.2, 1.35, 1.5, 1.65, 1.75, 1.7, 1.45, 1.0)  # fmt: skip
#: Deviation above which a player of a file without games is a newcomer, and games of who is and is not.
UNCERTAIN, FEW_GAMES, MANY_GAMES = 150.0, 5, 100


class SourceError(Exception):
    """The file cannot be used; the message names file, line and reason."""


def day_arrivals(
    players: int, per_second: float, dice: np.random.Generator, ratings: Ratings, patience_seconds: float
) -> Arrivals:
    """So many players from midnight on, `per_second` in the mean of a day."""
    curve = np.array(DAY) * per_second * 3600 / np.mean(DAY)
    days = math.ceil(players / curve.sum()) + 1
    hours = np.arange(days * 24 + 1)
    expected = np.concatenate(([0.0], np.cumsum(np.tile(curve, days))))
    seconds = np.interp(np.cumsum(dice.exponential(1, players)), expected, hours * 3600.0)
    return arrivals_at(seconds, dice, ratings, patience_seconds)


def arrivals_from_file(path: Path, patience_seconds: float) -> Arrivals:
    """CSV with a head: `time` in seconds and `rating`, and where known `deviation` and `games`. Any order, any zero."""
    rows = _rows(path)
    if not rows:
        raise SourceError(f"{path}: holds no joins")
    seconds, ratings, deviations, games = np.array(sorted(rows)).T
    joined_ms = np.rint((seconds - seconds[0]) * 1000).astype(np.int64)
    return Arrivals(
        joined_ms=joined_ms,
        leaves_ms=joined_ms + round(patience_seconds * 1000),
        ratings=ratings,
        deviations=deviations,
        games=games.astype(np.int64),
        player_ids=[f"player-{row}" for row in range(len(joined_ms))],
    )


def _rows(path: Path) -> list[tuple[float, float, float, float]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = {"time", "rating"} - set(reader.fieldnames or ())
            if missing:
                raise SourceError(f"{path}:1: no column {' and '.join(sorted(missing))}")
            return [_row(path, reader.line_num, fields) for fields in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read ({error})") from error


def _row(path: Path, line: int, fields: dict[str, str]) -> tuple[float, float, float, float]:
    deviation = _number(path, line, fields, "deviation", 60.0)
    games = _number(path, line, fields, "games", FEW_GAMES if deviation > UNCERTAIN else MANY_GAMES)
    return _number(path, line, fields, "time"), _number(path, line, fields, "rating"), deviation, games


def _number(path: Path, line: int, fields: dict[str, str], name: str, default: float | None = None) -> float:
    text = fields.get(name) or ""
    if not text and default is not None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SourceError(f"{path}:{line}: {name}: {text!r} is no number")
    return number
