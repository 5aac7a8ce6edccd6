"""A queue's rules in plain words: what a player meets, from joining on."""

from collections.abc import Iterator, Sequence

from matchmaking.engine.demands import BackfillPriority
from matchmaking.engine.search_window import WhoseWait
from matchmaking.rules.values import Placement, QueueRules
from players.rating_models import RatingModel

#: Seconds of waiting at which it is said what a player meets.
MOMENTS_SECONDS = (0, 10, 30, 60, 120)
#: Seconds. Longer than anything grows.
EVER_SECONDS = 1e12

_PLACEMENT = {
    Placement.OPTIONAL: "A match takes a seat on a game server where one is free, and starts without where none is.",
    Placement.REQUIRED: "A match waits for a free seat on a game server; until then both sides keep their places.",
    Placement.NONE: "A match takes no seat on a game server.",
}
_BACKFILL = {
    BackfillPriority.FIRST: "before new matches are made",
    BackfillPriority.LAST: "from those for whom there is no new match",
}
_MODEL = {
    RatingModel.ELO: "by Elo",
    RatingModel.GLICKO2: "by Glicko-2: newcomers' ratings move far and settle",
    RatingModel.OPENSKILL: "by OpenSkill: newcomers' ratings move far and settle",
}
_WHOSE_WAIT = {
    WhoseWait.SHORTER: "The shorter wait of two counts for both: who has just joined is met within {near} only.",
    WhoseWait.LONGER: "The longer wait of two counts for both: who has just joined is met as far as this player looks.",
    WhoseWait.OWN: "Each looks as far as the own wait allows, and both have to accept: who has just joined is met "
    "within {near} only.",
}


def explain(rules: QueueRules, rating: float | None = None, moments: Sequence[float] = MOMENTS_SECONDS) -> str:
    """What a player of this rating meets after so many seconds of waiting, and what holds all the time. Without a
    rating, a new player's."""
    of = rules.initial_rating if rating is None else rating
    who = "a new player rated" if rating is None else "a player rated"
    lines = [f"{rules.name}: {_format(rules)}.", "", f"What {who} {_points(of)} meets, by the seconds of waiting:", ""]
    lines += [f"  after {_number(waited)} s: {_at(rules, of, waited)}." for waited in moments]
    lines += ["", *(f"- {line}" for line in _always(rules, of))]
    return "\n".join(lines)


def summary(rules: QueueRules) -> str:
    """One line."""
    window = rules.search_window
    reach = f"within {_number(window.reach(0))} points at once, {_number(window.reach(EVER_SECONDS))} at last"
    asks = f"; accepted within {_duration(rules.acceptance_seconds)}" if rules.acceptance_seconds else ""
    return f"{rules.name}: {_format(rules)}; {reach}; rated by {rules.rating_model}{asks}"


# --- by the moment ------------------------------------------------------------------------------------------


def _at(rules: QueueRules, rating: float, waited: float) -> str:
    parts = [f"{_others(rules)} rated {_span(rating, rules.search_window.reach(waited))}"]
    if rules.latency.max_ms:
        parts.append(f"regions within {_number(rules.latency.limit(waited))} ms")
    if rules.format.min_teams:
        parts.append(_fewest(rules, waited))
    if rules.balance.is_bounded:
        parts.append(f"a favourite of {_percent(rules.balance.limit(waited))} at most")
    if _guards_solo(rules):
        is_over = waited >= rules.party.premade_against_solo_after_seconds
        parts.append("also sides with a larger party than the others" if is_over else "no side with a larger party")
    return "; ".join(parts)


def _others(rules: QueueRules) -> str:
    return "opponents" if rules.format.team_size == 1 else "team mates and opponents"


def _fewest(rules: QueueRules, waited: float) -> str:
    fewest, teams = rules.format.fewest_teams(waited), rules.format.teams
    unit = "players" if rules.format.team_size == 1 else "teams"
    return f"all {teams} {unit}" if fewest == teams else f"{fewest} to {teams} {unit}"


# --- all the time -------------------------------------------------------------------------------------------


def _always(rules: QueueRules, rating: float) -> Iterator[str]:
    yield from _window(rules, rating)
    yield from _latency(rules)
    if rules.format.min_teams:
        yield f"A match never starts with fewer than {rules.format.min_teams} {_sides(rules)}."
    yield _party(rules)
    if rules.balance.is_bounded:
        yield _balance(rules)
    if rules.rematch.last:
        yield (
            f"The opponent of the last match counts as {_number(rules.rematch.malus(1))} points further away, those "
            f"before it as less and less; after {_matches(rules.rematch.last)} an opponent is one like any other."
        )
    else:
        yield "Recent opponents may be met again at once."
    yield _PLACEMENT[rules.placement]
    yield _acceptance(rules)
    yield (
        f"Who does not ask for the status for {_duration(rules.ticket_ttl_seconds)} leaves the queue: the ticket has "
        "expired. Who keeps asking waits without end."
    )
    if rules.backfill is not BackfillPriority.OFF:
        asks = rules.acceptance_seconds > 0
        yield (
            f"A seat that a player leaves in a running match is offered for {_duration(rules.backfill_ttl_seconds)}, "
            f"and filled {_BACKFILL[rules.backfill]}{'; who comes is not asked to accept' if asks else ''}."
        )
    yield f"A match without a result is abandoned after {_duration(rules.match_ttl_seconds)}."
    moves = f"; a match moves a rating by {_number(rules.k_factor)} points at most" if _is_elo(rules) else ""
    yield f"Rated {_MODEL[rules.rating_model]}; new players start at {_points(rules.initial_rating)}{moves}."


def _window(rules: QueueRules, rating: float) -> Iterator[str]:
    window = rules.search_window
    widest = _span(rating, window.reach(EVER_SECONDS))
    if after := _widest_after(rules):
        yield f"The search window is widest after {_duration(after)}: {widest}."
        yield _WHOSE_WAIT[window.whose_wait].format(near=_span(rating, window.reach(0)))
    else:
        yield f"The search window never grows: {widest}."
    if window.patience:
        yield (
            f"Within the window, an opponent up to {_number(window.patience.close)} points away is taken at once; one "
            f"further away, to {_number(window.patience.far)} points, where players are rare; and whoever is in the "
            "window after some waiting, the sooner the more players come."
        )


def _widest_after(rules: QueueRules) -> float:
    """Seconds; 0 where it never grows."""
    window = rules.search_window
    if window.steps:
        return window.steps[-1][0]
    if not window.step or not window.max_extra:
        return 0.0
    return -(-window.max_extra // window.step) * window.every_seconds


def _latency(rules: QueueRules) -> Iterator[str]:
    limit = rules.latency
    if not limit.max_ms:
        yield "There is no limit of latency: a match may be in any region."
        return
    at_last = (
        f", and at last within {_number(limit.limit(EVER_SECONDS))} ms" if limit.step_ms and limit.max_extra_ms else ""
    )
    yield (
        f"A match is in a region that every player reaches within {_number(limit.max_ms)} ms{at_last}; who has told no "
        "latencies fits every region."
    )


def _acceptance(rules: QueueRules) -> str:
    if not rules.acceptance_seconds:
        return "A match stands as soon as it is found: nobody is asked to accept it."
    return (
        f"All players have to accept a match within {_duration(rules.acceptance_seconds)}; else it falls, who accepted "
        "waits again in the same place, and who declined or did not answer is out of the queue."
    )


def _party(rules: QueueRules) -> str:
    if rules.party.max_size == 1:
        return "Parties cannot join: every ticket is for one player."
    guard = ""
    if _guards_solo(rules):
        after = _duration(rules.party.premade_against_solo_after_seconds)
        guard = f"; where one side has a larger party than every other, all have waited {after} before the match"
    return f"Parties of up to {rules.party.max_size} join as one and play in one team{guard}."


def _balance(rules: QueueRules) -> str:
    balance = rules.balance
    whom = "the other" if rules.format.teams == 2 else "the weakest"
    at_last = balance.limit(EVER_SECONDS)
    grows = f"; after waiting, up to {_percent(at_last)}" if at_last > balance.max_favourite else ""
    return (
        f"Teams are split so evenly that the strongest is predicted to win against {whom} in "
        f"{_percent(balance.max_favourite)} of matches at most{grows}; else the match is not made."
    )


# --- words --------------------------------------------------------------------------------------------------


def _format(rules: QueueRules) -> str:
    made = rules.format
    if made.teams == 2:
        return f"{made.team_size} against {made.team_size}"
    return f"free-for-all of {made.teams}" if made.team_size == 1 else f"{made.teams} teams of {made.team_size}"


def _sides(rules: QueueRules) -> str:
    return "players" if rules.format.team_size == 1 else "teams"


def _guards_solo(rules: QueueRules) -> bool:
    return rules.party.max_size > 1 and rules.party.premade_against_solo_after_seconds > 0


def _is_elo(rules: QueueRules) -> bool:
    return rules.rating_model is RatingModel.ELO


def _span(rating: float, reach: float) -> str:
    return f"{_points(rating - reach)} to {_points(rating + reach)}"


def _points(rating: float) -> str:
    return f"{rating:.0f}"


def _number(value: float) -> str:
    return f"{value:.12g}"


def _percent(probability: float) -> str:
    return f"{probability * 100:.4g} %"


def _matches(count: int) -> str:
    return "1 match" if count == 1 else f"{count} matches"


def _duration(seconds: float) -> str:
    """As 45 s, 5 min or 2 h 30 min; what is not whole minutes in seconds."""
    if seconds < 60 or seconds % 60:
        return f"{_number(seconds)} s"
    hours, minutes = divmod(int(seconds) // 60, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)
