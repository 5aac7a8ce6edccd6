"""Why a ticket still waits: the first thing in its way, in words and in figures."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from matchmaking.engine.demands import BalanceRule, MatchFormat
from matchmaking.engine.search_window import SearchWindow
from matchmaking.expectations.eta import Eta
from matchmaking.expectations.others import Line, Seen, seconds_until_accepted

#: Seconds from which on a wait is long whatever the ETA was.
LONG_WAIT_SECONDS = 15.0
#: Milliseconds without a round while tickets wait: rounds come once or twice a second, and take less than this.
PAUSED_AFTER_MS = 10_000


_NO_BOUND = BalanceRule()


class Code(StrEnum):
    """The reasons, in the order in which they are looked for."""

    #: No rounds are made: PostgreSQL or the workers are away.
    PAUSED = "paused"
    #: The queue wants a seat on a game server, and there is none.
    NO_SERVER = "no_server"
    ALONE = "alone"
    #: Others wait, outside of this ticket's window.
    OUT_OF_REACH = "out_of_reach"
    #: They are in this ticket's window, and it is not in theirs.
    NOT_REACHED = "not_reached"
    #: Some accept each other, fewer than a match needs.
    TOO_FEW = "too_few"
    #: Enough accept: a round will choose, unless blocks, regions, recent opponents or uneven teams part them.
    IN_REACH = "in_reach"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, with what is known; None where it does not belong to the reason."""

    code: Code
    text: str
    #: Players who wait in the queue beside this ticket, and those of them within its window.
    others: int | None = None
    in_reach: int | None = None
    #: Rating points to the nearest of them.
    nearest_points: int | None = None
    #: Until the nearest one that does not accept yet can be matched, or less even teams are good enough; None where
    #: waiting alone will not do.
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is known of a queue at this moment."""

    line: Line
    #: When the last round began; None where none ever has.
    last_round_ms: int | None = None
    lacks_seats: bool = False


def is_long(waited_ms: int, expected: Eta) -> bool:
    """Whether a wait is longer than one was told at the join, or long by itself."""
    p90 = LONG_WAIT_SECONDS if expected.p90_seconds is None else min(LONG_WAIT_SECONDS, expected.p90_seconds)
    return waited_ms / 1000 > p90


def why_waiting(
    seen: Seen,
    around: Surroundings,
    *,
    window: SearchWindow,
    match_format: MatchFormat,
    balance: BalanceRule = _NO_BOUND,
    now_ms: int,
) -> Reason:
    """The first thing in the way of this ticket."""
    line = around.line
    others = line.count(seen)
    without_ms = min(seen.waited_ms, now_ms - (around.last_round_ms or 0))
    if without_ms > PAUSED_AFTER_MS:
        return Reason(Code.PAUSED, f"matching is paused: no round for {without_ms // 1000} s", others)
    if around.lacks_seats:
        return Reason(Code.NO_SERVER, "no game server has a free seat", others)
    if not others:
        return Reason(Code.ALONE, "nobody else waits in this queue", 0, 0)
    in_reach = len(line.within(seen, window.reach(seen.waited_ms / 1000)))
    accepting = line.accepting_rows(seen, window, now_ms)
    if not len(accepting):
        return _none_accepts(seen, line, in_reach, window, now_ms)
    nearest = points(float(np.abs(line.tickets.ratings[accepting] - seen.rating).min()))
    count, needed = len(accepting), match_format.fewest_teams(seen.waited_ms / 1000) * match_format.team_size
    if count + max(1, len(seen.own)) < needed:
        text = f"{_players(count)} in reach, nearest {nearest} points away; a match needs {needed} players"
        return Reason(Code.TOO_FEW, text, others, in_reach, nearest)
    chooses, seconds = _how_even(balance, seen.waited_ms / 1000)
    text = f"{_players(count)} in reach, nearest {nearest} points away: {chooses}"
    return Reason(Code.IN_REACH, text, others, in_reach, nearest, seconds)


def _how_even(balance: BalanceRule, waited_seconds: float) -> tuple[str, int | None]:
    """What a round looks for among enough players, and in how many seconds it will be content with less."""
    if not balance.is_bounded:
        return "a round will choose", None
    bound = f"a round looks for teams of which none is likelier than {balance.limit(waited_seconds):.0%} to win"
    relaxes = balance.seconds_until_more(waited_seconds)
    if relaxes is None:
        return bound, None
    seconds = math.ceil(relaxes)
    return f"{bound}, {balance.limit(waited_seconds + relaxes):.0%} in {seconds} s", seconds


def _none_accepts(seen: Seen, line: Line, in_reach: int, window: SearchWindow, now_ms: int) -> Reason:
    """The nearest one and when that will change. With someone in this ticket's window, it waits to be in theirs."""
    (first,), others = line.nearest(seen, 1), line.count(seen)
    gap = abs(float(line.tickets.ratings[first]) - seen.rating)
    theirs = max(0, now_ms - int(line.tickets.joined_ms[first])) / 1000
    wait = seconds_until_accepted(window, gap, seen.waited_ms / 1000, theirs)
    seconds, nearest = None if wait is None else math.ceil(wait), points(gap)
    if in_reach:
        when = "will not reach you" if seconds is None else f"reaches you in {seconds} s"
        text = f"{_players(in_reach)} in reach, nearest {nearest} points away; their window {when}"
        return Reason(Code.NOT_REACHED, text, others, in_reach, nearest, seconds)
    when = "does not reach so far" if seconds is None else _both(nearest, window.seconds_until(gap), seconds, seen)
    text = f"{_players(others)} waiting, none in reach: nearest {nearest} points away; your window {when}"
    return Reason(Code.OUT_OF_REACH, text, others, 0, nearest, seconds)


def _both(nearest: int, own: float | None, seconds: int, seen: Seen) -> str:
    """When this ticket's window is wide enough, and when the other one's is, if that is later."""
    mine = max(0, math.ceil((own or 0.0) - seen.waited_ms / 1000))
    return f"reaches {nearest} in {mine} s" + (f", theirs in {seconds} s" if seconds > mine else "")


def points(gap: float) -> int:
    """Whole points, rounded up: a window that reaches them reaches the player."""
    return math.ceil(gap)


def _players(count: int) -> str:
    return "1 player" if count == 1 else f"{count} players"
