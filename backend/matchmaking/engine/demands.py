"""What a queue demands of its matches beside the search window: size, regions, rematches, parties. Values, no more."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class BackfillPriority(StrEnum):
    """Whether open seats of running matches are filled, and whether they or new matches choose first among waiting
    tickets."""

    #: A match that loses a player goes on without.
    OFF = "off"
    #: Open seats: players of a running match wait for nobody. New matches get who is left.
    FIRST = "first"
    #: New matches: open seats get who would have to wait on.
    LAST = "last"


@dataclass(frozen=True, slots=True)
class MatchFormat:
    """`teams` of `team_size` players each; a free-for-all of N is N teams of one.

    A match may start with fewer teams, down to `min_teams`, once its tickets have waited: one fewer after
    `relax_after_seconds`, and one more fewer every `relax_every_seconds` from there.
    """

    teams: int = 2
    team_size: int = 1
    #: 0 is `teams`: never fewer.
    min_teams: int = 0
    relax_after_seconds: float = 30.0
    relax_every_seconds: float = 10.0

    @property
    def players(self) -> int:
        """Players of a full match."""
        return self.teams * self.team_size

    @property
    def is_duel(self) -> bool:
        """One against one: the engine pairs along a line."""
        return self.teams == 2 and self.team_size == 1

    def fewest_teams(self, waited_seconds: float) -> int:
        """Teams that a match of tickets which have waited so long may start with."""
        if not self.min_teams or waited_seconds < self.relax_after_seconds:
            return self.teams
        fewer = 1 + math.floor((waited_seconds - self.relax_after_seconds) / self.relax_every_seconds)
        return max(self.min_teams, self.teams - fewer)


@dataclass(frozen=True, slots=True)
class LatencyLimit:
    """Milliseconds that a player may be away from the region of a match: `max_ms`, and `step_ms` more every
    `every_seconds`, up to `max_extra_ms` more. `max_ms` 0 is no limit. Who has told no latencies fits every region.
    """

    max_ms: float = 0.0
    step_ms: float = 0.0
    every_seconds: float = 10.0
    max_extra_ms: float = 0.0

    def limit(self, waited_seconds: float) -> float:
        """Milliseconds, infinite where there is no limit."""
        if not self.max_ms:
            return math.inf
        steps = math.floor(max(0.0, waited_seconds) / self.every_seconds)
        return self.max_ms + min(self.step_ms * steps, self.max_extra_ms)


@dataclass(frozen=True, slots=True)
class RematchRule:
    """How a recent opponent counts: the last of `last` opponents as `points` further away, the one before a little
    less, in equal steps down to none. `last` 0 forgets all opponents.
    """

    last: int = 0
    points: float = 0.0

    def malus(self, matches_ago: int) -> float:
        """Rating points; `matches_ago` is 1 for the opponent of the last match."""
        if not 1 <= matches_ago <= self.last:
            return 0.0
        return self.points * (self.last + 1 - matches_ago) / self.last


@dataclass(frozen=True, slots=True)
class PartyRule:
    """Parties of up to `max_size` players join as one. A match in which one side has a larger party than every other
    side is made only once all its tickets have waited `premade_against_solo_after_seconds`.
    """

    max_size: int = 1
    premade_against_solo_after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class BalanceRule:
    """How likely the stronger team of a match may be to win, predicted: `max_favourite`, and `step` more every
    `every_seconds`, up to `max_extra` more. `max_favourite` 1 is no bound. Of more than two teams it is the strongest
    against the weakest.
    """

    max_favourite: float = 1.0
    step: float = 0.0
    every_seconds: float = 10.0
    max_extra: float = 0.0

    @property
    def is_bounded(self) -> bool:
        return self.max_favourite < 1

    def limit(self, waited_seconds: float) -> float:
        """A probability."""
        steps = math.floor(max(0.0, waited_seconds) / self.every_seconds)
        return min(1.0, self.max_favourite + min(self.step * steps, self.max_extra))

    def seconds_until_more(self, waited_seconds: float) -> float | None:
        """Until `limit` next grows; None where it will not."""
        due = (math.floor(max(0.0, waited_seconds) / self.every_seconds) + 1) * self.every_seconds
        return due - waited_seconds if self.limit(due) > self.limit(waited_seconds) else None

    def log_odds(self, waited_seconds: np.ndarray) -> np.ndarray:
        """`limit` of many waits as logarithms of odds, infinite where there is no bound: float64 in, float64 out."""
        steps = np.floor(np.maximum(waited_seconds, 0.0) / self.every_seconds)
        limits = np.minimum(1.0, self.max_favourite + np.minimum(self.step * steps, self.max_extra))
        with np.errstate(divide="ignore"):
            odds: np.ndarray = np.log(limits / (1 - limits))
        return odds
