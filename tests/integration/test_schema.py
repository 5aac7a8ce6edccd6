"""The schema tells the truth: OpenAPI 3.1, every call in it, its page without the internet."""

import contextlib
import json
import os
import re
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.integration.conftest import Api

CALLS = {
    ("post", "/api/players/register/"),
    ("post", "/api/token/"),
    ("post", "/api/token/refresh/"),
    ("get", "/api/players/me/"),
    ("get", "/api/players/blocks/"),
    ("post", "/api/players/blocks/"),
    ("delete", "/api/players/blocks/"),
    ("get", "/api/leaderboard/"),
    ("get", "/api/matches/"),
    ("get", "/api/matches/{match_id}/"),
    ("post", "/api/matches/{match_id}/accept/"),
    ("post", "/api/matches/{match_id}/decline/"),
    ("post", "/api/matches/{match_id}/result/"),
    ("post", "/api/matches/{match_id}/backfill/"),
    ("get", "/api/matches/{match_id}/backfill/"),
    ("delete", "/api/matches/{match_id}/backfill/"),
    ("post", "/api/matchmaking/join/"),
    ("get", "/api/matchmaking/status/"),
    ("post", "/api/matchmaking/leave/"),
    ("get", "/api/matchmaking/stats/"),
    ("post", "/api/matchmaking/redis/join/"),
    ("get", "/api/matchmaking/redis/status/"),
    ("post", "/api/matchmaking/redis/leave/"),
    ("get", "/api/matchmaking/redis/stats/"),
    ("post", "/api/matchmaking/postgres/join/"),
    ("get", "/api/matchmaking/postgres/status/"),
    ("post", "/api/matchmaking/postgres/leave/"),
    ("get", "/api/matchmaking/postgres/stats/"),
    ("post", "/api/parties/"),
    ("get", "/api/parties/mine/"),
    ("get", "/api/parties/invites/"),
    ("post", "/api/parties/join/"),
    ("post", "/api/parties/{party_id}/join/"),
    ("post", "/api/parties/{party_id}/leave/"),
    ("post", "/api/parties/{party_id}/invites/"),
    ("post", "/api/parties/{party_id}/kick/"),
    ("post", "/api/parties/{party_id}/lead/"),
    ("get", "/api/matchmaking/tickets/{player_id}/explain/"),
    ("post", "/api/servers/register/"),
    ("post", "/api/servers/{server_id}/heartbeat/"),
    ("post", "/api/servers/{server_id}/drain/"),
    ("delete", "/api/servers/{server_id}/"),
    ("get", "/api/servers/"),
}


@pytest.fixture(scope="module")
def schema() -> Any:
    return SchemaGenerator().get_schema(public=True)


def test_the_schema_is_valid_openapi_3_1(schema: Any) -> None:
    validate_schema(schema)
    assert schema["openapi"] == "3.1.0"


def test_the_schema_is_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", os.devnull)

    assert capsys.readouterr().err == ""


def test_every_call_is_in_the_schema_and_nothing_else(schema: Any) -> None:
    assert {(method, path) for path, item in schema["paths"].items() for method in item} == CALLS


def test_what_is_said_of_a_call_was_written_for_callers(schema: Any) -> None:
    said = [call.get("description", "") for item in schema["paths"].values() for call in item.values()]
    assert [text for text in said if "A view that" in text or "`backend` names" in text] == []


def test_every_call_names_its_credentials_and_its_problems(schema: Any) -> None:
    for path, item in schema["paths"].items():
        for method, call in item.items():
            assert call["summary"], path
            assert "429" in call["responses"], path
            if "requestBody" in call:
                assert {"413", "415"} <= set(call["responses"]), path
            if call.get("security"):
                assert {"401", "403"} <= set(call["responses"]), (method, path)
            for status, response in call["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], (method, path, status)


def test_the_calls_that_can_be_sent_twice_name_the_key_and_what_it_may_meet(schema: Any) -> None:
    keyed = {
        (method, path)
        for path, item in schema["paths"].items()
        for method, call in item.items()
        if "Idempotency-Key" in [parameter["name"] for parameter in call.get("parameters", ())]
    }

    once = ("/join/", "/leave/", "/accept/", "/decline/", "/result/")
    assert keyed == {call for call in CALLS if call[1].endswith(once)}
    for method, path in keyed:
        assert {"400", "409", "422"} <= set(schema["paths"][path][method]["responses"]), path


def test_what_is_answered_fits_the_schema(api: Api, schema: Any) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    one, other, match_id = api.matched_pair()
    token = api.server()
    party = api.post("parties/", token=one.token, expect=201)
    invites = f"parties/{party['id']}/invites/"
    api.post(invites, {"player": other.id}, token=one.token, expect=201)
    answers = [
        ("post", "/api/parties/{party_id}/invites/", api.post(invites, {"player": other.id}, token=one.token)),
        ("get", "/api/parties/invites/", api.get("parties/invites/", token=other.token)),
        ("get", "/api/parties/mine/", api.get("parties/mine/", token=one.token)),
        ("get", "/api/matchmaking/status/", api.get("matchmaking/status/", token=one.token)),
        ("post", "/api/matchmaking/join/", api.post("matchmaking/join/", token=api.player().token)),
        ("get", "/api/matchmaking/stats/", api.get("matchmaking/stats/")),
        ("get", "/api/matches/{match_id}/", api.get(f"matches/{match_id}/", token=one.token)),
        ("get", "/api/matches/", api.get("matches/", token=one.token)),
        ("get", "/api/players/me/", api.get("players/me/", token=one.token)),
        ("get", "/api/leaderboard/", api.get("leaderboard/")),
        ("post", "/api/players/blocks/", api.post("players/blocks/", {"username": "player2"}, token=one.token)),
        ("post", "/api/servers/{server_id}/heartbeat/", api.post("servers/eu-1/heartbeat/", token=token)),
        (
            "post",
            "/api/matches/{match_id}/result/",
            api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, fleet=True),
        ),
    ]
    for method, path, body in answers:
        content = schema["paths"][path][method]["responses"]["200"]["content"]["application/json"]
        validator = Draft202012Validator({**content["schema"], "components": schema["components"]})
        assert [error.message for error in validator.iter_errors(body)] == [], path


def test_the_schema_and_its_page_are_served_and_the_page_needs_no_other_host(db: None) -> None:
    client = Client()

    assert yaml.safe_load(client.get("/api/schema/").content)["info"]["title"] == "Caroud matchmaking"
    page = client.get("/api/docs/").content.decode()
    assert re.findall(r'(?:src|href)="(https?:)?//', page) == []
    scripts = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert scripts
    for address in scripts:
        with contextlib.closing(client.get(address)) as response:
            assert response.status_code == 200, address


def test_the_admin_asks_for_a_login(db: None) -> None:
    response = Client().get("/admin/matchmaking/matchrecord/")

    assert (response.status_code, response["Location"].split("?")[0]) == (302, "/admin/login/")


def test_the_admin_shows_matches_players_and_servers(api: Api, django_user_model: Any) -> None:
    api.server()
    *_, match_id = api.matched_pair()
    api.client.force_login(django_user_model.objects.create_superuser("boss"))

    for page in (
        "matchmaking/matchrecord",
        "players/player",
        "players/rating",
        "servers/gameserverrecord",
        "parties/party",
    ):
        assert api.client.get(f"/admin/{page}/").status_code == 200, page
    assert json.dumps(match_id).strip('"') in api.client.get("/admin/matchmaking/matchrecord/").content.decode()
    assert api.client.get(f"/admin/matchmaking/matchrecord/{match_id}/change/").status_code == 200
