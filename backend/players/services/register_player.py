"""A new account."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from errors import Conflict, Invalid
from players.models import Player


def register_player(*, username: str, password: str) -> Player:
    """Create the account. Raises `Invalid` for a weak password, `Conflict` for a taken name."""
    player = Player(username=username)
    try:
        validate_password(password, player)
    except ValidationError as error:
        raise Invalid(f"password: {' '.join(error.messages)}", field="password") from error
    if Player.objects.filter(username__iexact=username).exists():
        raise _taken(username)
    player.set_password(password)
    try:
        with transaction.atomic():
            player.save(force_insert=True)
    except IntegrityError as error:
        raise _taken(username) from error
    return player


def _taken(username: str) -> Conflict:
    return Conflict(f"username: {username!r} is taken, choose another", field="username")
