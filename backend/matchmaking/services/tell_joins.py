"""What joins have to know of players, into the cache that they read: ratings and traits."""

from collections.abc import Sequence

from matchmaking.engine.traits import Traits, traits_text
from matchmaking.history import recent_opponents
from matchmaking.rules import QueueRules
from players.rating_models import Skill
from players.services.refresh_ratings import refresh_ratings
from players.stores.port import RatingCache

#: Recent opponents that a ticket carries at most: 37 characters each.
MOST_RECENT = 20


def tell_joins(*, cache: RatingCache, rules: QueueRules, player_ids: Sequence[str]) -> None:
    """Copy the players' ratings of the queue into the cache, and as traits: deviation, games, recent opponents (as many
    as the queue's rematch rule looks at), and whom each player blocks."""
    recent = recent_opponents(rules.name, player_ids, last=min(rules.rematch.last, MOST_RECENT))

    def describe(player_id: str, skill: Skill, games: int) -> str:
        return traits_text(Traits(deviation=skill.deviation, games=games, recent=recent.get(player_id, ())))

    refresh_ratings(cache=cache, queue=rules.name, model=rules.rating_model, player_ids=player_ids, describe=describe)
