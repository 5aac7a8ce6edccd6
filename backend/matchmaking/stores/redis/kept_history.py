"""What history says of the queues, in one hash of Redis."""

import json
from collections.abc import Mapping

import redis

from datastore import keys as lifetimes
from datastore.client import redis_errors
from datastore.keys import Keys
from matchmaking.expectations.history import QueueHistory


class RedisKeptHistory:
    """Keeps `KeptHistory`'s promise."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._key = keys.queue_histories

    def save(self, queue: str, history: QueueHistory) -> None:
        with redis_errors(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.hset(self._key, queue, json.dumps(history.to_tree(), separators=(",", ":")))
            pipeline.pexpire(self._key, lifetimes.STATS_LIFETIME_MS)
            pipeline.execute()

    def load(self) -> Mapping[str, QueueHistory]:
        with redis_errors():
            found: dict[str, str] = self._client.hgetall(self._key)  # type: ignore[assignment]
        return {queue: QueueHistory.of_tree(json.loads(text)) for queue, text in found.items()}
