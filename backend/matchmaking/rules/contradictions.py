"""Settings of which each may be, and which together mean nothing. Pure: what stands in the file and what it makes come
in; the key at fault, the reason and the cure come out."""

from collections.abc import Collection, Iterator
from itertools import pairwise

from matchmaking.engine.demands import (
    BackfillPriority,
    BalanceRule,
    LatencyLimit,
    MatchFormat,
    PartyRule,
    RematchRule,
)
from matchmaking.engine.patience import Patience
from matchmaking.engine.search_window import SearchWindow
from matchmaking.rules.bounds import MOST_PLAYERS
from players.rating_models import RatingModel

#: Seconds. Players ask for their status every second or two, have to see the question and to find the button.
LEAST_ACCEPTANCE_SECONDS = 5
#: Of probabilities that a file gives in decimals.
_ROUNDING = 1e-9
#: A key and what is wrong with it.
Contradictions = Iterator[tuple[str, str]]
#: The keys of the table that stand in the file.
Said = Collection[str]


def of_format(said: Said, made: MatchFormat) -> Contradictions:
    if made.players > MOST_PLAYERS:
        key = "team_size" if "team_size" in said else "teams"
        yield key, f"{made.teams} x {made.team_size} are {made.players} players: a match has {MOST_PLAYERS} at most"
    if made.min_teams:
        if reason := _no_minimum(made):
            yield "min_teams", reason
        return
    for key in ("relax_after_seconds", "relax_every_seconds"):
        if key in said:
            yield key, f"nothing to relax, a match has always {made.teams} teams: give min_teams, or leave it out"


def _no_minimum(made: MatchFormat) -> str:
    if made.min_teams > made.teams:
        return f"{made.min_teams} teams at least, but the match has {made.teams}: make it smaller, or give more teams"
    if made.is_duel:
        return "two players cannot become fewer: leave it out, or give more teams"
    if made.min_teams < 2:
        return "one team has nobody to play against: give 2 or more, or leave it out"
    if made.min_teams == made.teams:
        return "these are all the teams, so a match never starts with fewer: make it smaller, or leave it out"
    return ""


def of_rating(said: Said, model: RatingModel) -> Contradictions:
    if "k_factor" in said and model is not RatingModel.ELO:
        yield "k_factor", f"belongs to elo, and the rating model is {model}: leave it out"


def of_backfill(said: Said, backfill: BackfillPriority) -> Contradictions:
    if "backfill_ttl_seconds" in said and backfill is BackfillPriority.OFF:
        yield "backfill_ttl_seconds", "no seat is offered with backfill = off: give backfill, or leave it out"


def of_acceptance(acceptance_seconds: float, match_ttl_seconds: float) -> Contradictions:
    if 0 < acceptance_seconds < LEAST_ACCEPTANCE_SECONDS:
        yield (
            "acceptance_seconds",
            f"nobody can answer within {acceptance_seconds:.12g} s: give {LEAST_ACCEPTANCE_SECONDS} or more, or 0 to "
            "ask nobody",
        )
    elif acceptance_seconds >= match_ttl_seconds:
        yield "acceptance_seconds", "is not shorter than match_ttl_seconds, which ends the match: make it smaller"


def of_window(said: Said, made: SearchWindow) -> Contradictions:
    linear = [key for key in ("step", "every_seconds", "max_extra") if key in said]
    if "steps" in said:
        for key in linear:
            yield key, "grows by steps already: leave out steps, or step, every_seconds and max_extra"
        yield from _of_steps(made)
        return
    if made.step == 0:
        if made.max_extra > 0 and "max_extra" in said:
            yield "max_extra", "cannot be reached with step = 0: give a step, or max_extra = 0"
        if "every_seconds" in said:
            yield "every_seconds", "nothing grows with step = 0: give a step, or leave it out"
    elif made.max_extra == 0 and "step" in said:
        yield "step", "never counts with max_extra = 0: give a max_extra, or step = 0"


def _of_steps(made: SearchWindow) -> Contradictions:
    if not made.steps:
        yield "steps", "holds no step: give at least one, or leave it out"
    for (before, fewer), (after, points) in pairwise(made.steps):
        if after <= before:
            yield "steps", f"after_seconds have to ascend, and {after:g} comes after {before:g}"
        if points <= fewer:
            yield "steps", f"points have to ascend, for windows never narrow, and {points:g} comes after {fewer:g}"


def of_patience(said: Said, made: Patience) -> Contradictions:
    if made.far < made.close:
        key = "far" if "far" in said else "close"
        yield key, f"far is {made.far:g} and close is {made.close:g}: make far the larger one"


def of_latency(said: Said, made: LatencyLimit) -> Contradictions:
    if not made.max_ms:
        for key in ("step_ms", "every_seconds", "max_extra_ms"):
            if key in said:
                yield key, "there is no limit to grow: give max_ms, or leave it out"
    elif not made.step_ms:
        for key in ("max_extra_ms", "every_seconds"):
            if key in said and getattr(made, key):
                yield key, "nothing grows without step_ms: give it, or leave this out"
    elif not made.max_extra_ms:
        yield "step_ms", "never counts without max_extra_ms: give it, or leave this out"


def of_rematch(said: Said, made: RematchRule) -> Contradictions:
    if made.points and not made.last:
        yield "points", "no opponent is remembered with last = 0: give last, or leave it out"
    if made.last and not made.points:
        yield "last", "opponents are remembered, but cost no points: give points, or leave it out"


def of_party(said: Said, made: PartyRule, match: MatchFormat) -> Contradictions:
    if made.max_size > match.team_size:
        yield (
            "max_size",
            f"a party of {made.max_size} does not fit into a team of {match.team_size}: make it smaller, or give a "
            "larger team_size",
        )
    elif made.max_size == 1 and made.premade_against_solo_after_seconds:
        yield (
            "premade_against_solo_after_seconds",
            "there are no parties with max_size = 1: give a max_size, or leave it out",
        )


def of_balance(said: Said, made: BalanceRule, match: MatchFormat) -> Contradictions:
    if not made.is_bounded:
        for key in ("step", "every_seconds", "max_extra"):
            if key in said:
                yield key, "there is no bound to grow: give max_favourite, or leave it out"
    elif match.team_size == 1:
        yield (
            "max_favourite",
            "teams of one cannot be split more evenly, so the search window alone says whom a player meets: make that "
            "smaller, or give a larger team_size",
        )
    elif made.max_favourite + made.max_extra > 1 + _ROUNDING:
        sum_ = made.max_favourite + made.max_extra
        yield (
            "max_extra",
            f"with max_favourite that is {sum_:g}, and nobody wins more often than always: make it smaller",
        )
    elif not made.step:
        for key in ("max_extra", "every_seconds"):
            if key in said and getattr(made, key):
                yield key, "nothing grows without step: give it, or leave this out"
    elif not made.max_extra:
        yield "step", "never counts without max_extra: give it, or leave this out"
