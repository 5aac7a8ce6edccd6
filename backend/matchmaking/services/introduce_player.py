"""A player joins whom the ticket store does not know (any more)."""

import logging

from errors import StoreUnavailable
from matchmaking.rules import QueueRules
from matchmaking.services.tell_joins import tell_joins
from players.services.find_rating import find_rating
from players.stores.port import RatingCache
from players.tokens import PlayerCaller

logger = logging.getLogger(__name__)


def introduce_player(*, cache: RatingCache | None, player: PlayerCaller, rules: QueueRules) -> float:
    """The player's rating in the queue, which is made where there is none; `cache` is told of it, and of the traits.

    Without a cache nobody is told: the store reads PostgreSQL itself. Raises `NotAllowed` where the account is gone.
    """
    rating = find_rating(player=player, queue=rules.name, initial_rating=rules.initial_rating)
    if cache is not None:
        try:
            tell_joins(cache=cache, rules=rules, player_ids=[player.id])
        except StoreUnavailable as error:
            logger.warning("a ticket goes without its traits: %s", error, extra={"player": player.id})
    return rating
