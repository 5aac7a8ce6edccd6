"""Glicko-2: rating, deviation and volatility. Pure.

Source: M. E. Glickman, "Example of the Glicko-2 system" (2013), http://www.glicko.net/glicko/glicko2.pdf; the numbers
of the steps are the paper's. Each match is a rating period of its own. The extension to teams is described at `rated`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from players.elo import score_of
from players.skill import Skill

#: Rating points in one unit of the paper's own scale: 400 / ln 10.
SCALE_POINTS = 400.0 / math.log(10.0)
#: Rating points: of who has not played, and the most there is.
NEW_DEVIATION = 350.0
NEW_VOLATILITY = 0.06
#: One surprise must not make a rating jump for weeks; as Lichess has it.
MOST_VOLATILITY = 0.1
#: The paper's tau, 0.3 to 1.2: smaller lets the volatility change less. The value of the paper's example.
SYSTEM_CONSTANT = 0.5
#: How near the volatility has to come to the root (step 5).
_CLOSE = 1e-6
#: A result that was certain tells nothing; this keeps the division by what it tells.
_LEAST_INFORMATION = 1e-9


@dataclass(frozen=True, slots=True)
class Encounter:
    """One result, as one player sees it."""

    #: Rating points by which his side is ahead of the other.
    lead: float
    #: Rating points: the deviation of everybody in it but him.
    doubt: float
    #: 1 for a win, 0.5 for a draw, 0 for a loss.
    score: float
    #: How far the lead moves with his own rating; 1 where he plays alone.
    pull: float = 1.0
    #: How much it counts; less than 1 where the same performance met others, too.
    weight: float = 1.0


def against(own: Skill, opponent: Skill, score: float) -> Encounter:
    """A duel."""
    return Encounter(own.rating - opponent.rating, opponent.deviation, score)


def rated(teams: Sequence[Sequence[Skill]], ranks: Sequence[int]) -> list[list[Skill]]:
    """Skills after a match of two or more teams.

    A team plays as the sum of its players, and each player is rated against everybody else in the match together. For
    teams A and B with m = (players of A + players of B) / 2, all in points:

        lead = (sum of A - sum of B) / sqrt(m),   doubt^2 = (squares of all deviations but his own) / m,
        pull = 1 / sqrt(m)

    so that the expected score is the team's chance, and a duel (m = 1) is Glickman's own. With N teams each meets every
    other one; its one performance is in all of these N - 1 comparisons, which together tell as much as 2 (N - 1) / N
    duels (the information about one mean in N - 1 differences of equal variance), so each weighs 2 / N.
    """
    sums = [sum(skill.rating for skill in team) for team in teams]
    doubts = [sum(skill.deviation**2 for skill in team) for team in teams]

    def seen(team: int, skill: Skill, other: int) -> Encounter:
        size = (len(teams[team]) + len(teams[other])) / 2
        return Encounter(
            lead=(sums[team] - sums[other]) / math.sqrt(size),
            doubt=math.sqrt(max(0.0, doubts[team] + doubts[other] - skill.deviation**2) / size),
            score=score_of(ranks[team], ranks[other]),
            pull=1 / math.sqrt(size),
            weight=2 / len(teams),
        )

    others = [[other for other in range(len(teams)) if other != team] for team in range(len(teams))]
    return [
        [after(skill, [seen(team, skill, other) for other in others[team]]) for skill in members]
        for team, members in enumerate(teams)
    ]


def after(skill: Skill, encounters: Sequence[Encounter]) -> Skill:
    """The skill after one rating period with these results (steps 2 to 8)."""
    phi = skill.deviation / SCALE_POINTS
    information = gain = 0.0
    for one in encounters:
        certainty = 1 / math.sqrt(1 + 3 * (one.doubt / SCALE_POINTS) ** 2 / math.pi**2)
        expected = (1 + math.tanh(certainty * one.lead / SCALE_POINTS / 2)) / 2
        information += one.weight * (one.pull * certainty) ** 2 * expected * (1 - expected)
        gain += one.weight * one.pull * certainty * (one.score - expected)
    information = max(information, _LEAST_INFORMATION)
    volatility = _new_volatility(skill.volatility, phi, 1 / information, gain / information)
    grown = phi**2 + volatility**2
    variance = 1 / (1 / grown + information)
    return Skill(
        rating=skill.rating + SCALE_POINTS * variance * gain,
        deviation=min(SCALE_POINTS * math.sqrt(variance), NEW_DEVIATION),
        volatility=volatility,
    )


def _new_volatility(volatility: float, phi: float, variance: float, improvement: float) -> float:
    """Step 5: the root of the paper's f, by the Illinois variant of false position."""
    start = math.log(volatility**2)

    def f(x: float) -> float:
        square = math.exp(x)
        total = phi**2 + variance + square
        return square * (improvement**2 - total) / (2 * total**2) - (x - start) / SYSTEM_CONSTANT**2

    low = start
    if improvement**2 > phi**2 + variance:
        high = math.log(improvement**2 - phi**2 - variance)
    else:
        high = start - SYSTEM_CONSTANT
        while f(high) < 0:
            high -= SYSTEM_CONSTANT
    at_low, at_high = f(low), f(high)
    while abs(high - low) > _CLOSE:
        middle = low + (low - high) * at_low / (at_high - at_low)
        at_middle = f(middle)
        if at_middle * at_high <= 0:
            low, at_low = high, at_high
        else:
            at_low /= 2
        high, at_high = middle, at_middle
    return min(math.exp(low / 2), MOST_VOLATILITY)
