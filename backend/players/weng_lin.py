"""OpenSkill: the Plackett-Luce model of Weng and Lin, for teams and any number of them. Pure.

Source: R. C. Weng and C.-J. Lin, "A Bayesian Approximation Method for Online Ranking", JMLR 12 (2011), algorithm 4; the
arithmetic is that of the library `openskill`. Its scale is free. Ours: mu is the rating and sigma the deviation, both
in rating points, and beta is such that a duel of settled players has Elo's odds: sqrt(2) beta = 400 / ln 10.
"""

import math
from collections.abc import Sequence
from functools import cache

from openskill.models import PlackettLuce

from players.glicko2 import SCALE_POINTS
from players.skill import Skill

#: Rating points: how far one player's performance strays from the skill.
BETA_POINTS = SCALE_POINTS / math.sqrt(2)
#: Rating points: of who has not played. As in Glicko-2, so that a newcomer is one in either model.
NEW_DEVIATION = 350.0
#: Rating points that the deviation grows by before each match, squares added, so that it never falls to nothing.
#: beta / 50 is the library's own proportion.
GROWTH_POINTS = BETA_POINTS / 50


@cache
def _model() -> PlackettLuce:
    return PlackettLuce(sigma=NEW_DEVIATION, beta=BETA_POINTS, tau=GROWTH_POINTS)


def rated(teams: Sequence[Sequence[Skill]], ranks: Sequence[int]) -> list[list[Skill]]:
    """Skills after a match; a team plays as the sum of its players."""
    model = _model()
    before = [[model.rating(mu=skill.rating, sigma=skill.deviation) for skill in team] for team in teams]
    after = model.rate(before, ranks=[float(rank) for rank in ranks])
    return [[Skill(one.mu, min(one.sigma, NEW_DEVIATION)) for one in team] for team in after]
