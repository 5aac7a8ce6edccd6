"""Who is best in a queue, and what one player has reached."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from players.models import STANDING_DEVIATIONS, Rating
from players.rating_models import RatingModel


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row of the leaderboard."""

    rank: int
    player_id: str
    username: str
    rating: float
    #: Rating points; None where the queue's model has none.
    deviation: float | None
    games: int
    wins: int
    losses: int
    draws: int


def leaderboard(*, queue: str, model: RatingModel, limit: int) -> list[Ranked]:
    """The best players with at least one game, by rating; where the model has a deviation, by the rating less two
    deviations, once a result has told it. Who stands alike shares a rank."""
    field = _field(model)
    ranked: list[Ranked] = []
    best = _with_a_place(queue, model).select_related("player").order_by(f"-{field}", "player_id")[:limit]
    last = None
    for place, row in enumerate(best, start=1):
        standing = getattr(row, field)
        ranked.append(_ranked(row, model, ranked[-1].rank if standing == last else place))
        last = standing
    return ranked


def ratings_by_queue(*, player_id: str, models: Mapping[str, RatingModel]) -> dict[str, Ranked]:
    """One player's rating and rank in each queue it has joined, by queue name. `models` are those of the queues."""
    rows = Rating.objects.filter(player_id=player_id).select_related("player").order_by("queue")
    of_queue = {row: models.get(row.queue, RatingModel.ELO) for row in rows}
    return {row.queue: _ranked(row, model, _rank(row, model)) for row, model in of_queue.items()}


def _field(model: RatingModel) -> str:
    return "standing" if model.has_deviation else "rating"


def _with_a_place(queue: str, model: RatingModel) -> QuerySet[Rating]:
    rows = Rating.objects.filter(queue=queue, games__gt=0)
    return rows.filter(deviation__isnull=False) if model.has_deviation else rows


def _rank(row: Rating, model: RatingModel) -> int:
    standing = row.rating - STANDING_DEVIATIONS * row.skill(model).deviation
    return _with_a_place(row.queue, model).filter(**{f"{_field(model)}__gt": standing}).count() + 1


def _ranked(row: Rating, model: RatingModel, rank: int) -> Ranked:
    return Ranked(
        rank=rank,
        player_id=str(row.player_id),
        username=row.player.username,
        rating=row.rating,
        deviation=row.skill(model).deviation if model.has_deviation else None,
        games=row.games,
        wins=row.wins,
        losses=row.losses,
        draws=row.draws,
    )
