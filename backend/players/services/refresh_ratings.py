"""Tell joins the ratings as they are now."""

from collections.abc import Callable, Sequence

from players.models import Rating
from players.rating_models import RatingModel, Skill
from players.services.blocks import blocked_by
from players.stores.port import RatingCache

#: What a ticket carries of a player: from the player's id, the skill and the games behind it, as text.
Describe = Callable[[str, Skill, int], str]


def refresh_ratings(
    *, cache: RatingCache, queue: str, model: RatingModel, player_ids: Sequence[str], describe: Describe
) -> None:
    """Copy the players' ratings of one queue into the cache, with what tickets carry of them and whom each blocks.

    The cache keeps the newer of two ratings, by games played.
    """
    blocks = blocked_by(player_ids)
    for row in Rating.objects.filter(queue=queue, player_id__in=player_ids):
        player = str(row.player_id)
        cache.refresh(
            player,
            queue,
            rating=row.rating,
            games=row.games,
            traits=describe(player, row.skill(model), row.games),
            blocked=blocks.get(player, ()),
        )
