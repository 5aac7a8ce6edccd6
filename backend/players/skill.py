"""What a rating model knows of a player. A value, no more."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Skill:
    """In one queue, under one rating model."""

    #: Rating points.
    rating: float
    #: Rating points: one standard deviation of the rating; 0 where the model has none.
    deviation: float = 0.0
    #: Glicko-2's: how much the deviation grows with each match, in 173.72 points; 0 where the model has none.
    volatility: float = 0.0
