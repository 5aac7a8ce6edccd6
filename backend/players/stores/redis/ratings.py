"""The ratings that joins read, in Redis."""

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

    def refresh(self, player_id: str, queue: str, *, rating: float, games: int) -> None:
        self._scripts.call(
            "refresh_rating",
            [self._keys.ratings(player_id)],
            [queue, repr(rating), games, lifetimes.RATINGS_LIFETIME_MS],
        )
