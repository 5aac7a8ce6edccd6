"""The yardstick of the join, `bench/bare.py`, calls the join script by itself, and has to do what the service does."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import redis

from datastore import keys as lifetimes
from datastore.keys import Keys
from matchmaking.ticket import Waiting
from tests.builders import NOW_MS, RANKED, a_join, a_player_id
from tests.conftest import a_redis_store
from tests.topologies.stack import BACKEND

BARE = "{bench-bare}:"
#: The first asks again later: then only what is "last seen" is new.
PLAYERS = [a_player_id(0), a_player_id(1), a_player_id(0)]
#: Longer than in the service, where a nudge would be gone before we look.
NUDGE_LIFETIME_MS = 3_600_000
#: In a process of its own, because it configures Django for itself; at times that we know, a second apart.
CALL = """
import itertools, json, sys, time
from datastore import keys
keys.NUDGE_LIFETIME_MS = int(sys.argv[2])
seconds = itertools.count()
time.time_ns = lambda: (int(sys.argv[1]) + 1000 * next(seconds)) * 1_000_000
from bench import bare
print(json.dumps([bare.join_script(player) for player in sys.argv[3:]]))
"""


@pytest.fixture
def bare_keys(redis_client: redis.Redis) -> Any:
    """The keys of the bare view, empty, and known to be whole."""
    keys = Keys(prefix=BARE, default_queue="ranked")
    a_redis_store(redis_client, keys)
    yield keys
    redis_client.delete(*redis_client.scan_iter(match=BARE + "*", count=1000))


def joined_by_the_bare_view(players: list[str]) -> list[list[Any]]:
    done = subprocess.run(
        [sys.executable, "-c", CALL, str(NOW_MS), str(NUDGE_LIFETIME_MS), *players],
        cwd=BACKEND.parent,
        env={**os.environ, "PYTHONPATH": f"{BACKEND}{os.pathsep}{BACKEND.parent}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[list[Any]] = json.loads(done.stdout)
    return answers


def left_behind(client: redis.Redis, keys: Keys) -> dict[str, tuple[Any, int]]:
    """Every key with what it holds, and for how many minutes it will."""
    read = {
        "string": client.get,
        "hash": client.hgetall,
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    return {
        key.removeprefix(keys.prefix): (read[client.type(key)](key), round(client.pttl(key) / 60_000))
        for key in client.scan_iter(match=keys.prefix + "*", count=1000)
    }


def test_the_bare_view_leaves_what_a_join_of_the_service_leaves(
    redis_client: redis.Redis, keys: Keys, bare_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetimes, "NUDGE_LIFETIME_MS", NUDGE_LIFETIME_MS)
    store = a_redis_store(redis_client, keys)
    for second, player in enumerate(PLAYERS):
        request = a_join(player, rating=1200.0, username="testuser", ticket_id="ticket")
        assert isinstance(store.join(request, RANKED, NOW_MS + 1000 * second), Waiting)

    answers = joined_by_the_bare_view(PLAYERS)

    assert [answer[:2] for answer in answers] == [["WAITING", "NEW"], ["WAITING", "NEW"], ["WAITING", "SAME"]]
    left = left_behind(redis_client, keys)
    assert {keys.tickets.removeprefix(keys.prefix), keys.of_queue("ranked").nudge.removeprefix(keys.prefix)} <= set(
        left
    )
    assert left_behind(redis_client, bare_keys) == left
