"""Who may do what: every call of the API, by every kind of caller. A call that is not listed fails the test."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.integration.conftest import PASSWORD, Api

#: The callers, in the order of the columns below. The match is of `player` and a second one, on `server`;
#: both are in a party that `player` leads.
CALLERS = ("anonymous", "player", "stranger", "server", "other_server", "stale_server", "fleet", "staff")

REGISTRATION = {"id": "new-1", "host": "10.0.0.9", "port": 7777, "capacity": 1}
RESULT = {"ranks": [1, 2]}
LEAVER = {"leaver": "00000000-0000-4000-8000-000000000000"}
ACCOUNT = {"username": "newcomer", "password": PASSWORD}
#: Of the party that `player` leads; "<member>" is the other one in it.
GUEST = {"username": "boss"}
MEMBER = {"player": "<member>"}


@dataclass(frozen=True)
class Call:
    """One row: the call, and what each caller gets."""

    method: str
    path: str
    #: By caller, in the order of `CALLERS`.
    expected: tuple[int, ...]
    body: Any = None


def queue_calls(prefix: str) -> list[Call]:
    #                                         anon player strang server other stale fleet staff
    return [
        Call("POST", f"api/{prefix}join/", (401, 200, 200, 403, 403, 403, 403, 200)),
        Call("GET", f"api/{prefix}status/", (401, 200, 200, 403, 403, 403, 403, 200)),
        Call("POST", f"api/{prefix}leave/", (401, 409, 200, 403, 403, 403, 403, 200)),
        Call("GET", f"api/{prefix}stats/", (200, 200, 200, 200, 200, 200, 200, 200)),
    ]


MATRIX = [
    *queue_calls("matchmaking/"),
    *queue_calls("matchmaking/redis/"),
    *queue_calls("matchmaking/postgres/"),
    #                                                   anon player strang server other stale fleet staff
    Call(
        "GET",
        "api/matchmaking/tickets/<uuid:player_id>/explain/",
        (401, 403, 403, 403, 403, 403, 403, 404),
    ),
    Call("GET", "api/matches/", (401, 200, 200, 403, 403, 403, 403, 200)),
    Call("GET", "api/matches/<uuid:match_id>/", (401, 200, 403, 403, 403, 403, 403, 200)),
    # Its queue asks nobody; `test_acceptance.py` has those that do.
    Call("POST", "api/matches/<uuid:match_id>/accept/", (401, 409, 403, 403, 403, 403, 403, 403)),
    Call("POST", "api/matches/<uuid:match_id>/decline/", (401, 409, 403, 403, 403, 403, 403, 403)),
    Call("POST", "api/matches/<uuid:match_id>/result/", (401, 403, 403, 200, 403, 409, 403, 403), RESULT),
    # The queue of the match fills no seats; `test_backfill.py` asks in one that does.
    Call("POST", "api/matches/<uuid:match_id>/backfill/", (401, 403, 403, 409, 403, 409, 403, 403), LEAVER),
    Call("GET", "api/matches/<uuid:match_id>/backfill/", (401, 403, 403, 200, 403, 409, 403, 403)),
    Call("DELETE", "api/matches/<uuid:match_id>/backfill/", (401, 403, 403, 200, 403, 409, 403, 403)),
    Call("GET", "api/servers/", (401, 403, 403, 403, 403, 403, 403, 200)),
    Call("POST", "api/servers/register/", (401, 403, 403, 403, 403, 403, 201, 403), REGISTRATION),
    Call("POST", "api/servers/<str:server_id>/heartbeat/", (401, 403, 403, 200, 403, 409, 403, 403)),
    Call("POST", "api/servers/<str:server_id>/drain/", (401, 403, 403, 200, 403, 409, 403, 200)),
    Call("DELETE", "api/servers/<str:server_id>/", (401, 403, 403, 204, 403, 409, 403, 204)),
    Call("POST", "api/parties/", (401, 200, 201, 403, 403, 403, 403, 201)),
    Call("GET", "api/parties/mine/", (401, 200, 404, 403, 403, 403, 403, 404)),
    Call("GET", "api/parties/invites/", (401, 200, 200, 403, 403, 403, 403, 200)),
    Call("POST", "api/parties/join/", (401, 404, 404, 403, 403, 403, 403, 404), {"code": "nonsense"}),
    Call("POST", "api/parties/<uuid:party_id>/join/", (401, 200, 404, 403, 403, 403, 403, 404)),
    Call("POST", "api/parties/<uuid:party_id>/leave/", (401, 200, 404, 403, 403, 403, 403, 404)),
    Call("POST", "api/parties/<uuid:party_id>/invites/", (401, 201, 404, 403, 403, 403, 403, 404), GUEST),
    Call("POST", "api/parties/<uuid:party_id>/kick/", (401, 200, 404, 403, 403, 403, 403, 404), MEMBER),
    Call("POST", "api/parties/<uuid:party_id>/lead/", (401, 200, 404, 403, 403, 403, 403, 404), MEMBER),
    Call("GET", "api/players/me/", (401, 200, 200, 403, 403, 403, 403, 200)),
    Call("GET", "api/players/blocks/", (401, 200, 200, 403, 403, 403, 403, 200)),
    Call("POST", "api/players/blocks/", (401, 200, 200, 403, 403, 403, 403, 200), {"username": "player2"}),
    # Without saying whom; `test_blocks.py` says it.
    Call("DELETE", "api/players/blocks/", (401, 400, 400, 403, 403, 403, 403, 400)),
    Call("POST", "api/players/register/", (201, 201, 201, 201, 201, 201, 201, 201), ACCOUNT),
    Call("POST", "api/token/", (401, 401, 401, 401, 401, 401, 401, 401), ACCOUNT),
    Call("POST", "api/token/refresh/", (401, 401, 401, 401, 401, 401, 401, 401), {"refresh": "nonsense"}),
    Call("GET", "api/leaderboard/", (200, 200, 200, 200, 200, 200, 200, 200)),
    Call("GET", "api/schema/", (200, 200, 200, 200, 200, 200, 200, 200)),
    Call("GET", "api/docs/", (200, 200, 200, 200, 200, 200, 200, 200)),
    Call("GET", "healthz", (200, 200, 200, 200, 200, 200, 200, 200)),
    Call("GET", "readyz", (200, 200, 200, 200, 200, 200, 200, 200)),
    Call("GET", "", (302, 302, 302, 302, 302, 302, 302, 302)),
]

METHODS = ("get", "post", "put", "patch", "delete")


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(route, view) of every address outside the admin."""
    for entry in patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            if not route.startswith("admin/"):
                yield from routes(entry.url_patterns, route)
        elif isinstance(entry, URLPattern):
            yield route, entry.callback


def calls_of_the_urlconf() -> set[tuple[str, str]]:
    found = set()
    for route, view in routes(get_resolver().url_patterns):
        kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
        is_api = hasattr(kind, "authentication_classes")
        methods = [name for name in METHODS if hasattr(kind, name)] if is_api else ["get"]
        found |= {(method.upper(), route) for method in methods}
    return found


def test_every_call_of_the_service_is_in_the_matrix() -> None:
    assert {(call.method, call.path) for call in MATRIX} == calls_of_the_urlconf()


@pytest.fixture
def credentials(api: Api, django_user_model: type) -> dict[str, dict[str, Any]]:
    """What each caller shows; `match_id` is the match that the columns speak of."""
    stale = api.server("eu-1")
    server, other_server = api.server("eu-1", capacity=1), api.server("eu-2")
    api.post("servers/eu-2/drain/", token=other_server)
    player, second, match_id = api.matched_pair()
    party = api.post("parties/", token=player.token, expect=201)
    api.post("parties/join/", {"code": party["code"]}, token=second.token)
    stranger = api.player()
    boss = api.player("boss")
    django_user_model.objects.filter(id=boss.id).update(is_staff=True)  # type: ignore[attr-defined]
    staff = api.post("token/", {"username": "boss", "password": PASSWORD})["access"]
    return {
        "anonymous": {},
        "player": {"token": player.token},
        "stranger": {"token": stranger.token},
        "server": {"token": server},
        "other_server": {"token": other_server},
        "stale_server": {"token": stale},
        "fleet": {"fleet": True},
        "staff": {"token": staff},
        "match": {"id": match_id},
        "party": {"id": party["id"], "member": second.id},
    }


def askers() -> Iterator[Any]:
    """Each call, and who makes it in one service: together whom it lets change nothing, alone each of the others."""
    for call in MATRIX:
        together = [
            c for c, status in zip(CALLERS, call.expected, strict=True) if call.method == "GET" or status >= 400
        ]
        alone = [[caller] for caller in CALLERS if caller not in together]
        for callers in filter(None, [together, *alone]):
            yield pytest.param(call, callers, id=f"{call.method} {call.path} {' '.join(callers)}")


def test_every_caller_is_asked_for_every_call() -> None:
    asked = [(id(call), caller) for call, callers in (one.values for one in askers()) for caller in callers]

    assert sorted(asked) == sorted((id(call), caller) for call in MATRIX for caller in CALLERS)


@pytest.mark.parametrize(("call", "callers"), list(askers()))
def test_a_caller_gets_what_the_matrix_says(
    api: Api, credentials: dict[str, dict[str, Any]], call: Call, callers: list[str]
) -> None:
    match_id = credentials["match"]["id"]
    party = credentials["party"]
    path = call.path.replace("<uuid:match_id>", match_id).replace("<str:server_id>", "eu-1")
    path = path.replace("<uuid:party_id>", party["id"]).replace("<uuid:player_id>", match_id)
    body = {"player": party["member"]} if call.body == MEMBER else call.body

    answers = {caller: call_any(api, call.method, path, body, **credentials[caller]) for caller in callers}

    expected = dict(zip(CALLERS, call.expected, strict=True))
    told = {caller: answer.status_code for caller, answer in answers.items()}
    assert told == {caller: expected[caller] for caller in callers}, [one.content[:300] for one in answers.values()]


def call_any(api: Api, method: str, path: str, body: Any, **who: Any) -> Any:
    """Like `api.call`, for addresses outside `/api/` too."""
    if path.startswith("api/"):
        return api.call(method, path.removeprefix("api/"), body, **who)
    return api.client.get(f"/{path}")


@pytest.mark.parametrize("caller", ["anonymous", "stranger", "server", "fleet", "staff"])
def test_whoever_is_refused_has_not_changed_a_party(
    api: Api, credentials: dict[str, dict[str, Any]], caller: str
) -> None:
    party, leader = credentials["party"], credentials["player"]
    before = api.get("parties/mine/", **leader)
    for call, body in (
        *[(call, {"player": party["member"]}) for call in ("invites", "kick", "lead")],
        *[(call, {}) for call in ("join", "leave")],
    ):
        response = api.call("POST", f"parties/{party['id']}/{call}/", body, **credentials[caller])
        assert response.status_code in (401, 403, 404)

    assert api.get("parties/mine/", **leader) == before


@pytest.mark.parametrize("caller", ["anonymous", "player", "stranger", "other_server", "stale_server", "fleet"])
def test_whoever_is_refused_has_changed_nothing(api: Api, credentials: dict[str, dict[str, Any]], caller: str) -> None:
    match_id = credentials["match"]["id"]
    for method, path, body in (
        ("POST", f"matches/{match_id}/result/", RESULT),
        ("POST", f"matches/{match_id}/backfill/", LEAVER),
        ("POST", "servers/eu-1/drain/", None),
        ("DELETE", "servers/eu-1/", None),
    ):
        assert api.call(method, path, body, **credentials[caller]).status_code in (401, 403, 409)

    status = api.get("matchmaking/status/", token=credentials["player"]["token"])
    assert (status["status"], status["match"]["id"], status["match"]["status"]) == ("matched", match_id, "created")
    (server,) = [
        one for one in api.get("servers/", token=credentials["staff"]["token"])["servers"] if one["id"] == "eu-1"
    ]
    assert (server["status"], server["active_games"]) == ("ready", 1)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        *[("matchmaking/join/", name) for name in ("rating", "elo_rating", "player_id", "username", "joined_at")],
        *[("parties/join/", name) for name in ("player", "leader", "party", "id")],
        *[("parties/{party}/invites/", name) for name in ("by", "expires_at", "party")],
        *[("parties/{party}/kick/", name) for name in ("code", "leader")],
        *[("players/register/", name) for name in ("id", "is_staff", "is_superuser", "ratings", "is_active")],
        *[("servers/register/", name) for name in ("generation", "status", "active_games", "token")],
        *[("servers/eu-1/heartbeat/", name) for name in ("id", "capacity", "active_games", "status", "region")],
        *[("matches/{match}/result/", name) for name in ("elo_after", "players", "status", "server_id")],
    ],
)
def test_no_caller_sets_what_is_not_his_to_set(
    api: Api, credentials: dict[str, dict[str, Any]], path: str, field: str
) -> None:
    who = {
        "matchmaking": "player",
        "parties": "player",
        "players": "anonymous",
        "servers": "server",
        "matches": "server",
    }
    caller = "fleet" if path == "servers/register/" else who[path.partition("/")[0]]
    body: dict[str, Any] = {"players/register/": ACCOUNT, "servers/register/": REGISTRATION}.get(path, {})
    body = RESULT if path.startswith("matches/") else body

    answer = api.post(
        path.format(match=credentials["match"]["id"], party=credentials["party"]["id"]),
        {**body, field: 1},
        expect=400,
        **credentials[caller],
    )

    assert answer["field"] == field


def test_history_and_profile_are_ones_own_whatever_the_query_says(
    api: Api, credentials: dict[str, dict[str, Any]]
) -> None:
    stranger = credentials["stranger"]["token"]
    player = api.get("players/me/", token=credentials["player"]["token"])["id"]

    for query in (f"?player={player}", f"?player_id={player}", f"?participants__player_id={player}"):
        assert api.get(f"matches/{query}", token=stranger)["results"] == []
        assert api.get(f"players/me/{query}", token=stranger)["id"] != player


def test_an_idempotency_key_of_one_caller_shows_another_nothing(
    api: Api, credentials: dict[str, dict[str, Any]]
) -> None:
    key = str(uuid.uuid4())
    answers = []
    for caller in ("player", "stranger"):
        headers = {"Authorization": f"Bearer {credentials[caller]['token']}", "Idempotency-Key": key}
        answers.append(api.client.post("/api/matchmaking/join/", "", content_type="application/json", headers=headers))

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content != answers[1].content
    assert "Idempotency-Replayed" not in answers[1]
