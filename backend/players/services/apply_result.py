"""Ratings after a match: computed from all sides, written once, in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from players.elo import rating_changes
from players.models import Rating


@dataclass(frozen=True, slots=True)
class RatingChange:
    """One player's rating before and after, in points, and the games behind the new one."""

    player_id: str
    before: float
    after: float
    games: int


def apply_result(
    *, queue: str, teams: Sequence[Sequence[str]], ranks: Sequence[int], initial_rating: float, k_factor: float
) -> list[RatingChange]:
    """Change the ratings of all players. `teams` are player ids, `ranks` parallel to them, 1 is best.

    Rows are locked in the order of their players, so that two results never wait for each other. A player whose
    account is gone keeps none; the others are rated against the queue's initial rating.
    """
    players = [player for team in teams for player in team]
    rows = {
        str(row.player_id): row
        for row in Rating.objects.select_for_update().filter(queue=queue, player_id__in=players).order_by("player_id")
    }
    means = [fmean(rows[p].rating if p in rows else initial_rating for p in team) for team in teams]
    changes = rating_changes(means, ranks, k_factor=k_factor)
    results: list[RatingChange] = []
    for place, team in enumerate(teams):
        for row in (rows[player] for player in team if player in rows):
            before = row.rating
            row.rating += changes[place]
            _count(row, place, ranks)
            results.append(RatingChange(str(row.player_id), before, row.rating, row.games))
    Rating.objects.bulk_update(rows.values(), ["rating", "games", "wins", "losses", "draws"])
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
