"""The service in one process: real Redis, real PostgreSQL, HTTP through Django's client, time in our hand."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.test import Client

from caroud import nudge, wiring
from matchmaking.charge import read_charge
from matchmaking.match import Match
from matchmaking.rules import live
from matchmaking.services.find_matches import run_round
from tests.conftest import a_prefix

PASSWORD = "correct-horse-battery-7"


class Clock:
    """Milliseconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now_ms = wiring.clock()

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, *, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


@dataclass
class Account:
    """A player who has registered."""

    id: str
    username: str
    token: str


@dataclass
class Api:
    """The service by HTTP. Answers are parsed JSON; `status` is the last HTTP status."""

    client: Client
    clock: Clock
    nudges: list[str] = field(default_factory=list)
    _players: int = 0

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, fleet: bool | str = False
    ) -> HttpResponse:
        headers = {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if fleet:
            headers["X-Fleet-Key"] = fleet if isinstance(fleet, str) else django_settings.FLEET_KEYS[0]
        data = body if isinstance(body, str | bytes) else json.dumps(body if body is not None else {})
        return self.client.generic(method, f"/api/{path}", data, content_type="application/json", headers=headers)

    def post(self, path: str, body: Any = None, *, expect: int = 200, **who: Any) -> Any:
        response = self.call("POST", path, body, **who)
        assert response.status_code == expect, response.content
        return json.loads(response.content)

    def get(self, path: str, *, expect: int = 200, **who: Any) -> Any:
        response = self.call("GET", path, "", **who)
        assert response.status_code == expect, response.content
        return json.loads(response.content)

    def player(self, username: str | None = None) -> Account:
        self._players += 1
        body = self.post(
            "players/register/",
            {"username": username or f"player{self._players}", "password": PASSWORD},
            expect=201,
        )
        return Account(id=body["id"], username=body["username"], token=body["access"])

    def server(self, server_id: str = "eu-1", *, region: str = "eu", capacity: int = 5) -> str:
        """The token of a server that has registered."""
        body = {"id": server_id, "host": "10.0.0.1", "port": 7777, "region": region, "capacity": capacity}
        return str(self.post("servers/register/", body, fleet=True, expect=201)["token"])

    def round(self, queue: str = "ranked") -> list[Match]:
        return run_round(
            store=wiring.redis_tickets(),
            rules=wiring.queue_rules(queue),
            charge=read_charge(),
            now_ms=self.clock(),
            new_id=wiring.new_id,
        )

    def matched_pair(self) -> tuple[Account, Account, str]:
        """Two players and the id of their match."""
        one, other = self.player(), self.player()
        for player in (one, other):
            self.post("matchmaking/join/", token=player.token)
        (match,) = self.round()
        return one, other, match.id


@pytest.fixture
def api(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An empty service."""
    settings.REDIS_KEY_PREFIX = a_prefix()
    # The test's players are many and their passwords of no worth.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(live, "LOOK_EVERY_SECONDS", 3600.0)  # a test's rules are not those of the file
    wiring.forget()
    wiring.redis_tickets().mark("whole")
    clock = Clock()
    monkeypatch.setattr(wiring, "clock", clock)
    made = Api(Client(), clock)
    monkeypatch.setattr(nudge, "ask_for_round", lambda queue, **_: made.nudges.append(queue))
    yield made
    client = wiring.redis_client()
    for key in client.scan_iter(match=settings.REDIS_KEY_PREFIX + "*", count=1000):
        client.delete(key)
    client.connection_pool.disconnect()
    wiring.forget()
