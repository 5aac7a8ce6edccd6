"""A player's rating in a queue, from PostgreSQL; the first question creates it."""

from django.db import IntegrityError, transaction

from errors import NotAllowed
from players.models import Player, Rating
from players.tokens import PlayerCaller


def find_rating(*, player: PlayerCaller, queue: str, initial_rating: float) -> float:
    """Rating points. Creates the rating, and the account where it lives with an external issuer.

    Raises `NotAllowed` where the token's account is gone.
    """
    known = Rating.objects.filter(player_id=player.id, queue=queue).values_list("rating", flat=True).first()
    if known is not None:
        return known
    if not Player.objects.filter(id=player.id).exists():
        if not player.external_subject:
            raise NotAllowed("the account of this token is gone; register a new one at /api/players/register/")
        _create_external(player)
    rating, _ = Rating.objects.get_or_create(player_id=player.id, queue=queue, defaults={"rating": initial_rating})
    return rating.rating


def _create_external(player: PlayerCaller) -> None:
    """The account of a player whom the studio's own issuer vouches for; a taken name gets a suffix."""
    for username in (player.username, f"{player.username[:140]}-{player.id[:8]}"):
        try:
            with transaction.atomic():
                Player.objects.get_or_create(
                    id=player.id,
                    defaults={"username": username, "external_subject": player.external_subject, "password": "!"},
                )
            return
        except IntegrityError:
            continue
