"""Whom a player will not play with."""

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from errors import Conflict, Invalid, StoreUnavailable, Unknown
from players.models import Block, Player
from players.services.find_account import make_sure_of_account
from players.stores.port import RatingCache
from players.tokens import PlayerCaller

logger = logging.getLogger(__name__)

#: Players whom one may block. Each is 37 characters of every ticket of his, and a pairing less.
MOST_BLOCKS = 100


@dataclass(frozen=True, slots=True)
class Blocked:
    """One entry of a player's list."""

    player_id: str
    username: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Named:
    """A player, as somebody names him: by the id or by the name, as `field` says."""

    field: str
    value: str | uuid.UUID


def list_blocks(*, player_id: str) -> list[Blocked]:
    """Who was blocked last comes first."""
    rows = Block.objects.filter(player_id=player_id).select_related("blocked").order_by("-id")
    return [Blocked(str(row.blocked_id), row.blocked.username, row.created_at) for row in rows]


def block_player(*, cache: RatingCache, player: PlayerCaller, named: Named) -> list[Blocked]:
    """Block a player, and answer the list; who is blocked stays so.

    Raises `Unknown`, `Invalid` for oneself, `Conflict` where the list is full.
    """
    make_sure_of_account(player)
    other = _find(named)
    if str(other.id) == player.id:
        raise Invalid(f"{named.field}: that is you, and nobody plays against himself", field=named.field)
    try:
        _add(player.id, other, named.field)
    except (Player.DoesNotExist, IntegrityError) as error:  # one of the two accounts went at this moment
        raise _nobody(named) from error
    return _told(cache, player)


def unblock_player(*, cache: RatingCache, player: PlayerCaller, named: Named) -> list[Blocked]:
    """Take a player out of the list, and answer it; who is not in it stays out. Raises `Unknown`."""
    other = _find(named)
    Block.objects.filter(player_id=player.id, blocked=other).delete()
    return _told(cache, player)


def blocked_by(player_ids: Iterable[str]) -> dict[str, list[str]]:
    """The ids of those whom each of these players blocks; who blocks nobody is not in it."""
    found: dict[str, list[str]] = {}
    for player, blocked in Block.objects.filter(player_id__in=list(player_ids)).values_list("player_id", "blocked_id"):
        found.setdefault(str(player), []).append(str(blocked))
    return found


@transaction.atomic
def _add(player_id: str, other: Player, field: str) -> None:
    # One call of a player at a time, so that no two of them take the last place.
    Player.objects.select_for_update(no_key=True).get(id=player_id)
    mine = Block.objects.filter(player_id=player_id)
    if mine.filter(blocked=other).exists():
        return
    if mine.count() >= MOST_BLOCKS:
        raise Conflict(f"{field}: you block {MOST_BLOCKS} players, and no more fit: take one out first", field=field)
    Block.objects.create(player_id=player_id, blocked=other)


def _find(named: Named) -> Player:
    if named.field == "id":
        found = Player.objects.filter(id=named.value).first()
    else:  # upper and lower case are the same name; where two accounts differ by it, the one as it is written
        found = (
            Player.objects.filter(username=named.value).first()
            or Player.objects.filter(username__iexact=named.value).first()
        )
    if found is None:
        raise _nobody(named)
    return found


def _nobody(named: Named) -> Unknown:
    return Unknown(f"{named.field}: there is no such player", field=named.field)


def _told(cache: RatingCache, player: PlayerCaller) -> list[Blocked]:
    """The list as it is now, which joins are told of as well."""
    blocks = list_blocks(player_id=player.id)
    try:
        cache.refresh_blocks(player.id, [block.player_id for block in blocks])
    except StoreUnavailable as error:
        logger.warning("joins hear of a block list with the next result: %s", error, extra={"player": player.id})
    return blocks
