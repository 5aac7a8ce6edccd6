"""Ratings after a match: computed from all sides, written once, in the caller's transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from players.models import Rating
from players.rating_models import RatingModel, new_skill, rate


@dataclass(frozen=True, slots=True)
class RatingChange:
    """One player's rating before and after, in points, and the games behind the new one."""

    player_id: str
    before: float
    after: float
    games: int


def apply_result(
    *,
    queue: str,
    model: RatingModel,
    teams: Sequence[Sequence[str]],
    ranks: Sequence[int],
    initial_rating: float,
    k_factor: float,
    leavers: Collection[str] = (),
) -> list[RatingChange]:
    """Change the ratings of all players. `teams` are player ids, `ranks` parallel to them, 1 is best.

    Rows are locked in the order of their players, so that two results never wait for each other. A player whose
    account is gone keeps none; the others are rated against the queue's initial rating. `leavers`, who did not play to
    the end, take a loss and nothing else: a result that would raise them does not count for them.
    """
    players = [player for team in teams for player in team]
    rows = {
        str(row.player_id): row
        for row in Rating.objects.select_for_update().filter(queue=queue, player_id__in=players).order_by("player_id")
    }
    newcomer = new_skill(model, initial_rating)
    skills = [[rows[player].skill(model) if player in rows else newcomer for player in team] for team in teams]
    results: list[RatingChange] = []
    for place, after in enumerate(rate(model, skills, ranks, k_factor)):
        for player, skill in zip(teams[place], after, strict=True):
            if (row := rows.get(player)) and not (player in leavers and skill.rating >= row.rating):
                before = row.rating
                row.take(skill)
                _count(row, place, ranks)
                results.append(RatingChange(player, before, row.rating, row.games))
    Rating.objects.bulk_update(rows.values(), ["rating", "deviation", "volatility", "games", "wins", "losses", "draws"])
    return results


def _count(row: Rating, place: int, ranks: Sequence[int]) -> None:
    """A game is won by being alone on the best rank, drawn by sharing it, lost otherwise."""
    best = min(ranks)
    row.games += 1
    if ranks[place] > best:
        row.losses += 1
    elif list(ranks).count(best) > 1:
        row.draws += 1
    else:
        row.wins += 1
