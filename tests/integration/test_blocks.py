"""Block lists: one's own, by id or name, bounded; and joins hear of them."""

import os
import uuid
from typing import Any

import pytest

from caroud import wiring
from devstack.embedded import free_port
from matchmaking.engine.traits import traits_of
from players.models import Block, Player
from players.services import blocks
from tests.integration.conftest import Account, Api
from tests.threads import at_once


def names(answer: Any) -> list[str]:
    return [row["username"] for row in answer["players"]]


def told_blocks(player: Account) -> frozenset[str] | None:
    """Whom the next join takes for blocked; None where it asks PostgreSQL."""
    text = wiring.redis_client().hget(wiring.keys().ratings(player.id), "blocks")
    return None if text is None else traits_of(text).blocked


def test_a_player_blocks_by_id_or_name_and_unblocks_the_same_way(api: Api) -> None:
    one, anna, bert = api.player(), api.player("Anna"), api.player("bert")

    assert api.get("players/blocks/", token=one.token) == {"players": []}
    assert names(api.post("players/blocks/", {"username": "anna"}, token=one.token)) == ["Anna"]
    answer = api.post("players/blocks/", {"id": bert.id}, token=one.token)
    assert [(row["id"], row["username"]) for row in answer["players"]] == [(bert.id, "bert"), (anna.id, "Anna")]
    assert api.get("players/blocks/", token=one.token) == answer

    gone = api.call("DELETE", f"players/blocks/?id={anna.id}", "", token=one.token)
    assert names(gone.json()) == ["bert"]
    gone = api.call("DELETE", "players/blocks/?username=BERT", "", token=one.token)
    assert names(gone.json()) == []


def test_blocking_twice_is_blocking_once_and_so_is_unblocking(api: Api) -> None:
    one, other = api.player(), api.player()

    added = [api.post("players/blocks/", {"id": other.id}, token=one.token) for _ in range(2)]
    taken_out = [api.call("DELETE", f"players/blocks/?id={other.id}", "", token=one.token) for _ in range(2)]

    assert added[0] == added[1] and len(added[0]["players"]) == 1
    assert [(answer.status_code, answer.json()) for answer in taken_out] == [(200, {"players": []})] * 2


def test_a_list_is_ones_own(api: Api) -> None:
    one, other = api.player(), api.player()
    api.post("players/blocks/", {"id": other.id}, token=one.token)

    assert api.get("players/blocks/", token=other.token) == {"players": []}
    api.call("DELETE", f"players/blocks/?id={other.id}", "", token=other.token)
    assert names(api.get("players/blocks/", token=one.token)) == [other.username]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "id"),
        ({"id": str(uuid.UUID(int=5)), "username": "anna"}, 400, "id"),
        ({"id": "anna"}, 400, "id"),
        ({"id": None}, 400, "id"),
        ({"username": "a\u0000"}, 400, "username"),
        ({"username": ["anna"]}, 400, "username"),
        ({"username": "x" * 151}, 400, "username"),
        ({"player": "anna"}, 400, "player"),
        ({"id": str(uuid.UUID(int=5))}, 404, "id"),
        ({"username": "nobody"}, 404, "username"),
        ({"username": "player1"}, 400, "username"),
    ],
)
def test_who_cannot_be_blocked_is_refused_by_the_field(api: Api, body: Any, status: int, field: str) -> None:
    one = api.player("player1")

    assert api.post("players/blocks/", body, token=one.token, expect=status)["field"] == field
    assert not Block.objects.exists()


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("", 400, "id"),
        ("id=anna", 400, "id"),
        ("id=&username=", 400, "id"),
        ("username=nobody", 404, "username"),
        (f"id={uuid.UUID(int=5)}", 404, "id"),
    ],
)
def test_who_cannot_be_unblocked_is_refused_by_the_field(api: Api, query: str, status: int, field: str) -> None:
    answer = api.call("DELETE", f"players/blocks/?{query}", "", token=api.player().token)

    assert (answer.status_code, answer.json()["field"]) == (status, field)


def test_a_full_list_takes_nobody_until_somebody_is_taken_out(api: Api) -> None:
    one = api.player()
    others = Player.objects.bulk_create(Player(username=f"other{n}") for n in range(blocks.MOST_BLOCKS + 1))
    Block.objects.bulk_create(Block(player_id=one.id, blocked=other) for other in others[1:])

    assert api.post("players/blocks/", {"username": "other0"}, token=one.token, expect=409)["field"] == "username"
    api.post("players/blocks/", {"username": "other1"}, token=one.token)
    api.call("DELETE", "players/blocks/?username=other1", "", token=one.token)
    assert len(api.post("players/blocks/", {"username": "other0"}, token=one.token)["players"]) == blocks.MOST_BLOCKS


@pytest.mark.django_db(transaction=True)
def test_calls_at_once_do_not_fill_a_list_beyond_its_end(transactional_db: None, api: Api) -> None:
    one = api.player()
    others = Player.objects.bulk_create(Player(username=f"other{n}") for n in range(blocks.MOST_BLOCKS + 5))
    Block.objects.bulk_create(Block(player_id=one.id, blocked=other) for other in others[6:])

    def block(name: str) -> int:
        return int(api.call("POST", "players/blocks/", {"username": name}, token=one.token).status_code)

    statuses = at_once(*[lambda name=f"other{n}": block(name) for n in range(6)])

    assert sorted(statuses) == [200, 409, 409, 409, 409, 409]
    assert Block.objects.count() == blocks.MOST_BLOCKS


def test_joins_hear_of_a_block_and_of_its_end(api: Api) -> None:
    one, other = api.player(), api.player()
    api.post("matchmaking/join/", token=one.token)
    assert told_blocks(one) == frozenset()

    api.post("players/blocks/", {"id": other.id}, token=one.token)
    assert told_blocks(one) == {other.id}
    api.call("DELETE", f"players/blocks/?id={other.id}", "", token=one.token)
    assert told_blocks(one) == frozenset()


def test_the_first_join_after_a_block_reads_it_from_postgresql(api: Api) -> None:
    one, other = api.player(), api.player()
    api.post("players/blocks/", {"id": other.id}, token=one.token)
    assert told_blocks(one) is None

    api.post("matchmaking/join/", token=one.token)

    assert told_blocks(one) == {other.id}


def test_a_block_is_kept_while_redis_is_away(api: Api, settings: Any) -> None:
    one, other = api.player(), api.player()
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    live, _ = wiring.redis_client(), wiring.forget()
    try:
        assert names(api.post("players/blocks/", {"id": other.id}, token=one.token)) == [other.username]
    finally:
        settings.REDIS_URL = os.environ["REDIS_URL"]
        wiring.forget()
        live.connection_pool.disconnect()


def test_a_result_that_comes_late_brings_the_blocks_and_not_its_older_rating(api: Api) -> None:
    one, other = api.player(), api.player()
    cache = wiring.rating_cache()
    cache.refresh(one.id, "ranked", rating=1250.0, games=5, traits="g=5", blocked=[])

    cache.refresh(one.id, "ranked", rating=1240.0, games=4, traits="g=4", blocked=[other.id])

    assert told_blocks(one) == {other.id}
    assert wiring.redis_client().hmget(wiring.keys().ratings(one.id), ["ranked", "ranked:traits"]) == ["1250.0", "g=5"]


def test_an_account_that_goes_is_on_no_list(api: Api) -> None:
    one, other = api.player(), api.player()
    api.post("players/blocks/", {"id": other.id}, token=one.token)

    Player.objects.filter(id=other.id).delete()

    assert api.get("players/blocks/", token=one.token) == {"players": []}
    Player.objects.filter(id=one.id).delete()
    assert api.post("players/blocks/", {"username": "player1"}, token=one.token, expect=403)
