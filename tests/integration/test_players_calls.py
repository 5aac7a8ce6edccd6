"""Accounts, tokens, joining, asking, leaving: what players see."""

import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from caroud import wiring
from matchmaking.match import PlayerId
from tasks import reaping
from tests.integration.conftest import PASSWORD, Api


def test_a_new_player_waits_at_the_initial_rating(api: Api) -> None:
    player = api.player("testuser")

    answer = api.post("matchmaking/join/", token=player.token)

    assert answer.pop("ticket")
    assert answer == {
        "status": "waiting",
        "queue": "ranked",
        "queues": ["ranked"],
        "your_elo": 1200,
        "waiting_time": 0,
        "search_window": {"min": 1100, "max": 1300},
        "queue_position": 1,
        "queue_size": 1,
        "queue_stats": {"total_waiting": 1, "average_elo": 1200},
        "eta": {"p50_seconds": None, "p90_seconds": None, "of_matches": 0},
        "reason": None,
    }


def test_waiting_widens_the_search_window(api: Api) -> None:
    player = api.player()
    api.post("matchmaking/join/", token=player.token)

    api.clock.advance(seconds=29.9)

    answer = api.get("matchmaking/status/", token=player.token)
    assert answer["waiting_time"] == 29
    assert answer["search_window"] == {"min": 1080, "max": 1320}


def test_both_players_are_told_the_same_match_and_each_other(api: Api) -> None:
    api.server("eu-1", region="eu")
    one, other = api.player("testuser"), api.player("tangerine")
    api.post("matchmaking/join/", {"queue": "ranked", "region": "eu"}, token=one.token)
    api.post("matchmaking/join/", token=other.token)
    api.round()

    told = [api.get("matchmaking/status/", token=player.token) for player in (one, other)]

    assert [answer["status"] for answer in told] == ["matched", "matched"]
    assert told[0]["match"] == told[1]["match"]
    match = told[0]["match"]
    assert sorted(match) == ["created_at", "id", "queue", "server", "status", "teams"]
    assert match["server"] == {"host": "10.0.0.1", "port": 7777, "region": "eu"}
    assert (match["queue"], match["status"]) == ("ranked", "created")
    assert {player["id"] for team in match["teams"] for player in team} == {one.id, other.id}
    assert told[0]["opponent"] == {"username": "tangerine", "elo_rating": 1200}
    assert told[1]["opponent"] == {"username": "testuser", "elo_rating": 1200}


def test_joining_twice_keeps_the_arrival_time_and_joining_a_live_match_answers_it(api: Api) -> None:
    one, other = api.player(), api.player()
    api.post("matchmaking/join/", token=one.token)
    api.clock.advance(seconds=12)
    assert api.post("matchmaking/join/", token=one.token)["waiting_time"] == 12
    api.post("matchmaking/join/", token=other.token)
    (match,) = api.round()

    assert api.post("matchmaking/join/", token=one.token)["match"]["id"] == match.id


def test_the_calls_answer_under_the_name_of_the_store_too(api: Api) -> None:
    player = api.player()

    api.post("matchmaking/redis/join/", token=player.token)

    assert api.get("matchmaking/status/", token=player.token)["status"] == "waiting"
    assert api.post("matchmaking/redis/leave/", token=player.token) == {"status": "left"}


def test_leaving_answers_left_then_not_in_queue(api: Api) -> None:
    player = api.player()
    api.post("matchmaking/join/", token=player.token)

    assert api.post("matchmaking/leave/", token=player.token) == {"status": "left"}
    assert api.post("matchmaking/leave/", token=player.token) == {"status": "not_in_queue"}
    assert api.get("matchmaking/status/", token=player.token) == {"status": "not_in_queue"}


def test_leaving_after_a_match_was_found_is_a_conflict_that_names_the_match(api: Api) -> None:
    one, _, match_id = api.matched_pair()

    answer = api.post("matchmaking/leave/", token=one.token, expect=409)

    assert answer["match"]["id"] == match_id
    assert answer["opponent"]["username"] == "player2"


def test_a_player_waits_in_several_queues_and_the_first_match_ends_the_ticket(api: Api) -> None:
    player, other = api.player(), api.player()

    told = api.post("matchmaking/join/", {"queues": ["casual", "ranked"]}, token=player.token)
    assert (told["status"], told["queue"], told["queues"]) == ("waiting", "casual", ["casual", "ranked"])
    again = api.post("matchmaking/join/", {"queues": ["ranked", "casual"]}, token=player.token)
    assert (again["queues"], again["queue_size"]) == (["casual", "ranked"], 1)
    refused = api.post("matchmaking/join/", {"queue": "ranked"}, token=player.token, expect=409)
    assert (refused["field"], refused["queues"]) == ("queue", ["casual", "ranked"])
    api.post("matchmaking/join/", {"queue": "ranked"}, token=other.token)
    (match,) = api.round()

    assert api.get("matchmaking/status/", token=player.token)["match"]["id"] == match.id
    stats = api.get("matchmaking/stats/")["queues"]
    assert [stats[queue]["current_size"] for queue in ("casual", "ranked")] == [0, 0]
    assert api.nudges == ["ranked"]


def test_a_ticket_carries_latencies_and_what_the_rating_cache_knows(api: Api) -> None:
    player, keys = api.player(), wiring.keys()
    known = {"ranked": "1234.5", "ranked:traits": "d=87.5;g=12", "casual:traits": "d=1", "blocks": "b=somebody"}
    wiring.redis_client().hset(keys.ratings(player.id), mapping=known)

    api.post("matchmaking/join/", {"latencies": {"us": 120, "eu": 40}}, token=player.token)

    tickets = wiring.redis_tickets().snapshot("ranked")
    assert tickets.ratings.tolist() == [1234.5]
    assert list(tickets.traits) == ["l=eu:40,us:120;d=87.5;g=12;b=somebody"]


def test_a_signed_ticket_brings_all_queues_and_latencies_back(api: Api) -> None:
    player = api.player()
    body = {"queues": ["casual", "ranked"], "latencies": {"eu": 40}}
    told = api.post("matchmaking/join/", body, token=player.token)
    wiring.redis_tickets().drop([PlayerId(player.id)])
    headers = {"X-Matchmaking-Ticket": told["ticket"], "Authorization": f"Bearer {player.token}"}

    shown = json.loads(api.client.get("/api/matchmaking/status/", headers=headers).content)

    assert (shown["status"], shown["queues"]) == ("waiting", ["casual", "ranked"])
    for queue in ("casual", "ranked"):
        assert list(wiring.redis_tickets().snapshot(queue).traits) == ["l=eu:40"]


def test_waiting_in_another_queue_is_a_conflict_that_names_it(api: Api) -> None:
    player = api.player()
    api.post("matchmaking/join/", {"queue": "casual"}, token=player.token)

    answer = api.post("matchmaking/join/", {"queue": "ranked"}, token=player.token, expect=409)

    assert (answer["field"], answer["queue"]) == ("queue", "casual")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"queue": "nope"}, "queue"),
        ({"queue": 5}, "queue"),
        ({"queue": ["ranked"]}, "queue"),
        ({"queues": []}, "queues"),
        ({"queues": "ranked"}, "queues"),
        ({"queues": ["ranked", "ranked"]}, "queues"),
        ({"queues": ["ranked", "nope"]}, "queues"),
        ({"queues": [["ranked"]]}, "queues"),
        ({"queues": ["ranked"] * 9}, "queues"),
        ({"queue": "ranked", "queues": ["ranked"]}, "queues"),
        ({"latencies": [40]}, "latencies"),
        ({"latencies": {"eu": 0}}, "latencies"),
        ({"latencies": {"eu": 2001}}, "latencies"),
        ({"latencies": {"eu": 40.5}}, "latencies"),
        ({"latencies": {"eu": True}}, "latencies"),
        ({"latencies": {"e|u": 40}}, "latencies"),
        ({"latencies": {f"r{n}": 40 for n in range(17)}}, "latencies"),
        ({"region": "a|b"}, "region"),
        ({"region": "x" * 65}, "region"),
        ({"region": {"a": 1}}, "region"),
        ({"region": "eu\u0000"}, "region"),
        ({"rating": 3000}, "rating"),
        ({"player_id": "somebody"}, "player_id"),
        ([1, 2], "body"),
        ("{bad", "body"),
        ('{"queue": NaN}', "body"),
        ('{"region": "\\ud800"}', "body"),
        ("[" * 50_000, "body"),
        ("9" * 5_000, "body"),
        (b"\xff\xfe", "body"),
    ],
)
def test_bad_input_to_a_join_names_the_field_and_loses_nothing(api: Api, body: object, field: str) -> None:
    player = api.player()
    api.post("matchmaking/join/", token=player.token)

    response = api.call("POST", "matchmaking/join/", body, token=player.token)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.content)["field"] == field
    assert api.get("matchmaking/status/", token=player.token)["status"] == "waiting"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "ab", "password": PASSWORD}, "username"),
        ({"username": "has space", "password": PASSWORD}, "username"),
        ({"username": "x" * 33, "password": PASSWORD}, "username"),
        ({"username": "nul\u0000nul", "password": PASSWORD}, "username"),
        ({"username": "fine", "password": "12345678"}, "password"),
        ({"username": "fine", "password": ""}, "password"),
        ({"username": "fine"}, "password"),
        ({"password": PASSWORD}, "username"),
        ({"username": "fine", "password": PASSWORD, "is_staff": True}, "is_staff"),
        ('{"username": "fine", "password": "\\ud800-correct-horse"}', "body"),
    ],
)
def test_bad_input_to_register_names_the_field(api: Api, body: object, field: str) -> None:
    assert api.post("players/register/", body, expect=400)["field"] == field


def test_a_name_is_taken_whatever_its_case(api: Api) -> None:
    api.player("TestUser")

    answer = api.post("players/register/", {"username": "testuser", "password": PASSWORD}, expect=409)

    assert answer["field"] == "username"


def test_a_player_logs_in_and_a_refresh_token_works_once(api: Api) -> None:
    player = api.player("testuser")
    pair = api.post("token/", {"username": "testuser", "password": PASSWORD})

    renewed = api.post("token/refresh/", {"refresh": pair["refresh"]})

    me = api.get("players/me/", token=renewed["access"])
    assert (me["id"], me["username"]) == (player.id, "testuser")
    assert api.post("token/refresh/", {"refresh": pair["refresh"]}, expect=401)
    assert api.post("token/", {"username": "testuser", "password": "wrong"}, expect=401)


def test_a_refreshed_token_says_what_the_account_is_now(api: Api, django_user_model: type) -> None:
    player = api.player("boss")
    django_user_model.objects.filter(id=player.id).update(is_staff=True)
    pair = api.post("token/", {"username": "boss", "password": PASSWORD})
    django_user_model.objects.filter(id=player.id).update(is_staff=False)

    renewed = api.post("token/refresh/", {"refresh": pair["refresh"]})

    assert api.get("servers/", token=renewed["access"], expect=403)
    django_user_model.objects.filter(id=player.id).update(is_active=False)
    assert api.post("token/refresh/", {"refresh": renewed["refresh"]}, expect=401)


def test_refresh_tokens_are_forgotten_when_their_time_is_over(api: Api) -> None:
    api.player()
    OutstandingToken.objects.update(expires_at=timezone.now())
    api.player()

    reaping.forget_expired_tokens()

    assert OutstandingToken.objects.count() == 1


def test_no_token_a_broken_token_and_an_expired_token_are_refused(api: Api) -> None:
    player = api.player()
    claims = jwt.decode(player.token, options={"verify_signature": False})
    past = int((datetime.now(UTC) - timedelta(minutes=1)).timestamp())
    expired = jwt.encode({**claims, "exp": past}, django_settings.SECRET_KEY, algorithm="HS256")
    forged = jwt.encode({**claims, "is_staff": True}, "another-key-" * 4, algorithm="HS256")
    unsigned = jwt.encode(claims, "", algorithm="none")

    for token in (None, "nonsense", expired, forged, unsigned, player.token[:-4]):
        response = api.call("GET", "matchmaking/status/", "", token=token)
        assert response.status_code == 401, token
        assert response["WWW-Authenticate"].startswith("Bearer")
    assert api.call("GET", "matchmaking/status/", "", token=player.token).status_code == 200


def test_a_refresh_token_is_no_access_token(api: Api) -> None:
    api.player("testuser")
    pair = api.post("token/", {"username": "testuser", "password": PASSWORD})

    assert api.get("matchmaking/status/", token=pair["refresh"], expect=401)


def test_a_player_whose_account_is_gone_is_told_so(api: Api, django_user_model: type) -> None:
    player = api.player()
    django_user_model.objects.filter(id=player.id).delete()

    assert "account" in api.post("matchmaking/join/", token=player.token, expect=403)["detail"]


def test_stats_count_what_happened(api: Api) -> None:
    api.matched_pair()
    leaver, waiter = api.player(), api.player()
    for player in (leaver, waiter):
        api.post("matchmaking/join/", token=player.token)
    api.post("matchmaking/leave/", token=leaver.token)

    stats = api.get("matchmaking/stats/")

    ranked = stats["queues"]["ranked"]
    assert (ranked["current_size"], ranked["average_elo"]) == (1, 1200)
    assert (ranked["total_joins"], ranked["total_leaves"], ranked["total_matches"], ranked["total_expired"]) == (
        4,
        1,
        1,
        0,
    )
    assert ranked["elo_distribution"]["1200-1399"] == 1
    assert sum(ranked["elo_distribution"].values()) == 1
    assert ranked["wait_seconds"] == {"p50": 0.0, "p95": 0.0, "of_recent_players": 2}
    assert stats["online_users"] == 3
    assert set(stats["queues"]) == set(wiring.rules().queues)


def test_a_join_asks_for_a_round_once_until_the_round_begins(api: Api) -> None:
    for _ in range(4):
        api.post("matchmaking/join/", token=api.player().token)

    assert api.nudges == ["ranked"]


def test_a_body_beyond_the_limit_or_of_another_kind_is_refused(api: Api) -> None:
    player = api.player()
    headers = {"Authorization": f"Bearer {player.token}"}
    large = api.call("POST", "matchmaking/join/", b'{"region": "' + b"x" * 1_000_000 + b'"}', token=player.token)
    form = api.client.post("/api/matchmaking/join/", {"queue": "ranked"}, headers=headers)
    wrong_method = api.call("DELETE", "matchmaking/join/", "", token=player.token)

    assert [response.status_code for response in (large, form, wrong_method)] == [413, 415, 405]
    for response in (large, form, wrong_method):
        assert response["Content-Type"] == "application/problem+json"


def test_credentials_with_a_nul_are_refused_by_name(api: Api) -> None:
    assert api.post("token/", {"username": "a\u0000", "password": "x"}, expect=400)["field"] == "username"


def test_an_unknown_address_is_a_problem_document(api: Api) -> None:
    response = api.call("GET", "nothing/", "")

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
