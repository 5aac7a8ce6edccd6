"""The evening in figures. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation, fmean

from demo.records import NO_ANSWER, MatchRow, PlayLog, SqlCounters, Told
from demo.settings import QUEUE


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles; None where there is nothing."""

    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """One queue. Who joins several counts in each, and plays in one of them."""

    queue: str
    players: int
    joins: int
    matches: int
    #: Those of them in which a party plays.
    matches_with_parties: int
    #: As the service counts it: from taking the join to the round.
    wait_seconds: Spread
    rating_gap_mean: float | None
    rating_gap_p95: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """None stands for a figure that this run cannot tell."""

    players: int
    played_seconds: float
    joins: int
    tickets_left: int
    matches: int
    matches_completed: int
    matches_abandoned: int
    matches_still_open: int
    #: From sending the join to the first answer that named the match: HTTP and the pauses between questions included.
    wait_seconds: Spread
    #: The same as the service counts it: from taking the join to the round.
    wait_in_queue_seconds: Spread
    #: Those with the most matches first.
    queues: list[QueueFigures]
    rating_gap_mean: float | None
    rating_gap_p95: float | None
    #: How far ratings have found the true strengths: 0 not at all, 1 in full order.
    rating_strength_correlation: float | None
    #: Of the whole database and all its users, results, ratings and background work included.
    sql_transactions_per_match: float | None
    rows_written_per_match: float | None
    calls: int
    calls_per_second: float
    call_seconds: Spread
    #: Status -> calls; "no answer" for those that got none.
    calls_by_status: dict[str, int]


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest rank: the smallest value that is not below `share` (0 to 1) of all."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def spread_of(values: Sequence[float]) -> Spread:
    return Spread(percentile(values, 0.50), percentile(values, 0.95), percentile(values, 0.99))


def figures_of(
    log: PlayLog, matches: Sequence[MatchRow], sql: SqlCounters, *, began_seconds: float, ended_seconds: float
) -> Figures:
    """`sql` is what was counted from `began_seconds`, when all were registered, to `ended_seconds`."""
    gaps = [gap for match in matches if (gap := rating_gap(match)) is not None]
    statuses = Counter(match.status for match in matches)
    calls = [call for call in log.calls if began_seconds <= call.asked_seconds <= ended_seconds]
    played_seconds = ended_seconds - began_seconds
    return Figures(
        players=len(log.true_strengths),
        played_seconds=played_seconds,
        joins=joins_of(log.told),
        tickets_left=sum(told.status == "left" for told in log.told),
        matches=len(matches),
        matches_completed=statuses["completed"],
        matches_abandoned=statuses["abandoned"],
        matches_still_open=statuses["created"] + statuses["in_progress"],
        wait_seconds=spread_of(log.waits_seconds),
        wait_in_queue_seconds=spread_of([p.waited_ms / 1000 for match in matches for p in match.participants]),
        queues=queue_figures_of(log, matches),
        rating_gap_mean=fmean(gaps) if gaps else None,
        rating_gap_p95=percentile(gaps, 0.95),
        rating_strength_correlation=_correlation(log),
        sql_transactions_per_match=sql.transactions / len(matches) if matches else None,
        rows_written_per_match=sql.rows_written / len(matches) if matches else None,
        calls=len(calls),
        calls_per_second=len(calls) / played_seconds,
        call_seconds=spread_of([call.took_seconds for call in calls]),
        calls_by_status=dict(sorted(Counter(_status_name(call.status) for call in log.calls).items())),
    )


def queue_figures_of(log: PlayLog, matches: Sequence[MatchRow]) -> list[QueueFigures]:
    """Of every queue that somebody joined or was matched in."""
    known = {match.queue for match in matches}.union(*log.queues.values())
    made = [_figures_of_queue(queue, log, [match for match in matches if match.queue == queue]) for queue in known]
    return sorted(made, key=lambda figures: (-figures.matches, figures.queue))


def _figures_of_queue(queue: str, log: PlayLog, matches: Sequence[MatchRow]) -> QueueFigures:
    players = {player for player, queues in log.queues.items() if queue in queues}
    gaps = [gap for match in matches if (gap := rating_gap(match)) is not None]
    return QueueFigures(
        queue=queue,
        players=len(players),
        joins=joins_of([told for told in log.told if told.player_id in players]),
        matches=len(matches),
        matches_with_parties=sum(any(party <= match.player_ids for party in log.parties) for match in matches),
        wait_seconds=spread_of([p.waited_ms / 1000 for match in matches for p in match.participants]),
        rating_gap_mean=fmean(gaps) if gaps else None,
        rating_gap_p95=percentile(gaps, 0.95),
    )


def joins_of(told: Sequence[Told]) -> int:
    """Tickets that the service has acknowledged."""
    return sum(answer.call == "join" for answer in told)


def rating_gap(match: MatchRow) -> float | None:
    """Points between the mean ratings of the strongest and the weakest team."""
    teams: dict[int, list[float]] = {}
    for participant in match.participants:
        teams.setdefault(participant.team, []).append(participant.ticket_rating)
    means = [fmean(ratings) for ratings in teams.values()]
    return max(means) - min(means) if means else None


def _correlation(log: PlayLog) -> float | None:
    played = [profile for profile in log.profiles if profile.games and profile.queue == QUEUE]
    pairs = [(log.true_strengths[profile.player_id], float(profile.elo_rating)) for profile in played]
    try:
        return correlation([strength for strength, _ in pairs], [rating for _, rating in pairs])
    except StatisticsError:  # fewer than two players, or all alike
        return None


def _status_name(status: int) -> str:
    return "no answer" if status == NO_ANSWER else str(status)
