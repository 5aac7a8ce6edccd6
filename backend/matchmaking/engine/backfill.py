"""Who takes the open seats of running matches: a seat gets the unit that fits it best within its window."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matchmaking.engine.demands import LatencyLimit
from matchmaking.engine.search_window import SearchWindow
from matchmaking.engine.teams.units import Units, gather_units
from matchmaking.engine.tickets import WaitingTickets


@dataclass(frozen=True, slots=True)
class OpenSeats:
    """Free seats in one team of a running match."""

    match_id: str
    #: Which of `ratings` the seats are in.
    team: int
    seats: int
    #: Rating points of those who play, team by team; no more than play now.
    ratings: tuple[tuple[float, ...], ...]
    #: "" where latencies do not count.
    region: str = ""
    #: Rating points that a newcomer may be from the mean of those who play.
    reach: float = math.inf
    #: Ids of those who play, and of whom they have blocked.
    players: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()
    opened_ms: int = 0

    @property
    def mean(self) -> float:
        """Rating points of a player of the match; NaN where nobody plays."""
        playing = [rating for team in self.ratings for rating in team]
        return sum(playing) / len(playing) if playing else math.nan

    @property
    def wanted(self) -> float:
        """Rating points of a newcomer with whom the team is as strong, a player, as the others are."""
        others = [rating for place, team in enumerate(self.ratings) if place != self.team for rating in team]
        if not others:
            return self.mean
        own = self.ratings[self.team]
        fair = sum(others) / len(others)
        return fair + (fair * len(own) - sum(own)) / self.seats


@dataclass(frozen=True, slots=True)
class SeatsFilled:
    """Rows of `WaitingTickets` that join a team of a running match: whole units."""

    match_id: str
    team: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Backfilling:
    """`fills`, one for each team that got anybody; `waiting` the rows that got no seat, ascending."""

    fills: list[SeatsFilled]
    waiting: list[int]


def fill_seats(
    tickets: WaitingTickets,
    openings: Sequence[OpenSeats],
    *,
    window: SearchWindow,
    latency: LatencyLimit,
    now_ms: int,
    among: Sequence[int] | None = None,
) -> Backfilling:
    """Fill open seats, those open longest first, each with the unit that makes the teams most even.

    A unit may come if its mean rating is within its own reach and the seats' reach of the mean of those who play, it
    finds seats whole, the region is within its latency limit and no block stands between. Of those as good, who waited
    longest comes. Seats stay open where nobody fits. `among` as in `find_groups`: all rows for
    `BackfillPriority.FIRST`, the unmatched of the round for `LAST`.
    """
    rows = range(len(tickets.player_ids)) if among is None else among
    units = gather_units(tickets, rows, largest=max((seats.seats for seats in openings), default=0))
    is_free = np.ones(len(units), dtype=np.bool_)
    waited_seconds = (now_ms - units.joined_ms) / 1000
    reaches = window.reaches(waited_seconds)
    fills = []
    for seats in sorted(openings, key=lambda seats: (seats.opened_ms, seats.match_id, seats.team)):
        gaps = np.abs(units.ratings - seats.mean)
        fits = is_free & (gaps <= np.minimum(reaches, seats.reach))
        taken: list[int] = []
        for unit in _best_first(units, fits, seats):
            size, left = len(units.rows[unit]), seats.seats - sum(len(units.rows[one]) for one in taken)
            limit = latency.limit(float(waited_seconds[unit]))
            if size <= left and _may_join(units, unit, seats, limit) and _may_join_others(units, unit, taken):
                taken.append(unit)
                is_free[unit] = False
                if size == left:
                    break
        if taken:
            fills.append(
                SeatsFilled(seats.match_id, seats.team, tuple(row for unit in taken for row in units.rows[unit]))
            )
    seated = {row for fill in fills for row in fill.rows}
    return Backfilling(fills=fills, waiting=sorted(set(rows) - seated))


def _best_first(units: Units, fits: np.ndarray, seats: OpenSeats) -> list[int]:
    """By distance from the wanted rating, in thousandths; then who waited longest; then by player."""
    distances = np.rint(np.abs(units.ratings - seats.wanted) * 1000).tolist()
    return sorted(
        np.flatnonzero(fits).tolist(),
        key=lambda unit: (distances[unit], int(units.joined_ms[unit]), units.player_ids[unit]),
    )


def _may_join(units: Units, unit: int, seats: OpenSeats, limit_ms: float) -> bool:
    """Whether region and blocks allow it."""
    if not seats.blocked.isdisjoint(units.player_ids[unit]):
        return False
    for traits in units.traits[unit] if units.traits else ():
        if not seats.players.isdisjoint(traits.blocked):
            return False
        if seats.region and traits.latencies_ms and traits.latencies_ms.get(seats.region, math.inf) > limit_ms:
            return False
    return True


def _may_join_others(units: Units, unit: int, taken: Sequence[int]) -> bool:
    """Whether no block stands between the unit and those who come with it."""
    if not units.traits:
        return True
    return not any(_has_blocked(units, unit, other) or _has_blocked(units, other, unit) for other in taken)


def _has_blocked(units: Units, unit: int, other: int) -> bool:
    return any(not traits.blocked.isdisjoint(units.player_ids[other]) for traits in units.traits[unit])
