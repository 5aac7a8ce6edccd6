"""`Idempotency-Key`: sent twice, one effect and one answer."""

import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse

import datastore
from caroud import wiring
from datastore.client import connect
from datastore.keyed_answers import Begun, Done, KeyedAnswers, KeyedCall, OtherRequest, UnderWay
from datastore.scripts import Scripts
from devstack.embedded import free_port
from errors import StoreUnavailable
from tests.integration.conftest import Account, Api
from tests.threads import at_once

DAY_MS = 24 * 3600 * 1000


def send(
    api: Api, path: str, body: Any = None, *, key: str = "key-1", player: Account | None = None, token: str = ""
) -> HttpResponse:
    headers = {"Authorization": f"Bearer {player.token if player else token}", "Idempotency-Key": key}
    data = json.dumps(body or {})
    return api.client.generic("POST", f"/api/{path}", data, content_type="application/json", headers=headers)


def is_replayed(response: HttpResponse) -> bool:
    return response.get("Idempotency-Replayed") == "true"


def waiting(api: Api, player: Account) -> str:
    return str(api.get("matchmaking/status/", token=player.token)["status"])


def test_a_join_that_is_sent_again_answers_the_same_and_has_no_second_effect(api: Api) -> None:
    player = api.player()

    first = send(api, "matchmaking/join/", {"region": "eu"}, player=player)
    api.post("matchmaking/leave/", token=player.token)
    api.clock.advance(seconds=30)
    again = send(api, "matchmaking/join/", {"region": "eu"}, player=player)

    assert (first.status_code, is_replayed(first), is_replayed(again)) == (200, False, True)
    assert (again.status_code, again.content, again["Content-Type"]) == (200, first.content, first["Content-Type"])
    assert again["Content-Length"] == str(len(again.content))
    assert waiting(api, player) == "not_in_queue"
    assert not is_replayed(send(api, "matchmaking/join/", {"region": "eu"}, player=player, key="key-2"))
    assert waiting(api, player) == "waiting"


def test_a_leave_that_is_sent_again_does_not_leave_a_newer_ticket(api: Api) -> None:
    player = api.player()
    api.post("matchmaking/join/", token=player.token)
    first = send(api, "matchmaking/leave/", player=player)
    api.post("matchmaking/join/", token=player.token)

    again = send(api, "matchmaking/leave/", player=player)

    assert json.loads(first.content) == json.loads(again.content) == {"status": "left"}
    assert is_replayed(again)
    assert waiting(api, player) == "waiting"


def test_a_refusal_is_an_answer_too(api: Api) -> None:
    one, other, match_id = api.matched_pair()
    first = send(api, "matchmaking/leave/", player=one)
    api.post(f"matches/{match_id}/result/", {"abandoned": True}, fleet=True)

    again = send(api, "matchmaking/leave/", player=one)

    assert (first.status_code, again.status_code, is_replayed(again)) == (409, 409, True)
    assert (again.content, again["Content-Type"]) == (first.content, "application/problem+json")
    bad = [send(api, "matchmaking/join/", {"queue": "nope"}, player=other, key="bad") for _ in range(2)]
    assert [(answer.status_code, is_replayed(answer)) for answer in bad] == [(400, False), (400, True)]


def test_a_result_that_is_sent_again_answers_the_same(api: Api) -> None:
    token = api.server()
    *_, match_id = api.matched_pair()
    path = f"matches/{match_id}/result/"

    answers = [send(api, path, {"ranks": [1, 2]}, token=token) for _ in range(2)]

    assert [(answer.status_code, is_replayed(answer)) for answer in answers] == [(200, False), (200, True)]
    assert answers[0].content == answers[1].content
    assert send(api, path, {"ranks": [2, 1]}, token=token).status_code == 422
    assert send(api, path, {"ranks": [2, 1]}, token=token, key="key-2").status_code == 409


def test_a_key_belongs_to_one_request_of_one_caller(api: Api) -> None:
    one, other = api.player(), api.player()
    send(api, "matchmaking/join/", player=one)

    another_body = send(api, "matchmaking/join/", {"queue": "casual"}, player=one)
    another_path = send(api, "matchmaking/leave/", player=one)
    another_caller = send(api, "matchmaking/join/", player=other)

    for refused in (another_body, another_path):
        assert refused.status_code == 422
        assert json.loads(refused.content)["field"] == "Idempotency-Key"
    assert (another_caller.status_code, is_replayed(another_caller)) == (200, False)
    assert waiting(api, one) == waiting(api, other) == "waiting"


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 65, "é", "tab\there", "\u202e"])
def test_a_key_that_is_no_key_is_refused_by_name(api: Api, key: str) -> None:
    player = api.player()

    answer = send(api, "matchmaking/join/", key=key.encode().decode("latin-1"), player=player)

    assert (answer.status_code, json.loads(answer.content)["field"]) == (400, "Idempotency-Key")
    assert waiting(api, player) == "not_in_queue"


def call_of(api: Api, player: Account, key: str = "key-1") -> KeyedCall:
    """The call that `send(api, "matchmaking/join/", player=player)` makes."""
    import hashlib  # noqa: PLC0415

    request = hashlib.sha256(b"POST /api/matchmaking/join/\n{}").hexdigest()
    return KeyedCall(caller=f"player:{player.id}", key=key, request=request)


def test_while_the_first_call_is_under_way_the_second_is_told_to_wait(api: Api) -> None:
    player = api.player()
    begun = wiring.keyed_answers().begin(call_of(api, player), kept=10)
    assert isinstance(begun, Begun)

    refused = send(api, "matchmaking/join/", player=player)

    assert (refused.status_code, refused["Retry-After"]) == (409, "1")
    assert json.loads(refused.content)["field"] == "Idempotency-Key"
    assert waiting(api, player) == "not_in_queue"
    wiring.keyed_answers().drop(begun)
    assert send(api, "matchmaking/join/", player=player).status_code == 200


def age(call: KeyedCall, milliseconds: int) -> None:
    """As if that much time had passed since the key was noted."""
    wiring.redis_client().zincrby(wiring.keys().keyed_order(call.caller), -milliseconds, call.key)


def test_a_call_that_died_holds_its_key_for_ten_seconds(api: Api) -> None:
    player = api.player()
    call = call_of(api, player)
    died = wiring.keyed_answers().begin(call, kept=10)
    age(call, 9_000)
    assert send(api, "matchmaking/join/", player=player).status_code == 409

    age(call, 1_001)
    answer = send(api, "matchmaking/join/", player=player)

    assert (answer.status_code, is_replayed(answer)) == (200, False)
    assert isinstance(died, Begun)
    wiring.keyed_answers().finish(died, '[500, "", "the dead one\'s"]')
    assert send(api, "matchmaking/join/", player=player).content == answer.content


def test_an_answer_is_kept_for_a_day(api: Api) -> None:
    player = api.player()
    send(api, "matchmaking/join/", player=player)
    call = call_of(api, player)
    age(call, DAY_MS - 60_000)
    assert is_replayed(send(api, "matchmaking/join/", player=player))

    age(call, 60_001)

    assert not is_replayed(send(api, "matchmaking/join/", player=player))
    redis, keys = wiring.redis_client(), wiring.keys()
    for name in (keys.keyed_answers(call.caller), keys.keyed_order(call.caller)):
        assert 0 < redis.pttl(name) <= DAY_MS


def test_a_caller_cannot_fill_redis_with_keys(redis_client: Any, keys: Any) -> None:
    answers = KeyedAnswers(redis_client, keys, lambda: 0.0)
    for number in range(20):
        begun = answers.begin(KeyedCall("player:a", f"key-{number}", "ab"), kept=5)
        assert isinstance(begun, Begun)
        answers.finish(begun, f"answer {number}")

    assert redis_client.hlen(keys.keyed_answers("player:a")) == redis_client.zcard(keys.keyed_order("player:a")) == 5
    assert answers.begin(KeyedCall("player:a", "key-19", "ab"), kept=5) == Done("answer 19")
    assert isinstance(answers.begin(KeyedCall("player:a", "key-19", "cd"), kept=5), OtherRequest)
    assert isinstance(answers.begin(KeyedCall("player:a", "key-0", "ab"), kept=5), Begun)
    assert isinstance(answers.begin(KeyedCall("player:a", "key-0", "ab"), kept=5), UnderWay)


def test_a_fault_of_ours_is_not_kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    player = api.player()

    def gone(*args: object) -> None:
        raise StoreUnavailable("redis", "TimeoutError")

    with monkeypatch.context() as patch:
        patch.setattr(wiring.ticket_store(), "join", gone)
        assert send(api, "matchmaking/join/", player=player).status_code == 503

    answer = send(api, "matchmaking/join/", player=player)
    assert (answer.status_code, is_replayed(answer)) == (200, False)


def test_a_crash_of_ours_frees_the_key_and_stays_a_crash(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    player = api.player()

    def broken(*args: object) -> None:
        raise RuntimeError("a fault in the code")

    with monkeypatch.context() as patch:
        patch.setattr(wiring.ticket_store(), "join", broken)
        with pytest.raises(RuntimeError):
            send(api, "matchmaking/join/", player=player)

    assert send(api, "matchmaking/join/", player=player).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_many_calls_at_once_one_has_the_effect(api: Api) -> None:
    token = api.server()
    for turn in range(5):
        *_, match_id = api.matched_pair()
        path = f"matches/{match_id}/result/"

        answers = at_once(*[partial(send, api, path, {"ranks": [1, 2]}, token=token, key=f"{turn}") for _ in range(8)])

        assert {answer.status_code for answer in answers} <= {200, 409}
        first = [answer for answer in answers if answer.status_code == 200 and not is_replayed(answer)]
        assert len(first) == 1
        assert {answer.content for answer in answers if answer.status_code == 200} == {first[0].content}


def test_without_redis_behind_the_keys_the_call_goes_on_without_the_promise(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = api.server()
    one, _, match_id = api.matched_pair()
    nowhere = connect(f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setattr(wiring.keyed_answers(), "_scripts", Scripts(nowhere, Path(datastore.__file__).parent / "lua"))

    with caplog.at_level(logging.WARNING):
        joined = send(api, "matchmaking/join/", player=one)
        results = [send(api, f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=token) for _ in range(2)]

    assert joined.status_code == 200
    assert [(answer.status_code, is_replayed(answer)) for answer in results] == [(200, False)] * 2
    assert results[0].content == results[1].content
    assert "an idempotency key is not looked at" in caplog.text


def test_the_fleet_has_keys_of_its_own(api: Api) -> None:
    *_, match_id = api.matched_pair()
    headers = {"X-Fleet-Key": django_settings.FLEET_KEYS[0], "Idempotency-Key": "key-1"}

    answers = [
        api.client.post(
            f"/api/matches/{match_id}/result/", '{"ranks": [1, 1]}', content_type="application/json", headers=headers
        )
        for _ in range(2)
    ]

    assert [is_replayed(answer) for answer in answers] == [False, True]
