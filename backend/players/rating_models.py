"""The rating models that a queue may name."""

from enum import StrEnum


class RatingModel(StrEnum):
    """How results change ratings."""

    #: One number a player; a match moves it by `k_factor` points at most.
    ELO = "elo"
    #: With a deviation: newcomers move far and settle, and a volatility: who plays unlike before moves again.
    GLICKO2 = "glicko2"
    #: With a deviation; made for teams and for any number of them.
    OPENSKILL = "openskill"
