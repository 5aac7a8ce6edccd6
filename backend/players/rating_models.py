"""The rating models that a queue may name, behind one face. Pure; formulas and units are in docs/ratings.md.

In every model a rating difference means the same, Elo's odds of 10 to 1 for 400 points, and so does a team: it plays as
the sum of its players, as `matchmaking.engine.win_probability` has it. So a queue may change its model and keep its
ratings, and the predicted win probability holds whatever the model.
"""

from collections.abc import Sequence
from enum import StrEnum

from players import elo, glicko2, weng_lin
from players.skill import Skill

__all__ = ["RatingModel", "Skill", "known_skill", "new_skill", "rate"]

Teams = Sequence[Sequence[Skill]]


class RatingModel(StrEnum):
    """How results change ratings."""

    #: One number a player; a match moves it by `k_factor` points at most.
    ELO = "elo"
    #: With a deviation: newcomers move far and settle, and a volatility: who plays unlike before moves again.
    GLICKO2 = "glicko2"
    #: With a deviation; made for teams and for any number of them.
    OPENSKILL = "openskill"

    @property
    def has_deviation(self) -> bool:
        return self is not RatingModel.ELO


def new_skill(model: RatingModel, initial_rating: float) -> Skill:
    """Of a player who has not played in the queue yet."""
    match model:
        case RatingModel.ELO:
            return Skill(initial_rating)
        case RatingModel.GLICKO2:
            return Skill(initial_rating, glicko2.NEW_DEVIATION, glicko2.NEW_VOLATILITY)
        case RatingModel.OPENSKILL:
            return Skill(initial_rating, weng_lin.NEW_DEVIATION)


def known_skill(model: RatingModel, rating: float, deviation: float | None, volatility: float | None) -> Skill:
    """From what is kept of a player, maybe by another model: what the model needs and is not there is a newcomer's."""
    new = new_skill(model, rating)
    if not model.has_deviation:
        return new
    return Skill(rating, deviation or new.deviation, (volatility or new.volatility) if new.volatility else 0.0)


def rate(model: RatingModel, teams: Teams, ranks: Sequence[int], k_factor: float) -> list[list[Skill]]:
    """The skills after a match, in the order of `teams`; there are two teams or more, none of them empty.

    `ranks` is parallel to the teams, 1 is best, equal ranks are a draw. `k_factor`, rating points, is Elo's alone.
    """
    match model:
        case RatingModel.ELO:
            return elo.rated(teams, ranks, k_factor=k_factor)
        case RatingModel.GLICKO2:
            return glicko2.rated(teams, ranks)
        case RatingModel.OPENSKILL:
            return weng_lin.rated(teams, ranks)
