"""Who is best in a queue, and what one player has reached."""

from dataclasses import dataclass

from players.models import Rating


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row of the leaderboard."""

    rank: int
    player_id: str
    username: str
    rating: float
    games: int
    wins: int
    losses: int
    draws: int


def leaderboard(*, queue: str, limit: int) -> list[Ranked]:
    """The best rated players with at least one game; who shares a rating shares a rank."""
    rows = Rating.objects.filter(queue=queue, games__gt=0).select_related("player").order_by("-rating", "player_id")
    ranked: list[Ranked] = []
    for place, row in enumerate(rows[:limit], start=1):
        rank = ranked[-1].rank if ranked and ranked[-1].rating == row.rating else place
        ranked.append(_ranked(row, rank))
    return ranked


def ratings_by_queue(*, player_id: str) -> dict[str, Ranked]:
    """One player's rating and rank in each queue it has joined, by queue name."""
    return {
        row.queue: _ranked(row, _rank(row))
        for row in Rating.objects.filter(player_id=player_id).select_related("player").order_by("queue")
    }


def _rank(row: Rating) -> int:
    better = Rating.objects.filter(queue=row.queue, rating__gt=row.rating, games__gt=0)
    return better.count() + 1


def _ranked(row: Rating, rank: int) -> Ranked:
    return Ranked(
        rank=rank,
        player_id=str(row.player_id),
        username=row.player.username,
        rating=row.rating,
        games=row.games,
        wins=row.wins,
        losses=row.losses,
        draws=row.draws,
    )
