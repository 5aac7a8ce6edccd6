"""Commands whose answers are read later, and what becomes of answers that nobody reads."""

from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

import datastore
from datastore.keys import Keys
from datastore.lane import lane
from datastore.scripts import Scripts
from matchmaking.stores.redis.store import CLAIM_BATCH, SNAPSHOT_PAGE
from tests.builders import NOW_MS, RANKED, a_proposal, a_waiting_player
from tests.conftest import a_redis_store


def test_answers_come_in_the_order_of_their_commands(redis_client: Any) -> None:
    with lane(redis_client) as one:
        for word in ("a", "b", "c"):
            one.ask("ECHO", word)

        assert [one.answer() for _ in range(3)] == ["a", "b", "c"]


def test_a_look_at_the_connections_health_takes_no_answer_that_is_on_its_way(redis_client: Any) -> None:
    with lane(redis_client) as one:
        one.ask("ECHO", "one")
        one._connection.health_check_interval, one._connection.next_health_check = 1, 0  # due
        one.ask("ECHO", "two")

        assert [one.answer(), one.answer()] == ["one", "two"]


def test_an_answer_that_nobody_has_read_is_nobody_elses(redis_client: Any, keys: Keys) -> None:
    with lane(redis_client) as one:
        one.ask("BLPOP", keys.online, 0.3)  # answered when the connection is somebody else's

    assert [redis_client.echo(word) for word in ("a", "b")] == ["a", "b"]


def test_a_lane_goes_back_to_the_pool_with_its_connection_alive(redis_client: Any) -> None:
    connections = set()
    for _ in range(3):
        with lane(redis_client) as one:
            one.ask("CLIENT", "ID")
            connections.add(one.answer())

    assert len(connections) == 1


def test_no_more_calls_than_allowed_are_on_their_way(redis_client: Any, keys: Keys) -> None:
    made, behind = 0, []

    def calls() -> Any:
        nonlocal made
        for _ in range(7):
            made += 1
            yield [keys.online], [1, 1_000_000, 0]

    scripts = Scripts(redis_client, Path(datastore.__file__).parent / "lua")
    for number, _ in enumerate(scripts.call_ahead("take_turn", calls(), ahead=2)):
        behind.append(made - number)

    assert behind == [2, 2, 2, 2, 2, 2, 1]


def test_an_error_as_an_answer_leaves_the_connection_usable(redis_client: Any, keys: Keys) -> None:
    redis_client.set(keys.of_queue("ranked").queue, "not a sorted set")
    store = a_redis_store(redis_client, keys)

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        store.snapshot("ranked")
    assert redis_client.echo("a") == "a"


def test_a_claim_of_several_batches_and_a_snapshot_of_several_pages_miss_nobody(redis_client: Any, keys: Keys) -> None:
    store = a_redis_store(redis_client, keys)
    players = [a_waiting_player(store) for _ in range(SNAPSHOT_PAGE + 3)]

    assert sorted(store.snapshot("ranked").player_ids) == sorted(players)

    proposals = [a_proposal(store, *players[2 * place : 2 * place + 2]) for place in range(2 * CLAIM_BATCH + 3)]
    claims = store.claim(RANKED, [*proposals, proposals[0]], NOW_MS)
    assert [match.id for match in claims.matches] == [proposal.match_id for proposal in proposals]
    assert claims.taken == 1
    assert sorted(store.snapshot("ranked").player_ids) == sorted(players[2 * len(proposals) :])
