"""What joins read of a player, in Redis."""

from collections.abc import Iterable
from pathlib import Path

import redis

from datastore import keys as lifetimes
from datastore.keys import Keys
from datastore.scripts import Scripts


class RedisRatingCache:
    """Keeps `RatingCache`'s promise."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._keys = keys
        self._scripts = Scripts(client, Path(__file__).parent / "lua")

    def refresh(
        self,
        player_id: str,
        queue: str,
        *,
        rating: float,
        games: int,
        traits: str = "",
        blocked: Iterable[str] | None = None,
    ) -> None:
        blocks = () if blocked is None else (_blocks_text(blocked),)
        self._scripts.call(
            "refresh_rating",
            [self._keys.ratings(player_id)],
            [queue, repr(rating), games, traits, lifetimes.RATINGS_LIFETIME_MS, *blocks],
        )

    def refresh_blocks(self, player_id: str, blocked: Iterable[str]) -> None:
        self._scripts.call("refresh_blocks", [self._keys.ratings(player_id)], [_blocks_text(blocked)])


def _blocks_text(blocked: Iterable[str]) -> str:
    """As traits are written: a ticket gets it as it is. "" where nobody is blocked."""
    ids = ",".join(sorted(blocked))
    return f"b={ids}" if ids else ""
