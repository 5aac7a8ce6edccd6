"""What each number of the file may be. Units are in the names; ratings, windows and gaps are in rating points."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from matchmaking.engine.patience import Patience

_DAY_SECONDS = 86_400
#: Players of one match: more do not fit into one claim, nor into a claim's two milliseconds of Redis.
MOST_PLAYERS = 100


@dataclass(frozen=True, slots=True)
class Bound:
    """What a number may be: from `least` (itself allowed or not) to `most`."""

    least: float
    most: float
    above: bool = False
    whole: bool = False

    def __str__(self) -> str:
        words = ("above", "and up to") if self.above else ("from", "to")
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} {words[0]} {self.least:.12g} {words[1]} {self.most:.12g}"

    def holds(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return (value > self.least if self.above else value >= self.least) and value <= self.most


Bounds = Mapping[str, Bound]

_DURATION = Bound(0, _DAY_SECONDS, above=True)

QUEUE: Bounds = {
    "initial_rating": Bound(-10_000, 10_000),
    "k_factor": Bound(0, 400, above=True),
    "ticket_ttl_seconds": Bound(1, _DAY_SECONDS),
    "match_ttl_seconds": Bound(1, 7 * _DAY_SECONDS),
    "backfill_ttl_seconds": Bound(1, _DAY_SECONDS),
    "acceptance_seconds": Bound(0, 120),
    "priority": Bound(0, 100, whole=True),
}
FORMAT: Bounds = {
    "teams": Bound(2, MOST_PLAYERS, whole=True),
    "team_size": Bound(1, MOST_PLAYERS // 2, whole=True),
    "min_teams": Bound(0, MOST_PLAYERS, whole=True),
    "relax_after_seconds": Bound(0, _DAY_SECONDS),
    "relax_every_seconds": _DURATION,
}
WINDOW: Bounds = {
    "base": Bound(0, 10_000),
    "step": Bound(0, 10_000),
    "every_seconds": _DURATION,
    "max_extra": Bound(0, 20_000),
}
#: One of the `steps` of a search window.
STEP: Bounds = {"after_seconds": _DURATION, "points": Bound(0, 20_000, above=True)}
PATIENCE: Bounds = {
    **{f.name: Bound(0, 10_000) for f in fields(Patience)},
    "close": Bound(0, 10_000, above=True),
    "far": Bound(0, 10_000, above=True),
    "rarity": Bound(0, 2),
    "growth_in_a_beat": Bound(0.01, 10_000),
    "growth_power": Bound(0.25, 8),
    "steep_until": Bound(1, 10_000),
    "late_growth_per_beat": Bound(0, 10_000, above=True),
}
LATENCY: Bounds = {
    "max_ms": Bound(0, 10_000),
    "step_ms": Bound(0, 10_000),
    "every_seconds": _DURATION,
    "max_extra_ms": Bound(0, 10_000),
}
REMATCH: Bounds = {"last": Bound(0, 20, whole=True), "points": Bound(0, 10_000)}
BALANCE: Bounds = {
    "max_favourite": Bound(0.5, 1, above=True),
    "step": Bound(0, 0.5),
    "every_seconds": _DURATION,
    "max_extra": Bound(0, 0.5),
}
PARTY: Bounds = {
    "max_size": Bound(1, MOST_PLAYERS // 2, whole=True),
    "premade_against_solo_after_seconds": Bound(0, _DAY_SECONDS),
}
