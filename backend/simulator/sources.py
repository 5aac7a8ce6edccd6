"""Arrivals from outside: a file of real joins or of ratings, or the curve of a day."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from simulator.arrivals import Arrivals, Crowd, arrivals_at, live_in
from simulator.ratings import Listed

#: Arrivals of each hour from midnight, relative to the mean: the night is a fifth of the evening.
DAY = (0.7, 0.5, 0.35, 0.3, 0.3, 0.35, 0.45, 0.6, 0.7, 0.8, 0.85, 0.9,
       1.0, 1.0, 1.0, 1.1, 1.2, 1.35, 1.5, 1.65, 1.75, 1.7, 1.45, 1.0)  # fmt: skip
#: Deviation above which a player of a file without games is a newcomer, and games of who is and is not.
UNCERTAIN, FEW_GAMES, MANY_GAMES = 150.0, 5, 100


class SourceError(Exception):
    """The file cannot be used; the message names file, line and reason."""


class _Join(NamedTuple):
    """A line of a file, in the order in which joins are sorted: seconds, and rating points."""

    seconds: float
    party: str
    rating: float
    deviation: float
    games: float
    region: str


def day_arrivals(players: int, per_second: float, dice: np.random.Generator, crowd: Crowd) -> Arrivals:
    """So many players from midnight on, `per_second` joins in the mean of a day."""
    sizes = crowd.draw_sizes(players, dice)
    curve = np.array(DAY) * per_second * 3600 / np.mean(DAY)
    days = math.ceil(len(sizes) / curve.sum()) + 1
    hours = np.arange(days * 24 + 1)
    expected = np.concatenate(([0.0], np.cumsum(np.tile(curve, days))))
    seconds = np.interp(np.cumsum(dice.exponential(1, len(sizes))), expected, hours * 3600.0)
    return arrivals_at(seconds, sizes, dice, crowd)


def ratings_from_file(path: Path) -> Listed:
    """CSV with a head: `rating`."""
    known = [_number(path, line, fields, "rating") for line, fields in _rows(path, {"rating"})]
    if not known:
        raise SourceError(f"{path}: holds no ratings")
    return Listed(np.array(known))


def arrivals_from_file(
    path: Path, patience_seconds: float, dice: np.random.Generator, regions: Sequence[str] = ()
) -> Arrivals:
    """CSV with a head: `time` in seconds and `rating`, and where known `deviation`, `games`, `region` and `party`. Any
    order, any zero. Latencies are those of who lives in the region: `regions` says which lie side by side, else they
    are by name. Who has the same `party` joins together."""
    joins = sorted(_join(path, line, fields) for line, fields in _rows(path, {"time", "rating"}))
    if not joins:
        raise SourceError(f"{path}: holds no joins")
    _see_parties(path, joins)
    seconds = np.array([join.seconds for join in joins])
    joined_ms = np.rint((seconds - seconds[0]) * 1000).astype(np.int64)
    come = Arrivals(
        joined_ms=joined_ms,
        leaves_ms=joined_ms + round(patience_seconds * 1000),
        ratings=np.array([join.rating for join in joins]),
        deviations=np.array([join.deviation for join in joins]),
        games=np.array([join.games for join in joins]).astype(np.int64),
        player_ids=[f"player-{row}" for row in range(len(joins))],
    )
    if any(join.party for join in joins):
        come = replace(come, parties=[join.party for join in joins])
    return _by_region(path, come, [join.region for join in joins], regions, dice)


def _by_region(
    path: Path, come: Arrivals, homes: Sequence[str], regions: Sequence[str], dice: np.random.Generator
) -> Arrivals:
    if not any(homes):
        return come
    if not all(homes):
        raise SourceError(f"{path}: region: some joins have one and some have none")
    names = tuple(regions) or tuple(sorted(set(homes)))
    unknown = sorted(set(homes) - set(names))
    if unknown:
        raise SourceError(f"{path}: region: {unknown[0]!r} is not one of {', '.join(names)}")
    return live_in(come, names, np.array([names.index(home) for home in homes], dtype=np.intp), dice)


def _see_parties(path: Path, joins: Sequence[_Join]) -> None:
    """Sorted by time and party, a party's members follow each other only if they join at once."""
    joined: dict[str, float] = {}
    for join in joins:
        if join.party and joined.setdefault(join.party, join.seconds) != join.seconds:
            raise SourceError(f"{path}: party: {join.party!r} joins at several times")


def _rows(path: Path, needed: set[str]) -> list[tuple[int, Mapping[str, str]]]:
    """Lines with their numbers."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = needed - set(reader.fieldnames or ())
            if missing:
                raise SourceError(f"{path}:1: no column {' and '.join(sorted(missing))}")
            return [(reader.line_num, fields) for fields in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read ({error})") from error


def _join(path: Path, line: int, fields: Mapping[str, str]) -> _Join:
    deviation = _number(path, line, fields, "deviation", 60.0)
    return _Join(
        seconds=_number(path, line, fields, "time"),
        party=(fields.get("party") or "").strip(),
        rating=_number(path, line, fields, "rating"),
        deviation=deviation,
        games=_number(path, line, fields, "games", FEW_GAMES if deviation > UNCERTAIN else MANY_GAMES),
        region=(fields.get("region") or "").strip(),
    )


def _number(path: Path, line: int, fields: Mapping[str, str], name: str, default: float | None = None) -> float:
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
