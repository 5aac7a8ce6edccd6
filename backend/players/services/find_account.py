"""The account behind a player's token."""

from django.db import IntegrityError, transaction

from errors import NotAllowed
from players.models import Player
from players.tokens import PlayerCaller


def make_sure_of_account(player: PlayerCaller) -> None:
    """There is an account afterwards: it is made where it lives with an external issuer.

    Raises `NotAllowed` where the token's account is gone.
    """
    if Player.objects.filter(id=player.id).exists():
        return
    if not player.external_subject:
        raise NotAllowed("the account of this token is gone; register a new one at /api/players/register/")
    _create_external(player)


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
