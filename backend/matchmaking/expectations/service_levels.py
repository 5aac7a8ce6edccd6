"""How well each part of the players is served: the waits and the gaps that 19 of 20 do not exceed."""

import math
from dataclasses import dataclass

import numpy as np

#: Rated games in a queue before which a player is a newcomer there.
NEWCOMER_GAMES = 10
#: Matched players that a level needs at least: of fewer, one in twenty is nobody.
LEAST = 20


@dataclass(frozen=True, slots=True)
class Level:
    """Of the matched players of one band; None where they are too few to say."""

    p95_wait_seconds: float | None
    p95_gap: float | None
    of_players: int


def service_levels(
    ratings: np.ndarray, waits_ms: np.ndarray, gaps: np.ndarray, games_before: np.ndarray
) -> dict[str, Level]:
    """By band. Bands part the matched players by rating; top_10_percent holds top_1_percent, and newcomers are in
    theirs as well. `games_before` are the player's rated games in the queue before each match."""
    if not len(ratings):
        return {name: Level(None, None, 0) for name in BANDS}
    bottom, top, best = np.quantile(ratings, (0.1, 0.9, 0.99))
    members = dict(
        zip(
            BANDS,
            (
                ratings < bottom,
                (ratings >= bottom) & (ratings <= top),
                ratings > top,
                ratings > best,
                games_before < NEWCOMER_GAMES,
            ),
            strict=True,
        )
    )
    return {name: _level(waits_ms[rows], gaps[rows]) for name, rows in members.items()}


BANDS = ("bottom_10_percent", "middle", "top_10_percent", "top_1_percent", "newcomers")


def _level(waits_ms: np.ndarray, gaps: np.ndarray) -> Level:
    count = len(waits_ms)
    if count < LEAST:
        return Level(None, None, count)
    place = math.ceil(0.95 * count) - 1
    return Level(float(np.sort(waits_ms)[place]) / 1000, float(np.sort(gaps)[place]), count)
