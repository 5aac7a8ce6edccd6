"""What hostile clients send: kept as it is, or refused with a 4xx problem document; never a 5xx, never a change."""

import base64
import json
import uuid
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse

from caroud import wiring
from matchmaking.models import MatchRecord
from players.models import Player
from tests.integration.conftest import PASSWORD, Account, Api

#: Text that breaks what splices it into SQL, Lua, a key, a log line, HTML or a terminal.
TEXTS = {
    "emoji": "🎮🏆👩‍👩‍👧‍👦",
    "right-to-left": "مرحبا",
    "override": "abc\u202egnp.exe",
    "nul": "a\x00b",
    "newline": "abc\r\nX-Injected: 1",
    "escape": "\x1b[31mred",
    "zero-width": "\u200b\u200b\u200b",
    "combining": "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    "surrogate": "\ud800abc",
    "sql": "'; DROP TABLE players_player; --",
    "sql-or": "x' OR '1'='1",
    "lua": "'); redis.call('FLUSHALL'); --",
    "key": "matchmaking:queue",
    "hash-tag": "{x}:y",
    "glob": "*?[a-z]",
    "path": "../../../etc/passwd",
    "format": "%s%n{0.__class__}{{7*7}}${7*7}",
    "html": "<script>alert(1)</script>",
    "number": "1e309",
    "bom": "\ufeffabc",
    "private": "\ue000\uffff\U0010ffff",
    "empty": "",
    "blank": "   ",
    "long": "x" * 10_000,
}

#: The same as other JSON values.
VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "big": 10**400,
    "negative": -1,
    "float": 1.5e308,
    "infinite": float("inf"),
    "list": ["a"],
    "object": {"$ne": None},
    "deep": [[[[[[[[[[1]]]]]]]]]],
}

ALL_VALUES = [*TEXTS.values(), *VALUES.values()]


def written(body: Any) -> str:
    """JSON as a client writes it: lone surrogates as escapes."""
    return json.dumps(body)


def is_refused(response: HttpResponse, *, field: str | None = None) -> bool:
    """Whether it is a problem document of 4xx; where a field is given, names it or says that the body is no JSON."""
    assert 400 <= response.status_code < 500, (response.status_code, response.content[:300])
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert body["status"] == response.status_code
    if field is not None and response.status_code == 400:
        assert body["field"].partition("[")[0] in (field, "body"), body
    return True


def is_fine(response: HttpResponse) -> bool:
    return response.status_code in (200, 201)


# --- Bodies -------------------------------------------------------------------------------------------


def test_a_username_is_kept_as_it_is_or_refused(api: Api) -> None:
    for value in ALL_VALUES:
        Player.objects.all().delete()
        response = api.call("POST", "players/register/", written({"username": value, "password": PASSWORD}))
        if is_fine(response):
            account = json.loads(response.content)
            assert Player.objects.get().username == account["username"] == str(value).strip()
            api.post("matchmaking/join/", token=account["access"])
        else:
            assert is_refused(response, field="username")
            assert not Player.objects.exists()


def test_a_password_is_taken_sign_by_sign_or_refused(api: Api) -> None:
    for value in ALL_VALUES:
        Player.objects.all().delete()
        account = {"username": "somebody", "password": value}
        if is_fine(response := api.call("POST", "players/register/", written(account))):
            assert api.call("POST", "token/", written(account)).status_code == 200
            assert api.call("POST", "token/", written({**account, "password": f"{value} "})).status_code == 401
        else:
            assert is_refused(response, field="password")


def test_logging_in_with_anything_is_refused(api: Api) -> None:
    api.player("somebody")
    for value in ALL_VALUES:
        for field in ("username", "password"):
            body = {"username": "somebody", "password": "wrong"} | {field: value}
            assert is_refused(api.call("POST", "token/", written(body)))
        assert is_refused(api.call("POST", "token/refresh/", written({"refresh": value})))


@pytest.mark.parametrize("field", ["queue", "region"])
def test_a_join_takes_words_only(api: Api, field: str) -> None:
    player = api.player()
    for value in ALL_VALUES:
        response = api.call("POST", "matchmaking/join/", written({field: value}), token=player.token)
        if value is None or (field == "region" and value in ("", "1e309")):
            assert is_fine(response)
            api.post("matchmaking/leave/", token=player.token)
        else:
            assert is_refused(response, field=field)
            assert api.get("matchmaking/status/", token=player.token) == {"status": "not_in_queue"}


@pytest.mark.parametrize("field", ["id", "host", "port", "region", "capacity"])
def test_a_registration_of_a_server_takes_plain_words_and_numbers(api: Api, field: str) -> None:
    for value in ALL_VALUES:
        body = {"id": "eu-1", "host": "10.0.0.1", "port": 7777, "region": "eu", "capacity": 5} | {field: value}
        response = api.call("POST", "servers/register/", written(body), fleet=True)
        if is_fine(response):
            (server,) = wiring.server_pool().list()
            assert getattr(server, field) == (value.strip() if isinstance(value, str) else value)
            token = json.loads(response.content)["token"]
            assert api.call("DELETE", f"servers/{server.id}/", token=token).status_code == 204
        else:
            assert is_refused(response, field=field)
            assert wiring.server_pool().list() == []


def test_a_heartbeat_takes_percents_only(api: Api) -> None:
    token = api.server()
    for value in ALL_VALUES:
        for field in ("cpu_usage", "memory_usage"):
            response = api.call("POST", "servers/eu-1/heartbeat/", written({field: value}), token=token)
            assert is_fine(response) or is_refused(response, field=field)
            (server,) = wiring.server_pool().list()
            assert getattr(server, field) is None or 0 <= getattr(server, field) <= 100


def test_a_result_takes_ranks_only(api: Api) -> None:
    token = api.server()
    *_, match_id = api.matched_pair()
    for value in ALL_VALUES:
        for field in ("ranks", "abandoned"):
            if (field, value) != ("abandoned", True):
                response = api.call("POST", f"matches/{match_id}/result/", written({field: value}), token=token)
                assert is_refused(response)
    assert MatchRecord.objects.get().status == "created"


@pytest.mark.parametrize("length", [2, 1_000, 1_001, 20_000])
def test_a_list_of_ranks_is_as_long_as_the_match_has_teams(api: Api, length: int) -> None:
    token = api.server()
    *_, match_id = api.matched_pair()

    response = api.call("POST", f"matches/{match_id}/result/", {"ranks": [1] * length}, token=token)

    assert is_fine(response) if length == 2 else is_refused(response, field="ranks")


BODIES: dict[str, bytes] = {
    "nothing but blanks": b"   ",
    "half": b'{"queue": "ran',
    "two": b"{}{}",
    "deep list": b"[" * 60_000,
    "deep object": b'{"queue":' * 7_000 + b"1" + b"}" * 7_000,
    "deep but whole": b'{"queue": ' + b"[" * 900 + b"]" * 900 + b"}",
    "long number": b'{"queue": ' + b"9" * 60_000 + b"}",
    "long exponent": b'{"queue": 1e' + b"9" * 60_000 + b"}",
    "not a number": b'{"queue": NaN}',
    "utf-16": '{"queue": "ranked\u0416"}'.encode("utf-16"),
    "latin-1": '{"queue": "r\xe4nked"}'.encode("latin-1"),
    "overlong utf-8": b'{"queue": "\xc0\xae"}',
    "raw surrogate": b'{"queue": "\xed\xa0\x80"}',
    "escaped surrogate": b'{"queue": "\\udc00"}',
    "surrogate as a name": b'{"\\udc00": 1}',
    "raw control sign": b'{"queue": "\x01"}',
    "nul": b"\x00",
    "many fields": json.dumps({f"field{number}": 1 for number in range(3_000)}).encode(),
    "a long field": json.dumps({"x" * 60_000: 1}).encode(),
    "a repeated field": b'{"queue": "casual", "queue": "nope"}',
    "a megabyte": b'{"queue": "' + b"x" * 1_000_000 + b'"}',
    "pickle": b"cos\nsystem\n(S'true'\ntR.",
    "xml": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>',
    "a string": b'"ranked"',
    "prototype": b'{"__proto__": {"is_staff": true}, "constructor": 1}',
}


@pytest.mark.parametrize(
    "path",
    [
        "players/register/",
        "token/",
        "token/refresh/",
        "matchmaking/join/",
        "servers/register/",
        "servers/eu-1/heartbeat/",
        "matches/{match}/result/",
    ],
)
def test_a_body_that_cannot_be_meant_is_refused_by_every_call(api: Api, path: str) -> None:
    who: dict[str, Any] = {"token": api.player().token}
    if path.startswith(("servers/eu-1", "matches/")):
        who = {"token": api.server()}
    elif path == "servers/register/":
        who = {"fleet": True}
    match_id = api.matched_pair()[2] if path.startswith("matches/") else ""
    for name, body in BODIES.items():
        response = api.call("POST", path.format(match=match_id), body, **who)
        assert is_refused(response), name
        assert len(response.content) < 2_000, f"the answer gives back what came: {name}"


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "x" * 5_000],
)
def test_a_body_of_another_kind_is_refused(api: Api, content_type: str) -> None:
    player = api.player()
    headers = {"Authorization": f"Bearer {player.token}"}

    response = api.client.generic("POST", "/api/matchmaking/join/", "queue=ranked", content_type, headers=headers)

    assert response.status_code == 415
    assert is_refused(response)


TAKES_NOTHING = [
    "matchmaking/leave/",
    "parties/",
    "parties/{id}/join/",
    "parties/{id}/leave/",
    "matches/{id}/accept/",
    "matches/{id}/decline/",
    "servers/eu-1/drain/",
]


@pytest.mark.parametrize("path", TAKES_NOTHING)
def test_a_call_that_takes_nothing_refuses_whatever_is_sent(api: Api, path: str) -> None:
    token = api.server() if path.startswith("servers/") else api.player().token
    path = path.format(id=uuid.uuid4())
    for name, body in BODIES.items():
        response = api.call("POST", path, body, token=token)
        assert response.status_code in (400, 413), name
        assert is_refused(response), name
    refused = json.loads(api.call("POST", path, {"queue": "ranked"}, token=token).content)
    assert (refused["status"], refused["field"]) == (400, "queue")
    form = {"Authorization": f"Bearer {token}"}
    sent = api.client.generic("POST", f"/api/{path}", "a=1", "application/x-www-form-urlencoded", headers=form)
    assert sent.status_code == 415


@pytest.mark.parametrize("content_type", ["", "application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", ["matchmaking/leave/", "parties/"])
def test_no_body_is_fine_whatever_its_kind_and_so_is_an_empty_object(api: Api, path: str, content_type: str) -> None:
    player = api.player()
    headers = {"Authorization": f"Bearer {player.token}"}

    assert is_fine(api.client.generic("POST", f"/api/{path}", "", content_type, headers=headers))
    assert is_fine(api.client.generic("POST", f"/api/{path}", "{}", "application/json", headers=headers))


# --- Paths and queries --------------------------------------------------------------------------------

PIECES = [*[text for name, text in TEXTS.items() if name not in ("empty", "surrogate")], "%00", "%ff", "%ED%A0%80", "."]


def quoted(text: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415

    return text if text.startswith("%") else quote(text, safe="")


def test_a_path_of_anything_is_not_found_or_forbidden(api: Api, django_user_model: Any) -> None:
    server = api.server()
    api.player("boss")
    django_user_model.objects.update(is_staff=True)
    staff = api.post("token/", {"username": "boss", "password": PASSWORD})["access"]
    for part in map(quoted, PIECES):
        for method, path, who in (
            ("POST", f"servers/{part}/heartbeat/", server),
            ("POST", f"servers/{part}/drain/", staff),
            ("DELETE", f"servers/{part}/", staff),
            ("GET", f"matches/{part}/", staff),
            ("POST", f"matches/{part}/result/", server),
            ("GET", f"{part}/", staff),
        ):
            response = api.call(method, path, "" if method == "GET" else {}, token=who)
            assert response.status_code in (400, 403, 404, 405), (path, response.status_code)
            assert is_refused(response)
    assert len(wiring.server_pool().list()) == 1


def cursor(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


QUERIES = [
    *[f"cursor={quoted(text)}" for text in PIECES],
    *[f"page_size={quoted(text)}" for text in [*PIECES, "0", "-1", "101", "9" * 50]],
    *[f"cursor={quoted(cursor(text))}" for text in ("p=x", "p=2026-13-45", "p=%00", "r=1&p=", "o=-1", "o=9999999")],
    f"cursor={quoted(cursor('p=2026-01-01T00:00:00Z&o=' + '9' * 40))}",
    f"cursor={quoted(cursor('p=9999-12-31T23:59:59-23:59'))}",
    f"cursor={quoted(cursor('p=' + 'x' * 5_000))}",
    "&".join(f"a{number}=1" for number in range(2_000)),
]


def test_a_query_of_history_is_answered_or_refused(api: Api) -> None:
    one, *_ = api.matched_pair()
    for query in QUERIES:
        response = api.call("GET", f"matches/?{query}", "", token=one.token)
        assert is_fine(response) or is_refused(response), query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *[(f"page_size={text}", "page_size") for text in ("0", "101", "-1", "abc", "", "1.5", "%00", "9" * 5_000)],
        *[(f"cursor={text}", "cursor") for text in ("garbage", "%00", "", "x%00", "%ff", "bm8%3D", "cD14", "MQ==%0A")],
        ("&".join(f"a{number}=1" for number in range(1_500)), "query"),
    ],
)
def test_a_query_of_history_that_cannot_be_meant_is_refused_by_name(api: Api, query: str, field: str) -> None:
    response = api.call("GET", f"matches/?{query}", "", token=api.player().token)

    assert response.status_code == 400
    assert json.loads(response.content)["field"] == field
    assert "TooMany" not in response.content.decode()


def test_the_pages_of_history_lead_to_one_another(api: Api) -> None:
    one, _, _ = api.matched_pair()
    ids = set()
    for _ in range(3):
        api.post(f"matches/{MatchRecord.objects.latest('created_at').id}/result/", {"abandoned": True}, fleet=True)
        for player in (one, api.player()):
            api.post("matchmaking/join/", token=player.token)
        api.clock.advance(seconds=1)
        assert api.round()
    page = api.get("matches/?page_size=1", token=one.token)
    assert page["previous"] is None
    for _ in range(4):
        ids.add(page["results"][0]["id"])
        if page["next"]:
            page = api.get(page["next"].partition("/api/")[2], token=one.token)
    assert len(ids) == 4
    assert page["next"] is None
    assert api.get(page["previous"].partition("/api/")[2], token=one.token)["results"]


def test_a_query_of_the_leaderboard_is_refused_by_name(api: Api) -> None:
    for text in PIECES:
        for name in ("queue", "limit"):
            assert is_refused(api.call("GET", f"leaderboard/?{name}={quoted(text)}", ""), field=name)


# --- Headers ------------------------------------------------------------------------------------------


def encoded(part: Any) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def forged(claims: Any, header: Any = None) -> str:
    return f"{encoded({'alg': 'HS256', 'typ': 'JWT'} if header is None else header)}.{encoded(claims)}.{encoded(b'x')}"


def signed(**claims: Any) -> str:
    """A token with our signature that this service has not made: what a leaked key or an old version would make."""
    known = {"token_type": "access", "exp": 4_000_000_000, "jti": uuid.uuid4().hex, "sub": str(uuid.uuid4())}
    return jwt.encode({**known, "username": "x", **claims}, django_settings.SECRET_KEY, algorithm="HS256")


TOKENS = {
    "nothing": "",
    "a dot": ".",
    "dots": "...",
    "a megabyte": "x" * 1_000_000,
    "a megabyte of dots": "." * 1_000_000,
    "latin-1": "\xe4\xf6\xfc.\xe4.\xff",
    "not json": f"{encoded(b'{')}.{encoded(b'{')}.x",
    "no object": forged([1]),
    "no header object": forged({}, header=[]),
    "deep": forged(b"[" * 3_000),
    "deep header": forged({}, header=b"[" * 3_000),
    "deeper": forged(b"[" * 100_000),
    "alg none": forged({"sub": "x"}, header={"alg": "none"}),
    "alg null": forged({"sub": "x"}, header={"alg": None}),
    "alg list": forged({"sub": "x"}, header={"alg": ["HS256"]}),
    "alg object": forged({"sub": "x"}, header={"alg": {}}),
    "kid object": forged({"sub": "x"}, header={"alg": "HS256", "kid": {}}),
    "crit": forged({"sub": "x"}, header={"alg": "HS256", "crit": ["x"]}),
    "b64 false": forged({"sub": "x"}, header={"alg": "HS256", "b64": False}),
    "type a list": forged({"token_type": ["server"]}),
    "issuer a list": forged({"iss": ["x"]}),
    "infinite": forged(b'{"exp": 1e999}'),
    "signed and too long": signed(padding="x" * 8_192),
    "sub a number": signed(sub=7),
    "sub no uuid": signed(sub="../../x"),
    "sub nul": signed(sub="\x00"),
    "no username": signed(username=None, sub=None),
    "exp a text": signed(exp="tomorrow"),
    "exp a list": signed(exp=[1]),
    "exp beyond all dates": signed(exp=10**20),
    "exp before all dates": signed(exp=-(10**20)),
    "exp infinite": signed(exp=float("inf")),
    "server without generation": signed(token_type="server", sub="eu-1"),
    "server generation a text": signed(token_type="server", sub="eu-1", generation="x"),
    "server generation infinite": signed(token_type="server", sub="eu-1", generation=float("inf")),
    "server generation a list": signed(token_type="server", sub="eu-1", generation=[1]),
}


def test_a_token_of_anything_is_no_token(api: Api) -> None:
    api.server()
    assert api.call("GET", "matchmaking/status/", "", token=signed(padding="x" * 4_096)).status_code == 200
    for name, token in TOKENS.items():
        for method, path in (("GET", "matchmaking/status/"), ("POST", "servers/eu-1/heartbeat/")):
            response = api.client.generic(method, f"/api/{path}", headers={"Authorization": f"Bearer {token}"})
            assert response.status_code == 401, name
            assert is_refused(response)
            assert len(response.content) < 1_000, name
        assert is_refused(api.call("POST", "token/refresh/", written({"refresh": token}))), name


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer ", "bearer a b c", "Digest x", "\x00", "x" * 100_000, "Bearer\ta.b.c"]
)
def test_another_authorization_is_refused(api: Api, header: str) -> None:
    response = api.client.get("/api/matchmaking/status/", headers={"Authorization": header})

    assert response.status_code == 401
    assert is_refused(response)


@pytest.mark.parametrize("key", ["", " ", "\xe4\xf6", "x" * 1_000_000, "a,b", "insecure-development-fleet-key"])
def test_another_fleet_key_is_refused(api: Api, key: str) -> None:
    assert api.call("POST", "servers/register/", {}, fleet=key or " ").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:99999", "a b", "[::1", "\x00", "x" * 5_000])
def test_a_host_that_is_not_ours_is_served_nothing_that_names_it(api: Api, host: str) -> None:
    one, *_ = api.matched_pair()
    headers = {"Authorization": f"Bearer {one.token}", "Host": host, "X-Forwarded-Host": host}

    response = api.client.get("/api/matches/", headers=headers)

    assert is_refused(response, field="Host")


def test_a_host_is_asked_for_where_an_address_is_written_and_nowhere_else(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.player().token}", "Host": "evil.example"}
    for path in ("matchmaking/status/", "matchmaking/stats/", "players/me/", "parties/invites/", "leaderboard/"):
        assert api.client.get(f"/api/{path}", headers=headers).status_code == 200, path
    assert api.client.get("/api/matches/", headers=headers).status_code == 400


def test_a_host_that_is_not_ours_is_refused_by_the_admin_in_plain_words(api: Api) -> None:
    response = api.client.get("/admin/", headers={"Host": "evil.example"})

    assert response.status_code == 400
    assert is_refused(response, field="Host")
    assert "ALLOWED_HOSTS" in response.content.decode()
    assert "Disallowed" not in response.content.decode()


def test_a_ticket_with_signs_beyond_ascii_is_no_ticket(api: Api) -> None:
    player = api.player()
    for text in ("🎮".encode().decode("latin-1"), "\xe9", "\xff"):
        headers = {"Authorization": f"Bearer {player.token}", "X-Matchmaking-Ticket": text}
        assert is_refused(api.client.get("/api/matchmaking/status/", headers=headers), field="X-Matchmaking-Ticket")


#: What a 405 says is allowed, by the path.
ALLOWED = {
    "matchmaking/join/": "POST",
    "matchmaking/status/": "GET, HEAD",
    "token/": "POST",
    "servers/": "GET, HEAD",
    "matches/": "GET, HEAD",
    "players/blocks/": "GET, HEAD, POST, DELETE",
}


@pytest.mark.parametrize("path", ALLOWED)
def test_another_method_is_answered_or_refused(api: Api, path: str) -> None:
    player = api.player()
    for method in ("OPTIONS", "HEAD", "PUT", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 99):
        for token in (None, player.token):
            response = api.call(method, path, "{}", token=token)
            assert response.status_code in (200, 401, 403, 405), (method, response.status_code, response.content)
            if response.status_code == 405:
                assert response["Allow"] == ALLOWED[path]


def test_a_request_cannot_pass_for_another_method(api: Api) -> None:
    player = api.player()
    api.post("matchmaking/join/", token=player.token)
    headers = {"Authorization": f"Bearer {player.token}", "X-HTTP-Method-Override": "POST"}

    assert api.client.get("/api/matchmaking/leave/?_method=POST", headers=headers).status_code == 405
    assert api.get("matchmaking/status/", token=player.token)["status"] == "waiting"


# --- What is kept, wherever it is shown --------------------------------------------------------------


@pytest.mark.parametrize("username", ["مرحبا", "Ünïcödé", "ʀᴇᴅ", "名前の人", "a.b@c+d-e_f"])
def test_a_name_is_shown_as_it_was_given_everywhere(api: Api, username: str, django_user_model: Any) -> None:
    one, other = api.player(username), api.player()
    for player in (one, other):
        api.post("matchmaking/join/", token=player.token)
    (match,) = api.round()

    assert api.get("matchmaking/status/", token=other.token)["opponent"]["username"] == username
    api.post(f"matches/{match.id}/result/", {"ranks": [1, 2]}, fleet=True)
    shown = api.get(f"matches/{match.id}/", token=other.token)["teams"]
    assert username in [player["username"] for team in shown for player in team]
    assert username in [row["username"] for row in api.get("leaderboard/")["players"]]
    api.client.force_login(django_user_model.objects.create_superuser("boss"))
    assert api.client.get(f"/admin/matchmaking/matchrecord/{match.id}/change/").status_code == 200


def test_the_redis_of_it_all_is_still_there(api: Api) -> None:
    """Fragments of Lua and SQL in every field that takes text, then one plain match."""
    api.server()
    waiting: Account = api.player()
    api.post("matchmaking/join/", token=waiting.token)
    for text in TEXTS.values():
        for path in ("players/register/", "token/", "token/refresh/", "matchmaking/join/"):
            fields = {"username": text, "password": text, "refresh": text, "queue": text, "region": text}
            for name, value in fields.items():
                assert api.call("POST", path, written({name: value}), token=waiting.token).status_code < 500

    assert api.get("matchmaking/status/", token=waiting.token)["status"] == "waiting"
    assert len(wiring.server_pool().list()) == 1
    assert Player.objects.count() >= 1
