"""What waiting players and staff are told, by HTTP: from what a process has read beforehand."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caroud import expecting, wiring
from errors import StoreUnavailable
from matchmaking.engine.traits import Traits, traits_text
from matchmaking.match import PlayerId, TicketId
from matchmaking.services.keep_expectations import LONGEST_LINE, Expectations
from matchmaking.services.work_out_history import played_lately
from matchmaking.ticket import JoinRequest
from tasks.history import work_out_history
from tests.integration.conftest import PASSWORD, Account, Api

NOBODY_KNOWS = {"p50_seconds": None, "p90_seconds": None, "of_matches": 0}


@dataclass
class Told:
    """The process's expectations, whose thread is the test."""

    expectations: Expectations
    seconds: float = 0.0

    def look(self, api: Api, *, later: float = 60.0) -> None:
        """What the thread does, so many seconds later."""
        self.seconds += later
        wiring.redis_client().set(wiring.keys().of_queue("ranked").last_round, api.clock())  # rounds are going on
        self.expectations.refresh_history()
        self.expectations.refresh(wiring.rules().queues, api.clock())


@pytest.fixture
def told(api: Api, monkeypatch: pytest.MonkeyPatch) -> Told:
    made = Told(
        Expectations(
            store=wiring.ticket_store(),
            pool=wiring.server_pool(),
            kept=wiring.kept_history(),
            clock=lambda: made.seconds,
        )
    )
    monkeypatch.setattr(wiring, "expectations", cache(lambda: made.expectations))
    return made


def a_ticket(api: Api, *, rating: float, queue: str = "ranked", traits: Traits | None = None) -> str:
    """A player with this rating joins."""
    player = PlayerId(wiring.new_id())
    wiring.ticket_store().join(
        JoinRequest(
            player,
            f"name-{player[:8]}",
            (queue,),
            "",
            TicketId(wiring.new_id()),
            (rating,),
            traits_text(traits or Traits()),
        ),
        wiring.queue_rules(queue),
        api.clock(),
    )
    return str(player)


def matches(api: Api, *, waits: list[int], rating: float = 1200.0) -> None:
    """One match a wait, both of whose players have waited so many seconds."""
    for seconds in waits:
        a_ticket(api, rating=rating)
        a_ticket(api, rating=rating + 8)
        api.clock.advance(seconds=seconds)
        assert len(api.round()) == 1


def joined(api: Api, told: Told) -> tuple[Account, dict[str, Any]]:
    """A player with a rating of 1200, and the answer to the join, for which the process is prepared."""
    player = api.player()
    told.look(api)
    return player, api.post("matchmaking/join/", {"queue": "ranked"}, token=player.token)


def staff(api: Api, django_user_model: Any) -> str:
    boss = api.player("boss")
    django_user_model.objects.filter(id=boss.id).update(is_staff=True)
    return str(api.post("token/", {"username": "boss", "password": PASSWORD})["access"])


def test_before_anything_was_looked_at_nothing_is_made_up(api: Api) -> None:
    answer = api.post("matchmaking/join/", token=api.player().token)

    assert (answer["eta"], answer["reason"]) == (NOBODY_KNOWS, None)


def test_a_player_is_told_what_is_left_of_the_waits_of_late(api: Api, told: Told) -> None:
    matches(api, waits=list(range(1, 21)))
    player, at_first = joined(api, told)

    api.clock.advance(seconds=10)
    later = api.get("matchmaking/status/", token=player.token)

    # Of the 30 nearest: 1 to 20 s of the same rating, and the last ten of 8 points more, 11 to 20 s. The 16th and the
    # 28th; then the 11th and the 19th of the 20 above 10 s.
    assert at_first["eta"] == {"p50_seconds": 13.0, "p90_seconds": 19.0, "of_matches": 30}
    assert later["eta"] == {"p50_seconds": 6.0, "p90_seconds": 10.0, "of_matches": 20}
    assert later["reason"] is None


def test_a_player_who_waits_longer_than_told_learns_why(api: Api, told: Told) -> None:
    matches(api, waits=[2] * 10)
    player, _ = joined(api, told)
    far = a_ticket(api, rating=1440)
    api.clock.advance(seconds=2.1)
    assert api.get("matchmaking/status/", token=player.token)["reason"] is None  # nobody has looked around yet

    told.look(api, later=1)
    reason = api.get("matchmaking/status/", token=player.token)["reason"]

    assert reason["code"] == "out_of_reach"
    assert (reason["others"], reason["in_reach"], reason["nearest_points"]) == (1, 0, 240)
    window = wiring.queue_rules("ranked").search_window
    assert reason["seconds"] == np.ceil(window.seconds_until(240) - 2.1)  # type: ignore[operator]
    wiring.ticket_store().leave(PlayerId(far), api.clock())
    told.look(api, later=1)
    assert api.get("matchmaking/status/", token=player.token)["reason"]["code"] == "alone"


def test_an_old_look_around_is_not_told_as_news(api: Api, told: Told) -> None:
    player, _ = joined(api, told)
    api.clock.advance(seconds=16)
    api.get("matchmaking/status/", token=player.token)
    told.look(api, later=1)
    assert api.get("matchmaking/status/", token=player.token)["reason"] is not None

    api.clock.advance(seconds=5.1)

    assert api.get("matchmaking/status/", token=player.token)["reason"] is None


def test_a_line_that_is_too_long_is_not_read_each_second(api: Api, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    player, _ = joined(api, told)
    api.clock.advance(seconds=16)
    api.get("matchmaking/status/", token=player.token)
    monkeypatch.setattr("matchmaking.services.keep_expectations.LONGEST_LINE", 0)

    told.look(api, later=1)

    assert api.get("matchmaking/status/", token=player.token)["reason"] is None
    assert LONGEST_LINE >= 1000


def test_a_named_store_that_is_not_the_usual_one_tells_nothing(api: Api, told: Told) -> None:
    matches(api, waits=[2] * 10)
    told.look(api)

    postgres = api.post("matchmaking/postgres/join/", {"queue": "ranked"}, token=api.player().token)
    usual = api.post("matchmaking/redis/join/", {"queue": "ranked"}, token=api.player().token)

    assert postgres["eta"] == NOBODY_KNOWS
    assert usual["eta"]["of_matches"] == 20


def test_a_store_that_is_away_leaves_what_was_known_and_is_said_once(
    api: Api, told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    matches(api, waits=[2] * 10)
    told.look(api)

    def away(*_: Any) -> None:
        raise StoreUnavailable("redis", "gone")

    caught: set[str] = set()
    for look in (away, away, lambda: None, away):
        expecting._try("who waits", look, caught)

    said = [record.getMessage() for record in caplog.records if record.name == expecting.__name__]
    assert said == ["who waits cannot be looked up: redis is unavailable: gone"] * 2
    answer = api.post("matchmaking/join/", {"queue": "ranked"}, token=api.player().token)
    assert answer["eta"]["of_matches"] == 20


def test_being_told_costs_no_look_into_a_store(api: Api, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    matches(api, waits=[2] * 10)
    player, _ = joined(api, told)
    a_ticket(api, rating=1900)
    api.clock.advance(seconds=16)
    api.get("matchmaking/status/", token=player.token)
    told.look(api, later=1)

    class Sealed:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    monkeypatch.setattr(told.expectations, "_store", Sealed())
    monkeypatch.setattr(told.expectations, "_pool", Sealed())
    monkeypatch.setattr(told.expectations, "_kept", Sealed())
    with CaptureQueriesContext(connection) as queries:
        answer = api.get("matchmaking/status/", token=player.token)

    assert len(queries) == 0
    assert (answer["reason"]["code"], answer["eta"]["of_matches"]) == ("out_of_reach", 0)


def test_staff_see_what_stands_between_a_ticket_and_the_nearest(api: Api, told: Told, django_user_model: Any) -> None:
    token = staff(api, django_user_model)
    far = a_ticket(api, rating=1480)
    api.clock.advance(seconds=30)
    player = a_ticket(api, rating=1200)
    blocker = a_ticket(api, rating=1195, traits=Traits(blocked=frozenset({player})))
    near = a_ticket(api, rating=1210.4)
    api.clock.advance(seconds=5)

    answer = api.get(f"matchmaking/tickets/{player}/explain/", token=token)

    (found,) = answer["queues"]
    assert (answer["player"], found["queue"], found["elo_rating"], found["waiting_time"]) == (player, "ranked", 1200, 5)
    assert (found["others"], found["in_reach"], found["accepting"]) == (3, 2, 2)
    assert [(one["player"], one["gap"], one["waiting_time"], one["blocked_by"]) for one in found["nearest"]] == [
        (blocker, 5.0, 5, ["block"]),
        (near, 10.4, 5, []),
        (far, 280.0, 35, ["your_window", "their_window"]),
    ]
    assert found["eta"] == NOBODY_KNOWS
    assert found["reason"]["code"] == "in_reach"


def test_staff_see_every_queue_of_a_ticket(api: Api, told: Told, django_user_model: Any) -> None:
    token = staff(api, django_user_model)
    player = api.player()
    api.post("matchmaking/join/", {"queues": ["casual", "ranked"]}, token=player.token)

    answer = api.get(f"matchmaking/tickets/{player.id}/explain/", token=token)

    assert {one["queue"]: one["reason"]["code"] for one in answer["queues"]} == {"ranked": "alone", "casual": "alone"}


def test_a_look_of_staff_does_not_keep_a_ticket_alive(api: Api, told: Told, django_user_model: Any) -> None:
    token = staff(api, django_user_model)
    player = a_ticket(api, rating=1200)
    rules = wiring.queue_rules("ranked")
    api.clock.advance(seconds=rules.ticket_ttl_seconds)
    api.get(f"matchmaking/tickets/{player}/explain/", token=token)
    api.clock.advance(seconds=1)

    wiring.redis_tickets().expire(rules, api.clock())

    problem = api.get(f"matchmaking/tickets/{player}/explain/", token=token, expect=404)
    assert problem["detail"] == "this player has no waiting ticket"


def test_the_figures_tell_service_levels_and_whether_etas_were_kept(api: Api, told: Told) -> None:
    assert api.get("matchmaking/stats/")["queues"]["ranked"]["service_levels"] is None
    matches(api, waits=[4] * 30)

    work_out_history()
    told.look(api)
    figures = api.get("matchmaking/stats/")["queues"]

    assert figures["ranked"]["service_levels"]["middle"] == {
        "p95_wait_seconds": 4.0,
        "p95_gap": 8.0,
        "of_players": 60,
    }
    assert figures["ranked"]["service_levels"]["top_1_percent"] == {
        "p95_wait_seconds": None,
        "p95_gap": None,
        "of_players": 0,
    }
    # The first ten matches are told nothing.
    assert figures["ranked"]["eta_calibration"] == {"p50_kept": 1.0, "p90_kept": 1.0, "of": 40}
    assert figures["casual"]["eta_calibration"] == {"p50_kept": None, "p90_kept": None, "of": 0}


def test_who_is_a_newcomer_is_told_by_the_games_before_each_match(api: Api) -> None:
    one, other = api.player(), api.player()
    for _ in range(3):
        for player in (one, other):
            api.post("matchmaking/join/", {"queue": "ranked"}, token=player.token)
        api.clock.advance(seconds=1)
        (match,) = api.round()
        api.post(f"matches/{match.id}/result/", {"ranks": [1, 2]}, fleet=True)
        api.clock.advance(seconds=1)
    a_ticket(api, rating=1200)
    api.post("matchmaking/join/", {"queue": "ranked"}, token=one.token)
    api.round()

    played, games = played_lately("ranked", api.clock())

    assert games.tolist()[2:] == [2, 2, 1, 1, 0, 0]
    assert sorted(games.tolist()[:2]) == [0, 3]
    assert played.gaps[-1] == 0
    assert played.gaps[0] == pytest.approx(abs(played.ratings[0] - played.ratings[1]))
    assert played.waits_ms.tolist()[2:] == [1000] * 6


def test_hours_of_history_reach_the_etas_of_players(api: Api, told: Told) -> None:
    # Half past an hour: a minute less than a day later is the same hour.
    api.clock.advance(seconds=(1800 - api.clock() // 1000) % 3600)
    matches(api, waits=[4] * 20)
    work_out_history()
    api.clock.advance(seconds=24 * 3600 - 60)
    wiring.redis_client().delete(wiring.keys().of_queue("ranked").recent_matches)

    told.look(api)

    answer = api.post("matchmaking/join/", {"queue": "ranked"}, token=api.player().token)
    # Of this hour and the half of the players who share this rating.
    assert answer["eta"] == {"p50_seconds": 4.0, "p90_seconds": 4.0, "of_matches": 20}
