"""A player's rating in a queue, from PostgreSQL; the first question creates it."""

from players.models import Rating
from players.services.find_account import make_sure_of_account
from players.tokens import PlayerCaller


def find_rating(*, player: PlayerCaller, queue: str, initial_rating: float) -> float:
    """Rating points. Creates the rating, and the account where it lives with an external issuer.

    Raises `NotAllowed` where the token's account is gone.
    """
    known = Rating.objects.filter(player_id=player.id, queue=queue).values_list("rating", flat=True).first()
    if known is not None:
        return known
    make_sure_of_account(player)
    rating, _ = Rating.objects.get_or_create(player_id=player.id, queue=queue, defaults={"rating": initial_rating})
    return rating.rating
