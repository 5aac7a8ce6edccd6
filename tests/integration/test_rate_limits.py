"""Rate limits: exactly the rate, by the right name, and no call lost to the limiter itself."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse

from caroud import wiring
from datastore.limiter import RateLimiter
from datastore.rates import Rate, rate_of
from devstack.embedded import free_port
from tests.integration.conftest import PASSWORD, Account, Api
from tests.integration.test_hot_path import round_trips  # noqa: F401 - a fixture

BACKEND = Path(__file__).parents[2] / "backend"
PROCESSES = 8
#: So slow that no call wears off while a test runs.
SLOW = 36_000

#: What each of the processes runs: it waits for a line, makes its calls, and says how many were not refused.
CALLS = """
import sys, django
django.setup()
from django.test import Client
client = Client()
def served(method, path, calls):
    headers = {"Authorization": "Bearer " + sys.argv[1]} if "status" in path else {}
    answers = [client.generic(method, path, "{}", "application/json", headers=headers) for _ in range(calls)]
    assert {answer.status_code for answer in answers} <= {200, 400, 429}, answers
    return sum(answer.status_code != 429 for answer in answers)
print("ready", flush=True)
for method, path, calls in (("POST", "/api/token/refresh/", 25), ("GET", "/api/matchmaking/status/", 30),
                            ("GET", "/api/matchmaking/status/", 5)):
    sys.stdin.readline()
    print(served(method, path, calls), flush=True)
"""


def in_processes(token: str, **environment: str) -> list[int]:
    """Calls that were served in each of three steps, all processes together; they begin each step at once."""
    command = [sys.executable, "-c", CALLS, token]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "caroud.settings", "LOG_LEVEL": "ERROR", **environment}
    with_pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": BACKEND, "env": env}
    running = [subprocess.Popen(command, **with_pipes) for _ in range(PROCESSES)]
    try:
        assert [process.stdout.readline() for process in running] == ["ready\n"] * PROCESSES
        served = []
        for _ in range(3):
            for process in running:
                process.stdin.write("go\n")
                process.stdin.flush()
            served.append(sum(int(process.stdout.readline()) for process in running))
        return served
    finally:
        for process in running:
            process.communicate(timeout=20)


@pytest.mark.takes(6)
def test_eight_processes_together_let_exactly_the_rate_through(api: Api, settings: Any) -> None:
    player = api.player()

    by_address, at_first, later = in_processes(
        player.token,
        REDIS_KEY_PREFIX=settings.REDIS_KEY_PREFIX,
        ALLOWED_HOSTS="testserver",
        RATE_LIMIT_ADDRESS=f"60/{SLOW}",
        RATE_LIMIT_PLAYER=f"40/{SLOW}",
    )

    assert by_address == 60
    # Each process lets a quarter of the rate through before it hears of the others; after that, no call more.
    assert 40 <= at_first <= 40 + (PROCESSES - 1) * 10
    assert later == 0


def statuses(api: Api, player: Account, calls: int) -> list[int]:
    return [api.call("GET", "matchmaking/status/", "", token=player.token).status_code for _ in range(calls)]


def refresh(api: Api, **headers: str) -> HttpResponse:
    return api.client.post("/api/token/refresh/", "{}", content_type="application/json", headers=headers)


def test_a_refusal_tells_the_rule_what_is_left_and_when_to_come_again(api: Api, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = Rate(calls=2, seconds=60)

    first, _, refused = refresh(api), refresh(api), refresh(api)

    assert (first.status_code, first["RateLimit"], first["RateLimit-Policy"]) == (
        400,
        '"refresh";r=1;t=30',
        '"refresh";q=2;w=60',
    )
    assert refused.status_code == 429
    assert refused["Content-Type"] == "application/problem+json"
    assert (refused["Retry-After"], refused["RateLimit"]) == ("30", '"refresh";r=0;t=60')
    assert "2 in 60 s" in json.loads(refused.content)["detail"]


def test_who_waits_as_told_is_served_again(api: Api, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = Rate(calls=2, seconds=60)
    assert [refresh(api).status_code for _ in range(3)] == [400, 400, 429]

    key = wiring.keys().turns("refresh", "127.0.0.1")
    wiring.redis_client().decrby(key, 30_000_000)  # as if the 30 seconds were over

    assert [refresh(api).status_code for _ in range(2)] == [400, 429]


def test_each_call_by_address_has_a_limit_of_its_own(api: Api, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = Rate(calls=1, seconds=SLOW)
    server = {"id": "eu-1", "host": "10.0.0.1", "port": 7777, "capacity": 1}
    calls = {
        "players/register/": ({"username": "somebody", "password": PASSWORD}, 201),
        "token/": ({"username": "somebody", "password": PASSWORD}, 200),
        "token/refresh/": ({"refresh": "x"}, 401),
    }

    for path, (body, expected) in calls.items():
        assert [api.call("POST", path, body).status_code for _ in range(2)] == [expected, 429], path
    registered = [api.call("POST", "servers/register/", server, fleet=True).status_code for _ in range(2)]
    assert registered == [201, 429]
    assert [api.client.get("/api/schema/").status_code for _ in range(2)] == [200, 429]


def test_a_wrong_fleet_key_uses_up_the_rate_too(api: Api, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = Rate(calls=3, seconds=SLOW)

    tried = [api.call("POST", "servers/register/", {}, fleet=f"guess-{n}").status_code for n in range(4)]

    assert tried == [401, 401, 401, 429]


def test_guessing_a_password_in_the_admin_counts_as_logging_in(api: Api, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = Rate(calls=2, seconds=SLOW)
    api.post("token/", {"username": "boss", "password": "guess"}, expect=401)

    tried = [api.client.post("/admin/login/", {"username": "boss", "password": "guess"}) for _ in range(2)]

    assert [answer.status_code for answer in tried] == [200, 429]
    assert tried[1]["Retry-After"]
    assert api.client.get("/admin/login/").status_code == 200


def test_behind_a_proxy_the_clients_own_address_counts_and_none_that_it_claims(api: Api, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = Rate(calls=1, seconds=SLOW)
    settings.BEHIND_TLS_PROXY = True

    def answered(forwarded: str) -> int:
        return refresh(api, **{"X-Forwarded-For": forwarded}).status_code

    assert answered("198.51.100.1") == 400
    assert answered("6.6.6.6, 198.51.100.1") == 429
    assert answered("198.51.100.2") == 400
    settings.BEHIND_TLS_PROXY = False
    assert [answered(f"198.51.100.{n}") for n in (3, 4)] == [400, 429]


def test_players_are_limited_each_for_himself_to_exactly_the_rate(api: Api, settings: Any) -> None:
    one, other = api.player(), api.player()
    settings.RATE_LIMIT_PLAYER = Rate(calls=12, seconds=SLOW)

    assert statuses(api, one, 15) == [200] * 12 + [429] * 3
    assert statuses(api, other, 1) == [200]
    refused = api.call("POST", "matchmaking/join/", token=one.token)
    assert (refused.status_code, refused["RateLimit-Policy"]) == (429, f'"player";q=12;w={SLOW}')


def test_servers_are_limited_by_their_id_and_the_fleet_is_not(api: Api, settings: Any) -> None:
    one, other = api.server("eu-1"), api.server("eu-2")
    settings.RATE_LIMIT_SERVER = Rate(calls=2, seconds=SLOW)
    settings.RATE_LIMIT_PLAYER = Rate(calls=1, seconds=SLOW)
    result = "matches/00000000-0000-4000-8000-000000000000/result/"

    assert [api.call("POST", "servers/eu-1/heartbeat/", token=one).status_code for _ in range(3)] == [200, 200, 429]
    assert api.call("POST", "servers/eu-2/heartbeat/", token=other).status_code == 200
    assert {api.call("POST", result, {"ranks": [1, 2]}, fleet=True).status_code for _ in range(4)} == {404}


def test_what_needs_no_token_is_limited_by_address(api: Api, settings: Any) -> None:
    settings.RATE_LIMIT_PLAYER = Rate(calls=4, seconds=SLOW)

    answers = [api.call("GET", path, "").status_code for path in ("leaderboard/", "matchmaking/stats/") * 3]

    assert answers == [200, 200, 200, 200, 429, 429]


def test_only_a_fast_caller_costs_a_second_round_trip(
    api: Api,
    settings: Any,
    round_trips: list[bytes],  # noqa: F811
) -> None:
    player = api.player()
    settings.RATE_LIMIT_PLAYER = Rate(calls=12, seconds=SLOW)
    statuses(api, api.player(), 4)  # Redis knows the scripts now
    costs = []
    for _ in range(5):
        round_trips.clear()
        statuses(api, player, 1)
        costs.append(len(round_trips))

    assert costs == [1, 1, 1, 2, 2]


def test_a_slow_pollers_old_calls_are_not_held_against_him(redis_client: Any, keys: Any) -> None:
    now = [1000.0]
    limiter = RateLimiter(redis_client, keys, lambda: now[0])
    rate = Rate(calls=20, seconds=200)
    for _ in range(5):
        assert limiter.take_cheaply("player", "a", rate).is_allowed
    now[0] += 250  # his five calls have worn off, and Redis was never told of them

    turns = [limiter.take_cheaply("player", "a", rate) for _ in range(21)]

    assert [turn.is_allowed for turn in turns] == [True] * 20 + [False]


def test_who_was_refused_in_redis_is_not_let_through_by_a_process_that_has_waited(redis_client: Any, keys: Any) -> None:
    now = [1000.0]
    limiter = RateLimiter(redis_client, keys, lambda: now[0])
    rate = Rate(calls=20, seconds=200)
    assert sum(limiter.take_cheaply("player", "a", rate).is_allowed for _ in range(25)) == 20
    now[0] += 45  # here, a share of the rate is free again; for Redis no time has passed

    turn = limiter.take_cheaply("player", "a", rate)

    assert (turn.is_allowed, turn.is_shared) == (False, True)


def test_while_redis_is_away_each_process_limits_by_itself_and_no_call_fails(api: Api, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = Rate(calls=5, seconds=SLOW)
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    live, _ = wiring.redis_client(), wiring.forget()
    try:
        assert [refresh(api).status_code for _ in range(7)] == [400] * 5 + [429] * 2
        body = {"username": "somebody", "password": PASSWORD}
        assert api.call("POST", "players/register/", body).status_code == 201
    finally:
        settings.REDIS_URL = os.environ["REDIS_URL"]
        wiring.forget()
        live.connection_pool.disconnect()


def test_a_limit_can_be_switched_off(api: Api, settings: Any) -> None:
    settings.RATE_LIMIT_ADDRESS = settings.RATE_LIMIT_PLAYER = rate_of("off")
    player = api.player()

    answers = {refresh(api).status_code for _ in range(10)}

    assert answers == {400}
    assert "RateLimit" not in refresh(api)
    assert set(statuses(api, player, 200)) == {200}


@pytest.mark.parametrize("limit", ["RATE_LIMIT_PLAYER", "RATE_LIMIT_SERVER", "RATE_LIMIT_ADDRESS"])
def test_every_counted_call_wears_off_by_itself(api: Api, settings: Any, limit: str) -> None:
    setattr(settings, limit, Rate(calls=1, seconds=60))
    player, server = api.player(), api.server()
    api.call("GET", "players/me/", "", token=player.token)
    api.call("POST", "servers/eu-1/heartbeat/", token=server)

    redis, prefix = wiring.redis_client(), wiring.keys().prefix
    lifetimes = {key: redis.ttl(key) for key in redis.scan_iter(match=f"{prefix}rate_limits:*")}

    assert lifetimes
    assert all(0 < seconds <= 60 for seconds in lifetimes.values()), lifetimes
