"""What a join, a status and a leave cost: no SQL, one Redis round trip."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis.connection import Connection

from matchmaking.charge import read_charge
from tests.integration.conftest import Account, Api

CALLS: dict[str, Callable[[Api, Account], Any]] = {
    "join": lambda api, player: api.post("matchmaking/join/", {"queue": "ranked"}, token=player.token),
    "status": lambda api, player: api.get("matchmaking/status/", token=player.token),
    "leave": lambda api, player: api.post("matchmaking/leave/", token=player.token),
}


@pytest.fixture
def round_trips(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Everything that is sent to Redis, one entry a round trip, once Redis knows the scripts."""
    first = api.player()
    for call in CALLS.values():
        call(api, first)
    sent: list[bytes] = []
    send = Connection.send_packed_command

    def recorded(self: Any, command: Any, check_health: bool = True) -> Any:
        sent.append(b"".join([command] if isinstance(command, bytes) else command))
        return send(self, command, check_health=check_health)

    monkeypatch.setattr(Connection, "send_packed_command", recorded)
    return sent


def cost_of(call: str, api: Api, player: Account, round_trips: list[bytes]) -> tuple[int, int]:
    """(SQL queries, Redis round trips) of one call."""
    round_trips.clear()
    with CaptureQueriesContext(connection) as queries:
        CALLS[call](api, player)
    return len(queries), len(round_trips)


def test_join_status_and_leave_cost_no_sql_and_one_round_trip(api: Api, round_trips: list[bytes]) -> None:
    player = api.player()
    api.post("matchmaking/join/", token=player.token)
    api.post("matchmaking/leave/", token=player.token)

    for call in ("join", "join", "status", "leave", "leave", "status"):
        assert cost_of(call, api, player, round_trips) == (0, 1), call


def test_a_matched_player_costs_no_more(api: Api, round_trips: list[bytes]) -> None:
    one, _, _ = api.matched_pair()

    assert cost_of("status", api, one, round_trips) == (0, 1)
    assert cost_of("join", api, one, round_trips) == (0, 1)


def test_only_the_first_join_of_a_player_asks_postgresql_for_the_rating(api: Api, round_trips: list[bytes]) -> None:
    player = api.player()

    queries, trips = cost_of("join", api, player, round_trips)
    assert queries > 0
    assert trips == 3  # asked, told of rating and traits, joined
    api.post("matchmaking/leave/", token=player.token)

    assert cost_of("join", api, player, round_trips) == (0, 1)


def test_a_round_costs_at_most_one_query_a_match(api: Api) -> None:
    for _ in range(20):
        api.post("matchmaking/join/", token=api.player().token)

    read_charge()
    with CaptureQueriesContext(connection) as queries:
        matches = api.round()

    assert len(matches) == 10
    # Who is in charge, and all matches at once.
    assert len(queries) == 2
