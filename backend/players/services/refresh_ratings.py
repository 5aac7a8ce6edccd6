"""Tell joins the ratings as they are now."""

from collections.abc import Sequence

from players.models import Rating
from players.stores.port import RatingCache


def refresh_ratings(*, cache: RatingCache, queue: str, player_ids: Sequence[str]) -> None:
    """Copy the players' ratings of one queue into the cache; it keeps the newer of two by games played."""
    for row in Rating.objects.filter(queue=queue, player_id__in=player_ids):
        cache.refresh(str(row.player_id), queue, rating=row.rating, games=row.games)
