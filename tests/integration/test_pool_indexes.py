"""The Redis pool's index: a server is in it while it has a free seat, and only then."""

from typing import Any

import pytest

from datastore.keys import Keys
from matchmaking.match import MatchStatus
from matchmaking.stores.redis.store import RedisTicketStore
from servers.stores.redis.pool import RedisServerPool
from tests.builders import NOW_MS, RANKED, a_proposal, a_registration, a_waiting_player
from tests.conftest import a_redis_store


@pytest.fixture
def store(redis_client: Any, keys: Keys) -> RedisTicketStore:
    return a_redis_store(redis_client, keys)


def test_a_server_that_shrank_below_its_games_is_listed_again_with_its_first_free_seat(
    redis_client: Any, keys: Keys, store: RedisTicketStore
) -> None:
    pool = RedisServerPool(redis_client, keys)
    pool.register(a_registration(capacity=3), NOW_MS)
    matches = [
        store.claim(RANKED, [a_proposal(store, a_waiting_player(store), a_waiting_player(store))], NOW_MS).matches[0]
        for _ in range(3)
    ]
    pool.register(a_registration(capacity=1), NOW_MS)

    listed = []
    for match in matches:
        store.end(match, MatchStatus.COMPLETED)
        listed.append(redis_client.zcard(keys.servers_seats))

    assert listed == [0, 0, 1]


@pytest.mark.parametrize("capacity", [3, 7, 13])
def test_a_server_of_any_capacity_is_filled_to_the_last_seat_match_by_match(
    redis_client: Any, keys: Keys, store: RedisTicketStore, capacity: int
) -> None:
    """A claim tells the games by the load, which is a whole number."""
    pool = RedisServerPool(redis_client, keys)
    pool.register(a_registration(capacity=capacity), NOW_MS)

    hosted = []
    for _ in range(capacity + 1):
        proposal = a_proposal(store, a_waiting_player(store), a_waiting_player(store))
        hosted.append(store.claim(RANKED, [proposal], NOW_MS).matches[0].server is not None)

    assert hosted == [True] * capacity + [False]
    assert [server.active_games for server in pool.list()] == [capacity]
