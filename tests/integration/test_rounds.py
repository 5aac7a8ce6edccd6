"""Rounds as Celery runs them: one at a time, again when asked, safe when cut off."""

import time
from typing import Any

import pytest

from caroud import wiring
from errors import StoreUnavailable
from matchmaking.match import MatchId, Proposal
from matchmaking.services import find_matches as service
from matchmaking.services.propose import MadeWhenAsked
from matchmaking.stores.redis import store as redis_store
from tasks import reaping, rounds
from tests.integration.conftest import Api


def test_the_task_matches_who_waits_in_its_queue_only(api: Api) -> None:
    ranked = [api.player() for _ in range(2)]
    casual = api.player()
    for player in ranked:
        api.post("matchmaking/join/", token=player.token)
    api.post("matchmaking/join/", {"queue": "casual"}, token=casual.token)

    rounds.find_matches("ranked")
    rounds.find_matches("casual")

    statuses = [api.get("matchmaking/status/", token=player.token)["status"] for player in [*ranked, casual]]
    assert statuses == ["matched", "matched", "waiting"]


def test_players_too_far_apart_wait_until_their_windows_reach(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = api.player(), api.player()
    points = {near.id: 1200.0, far.id: 1320.0}
    monkeypatch.setattr("matchmaking.views.introduce_player", lambda **kw: points[kw["player"].id])
    for player in (near, far):
        api.post("matchmaking/join/", token=player.token)

    assert api.round() == []
    api.clock.advance(seconds=19.9)
    assert api.round() == []
    api.clock.advance(seconds=0.1)
    assert len(api.round()) == 1


def test_who_waited_longest_is_claimed_first_and_gets_the_only_seat(api: Api) -> None:
    api.server(capacity=1)
    players = [api.player() for _ in range(4)]
    for player in players[::-1]:
        api.post("matchmaking/join/", token=player.token)
        api.clock.advance(seconds=1)

    first, second = api.round()

    assert players[3].id in {player.id for player in first.players}
    assert (first.server is not None, second.server is not None) == (True, False)


def test_a_round_that_runs_is_not_run_twice_and_runs_again_for_a_join_meanwhile(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    players = [api.player() for _ in range(4)]
    for player in players[:2]:
        api.post("matchmaking/join/", token=player.token)
    looked: list[int] = []
    pauses: list[float] = []
    monkeypatch.setattr(service.time, "sleep", pauses.append)
    original = service.run_round

    def a_round_with_joins_in_it(**kwargs: object) -> object:
        looked.append(1)
        made = original(**kwargs)
        if len(looked) == 1:
            rounds.find_matches("ranked")  # a doubled tick
            for player in players[2:]:
                api.post("matchmaking/join/", token=player.token)
        return made

    monkeypatch.setattr(service, "run_round", a_round_with_joins_in_it)
    rounds.find_matches("ranked")

    assert len(looked) == 2
    assert len(pauses) == 1
    assert 0 < pauses[0] <= rounds.LONGEST_PAUSE_SECONDS
    assert {api.get("matchmaking/status/", token=player.token)["status"] for player in players} == {"matched"}


def test_a_task_that_has_run_all_the_rounds_it_may_hands_over_to_another(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(rounds.find_matches, "apply_async", lambda args, expires: sent.append(args))
    rounds.find_matches("ranked")
    assert sent == []

    monkeypatch.setattr(service, "ROUNDS_IN_A_ROW", 1)
    rounds.find_matches("ranked")

    assert sent == [("ranked",)]


def test_a_large_round_claims_the_next_part_while_it_writes_the_last_into_history(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    players = [api.player() for _ in range(10)]
    for player in players:
        api.post("matchmaking/join/", token=player.token)
    monkeypatch.setattr(service, "MATCHES_A_PART", 2)
    outbox: list[int] = []
    original = service.record_and_announce

    def looked_at(**kwargs: Any) -> Any:
        until = time.monotonic() + 1  # the part after this one arrives meanwhile
        while (unannounced := wiring.redis_client().hlen(wiring.keys().outbox)) < 3 and time.monotonic() < until:
            time.sleep(0.005)
        outbox.append(unannounced)
        return original(**kwargs)

    monkeypatch.setattr(service, "record_and_announce", looked_at)
    made = api.round()

    assert outbox == [4, 3, 1]  # never more than two parts are claimed and not told
    assert {player.id for match in made for player in match.players} == {player.id for player in players}
    assert {api.get("matchmaking/status/", token=player.token)["status"] for player in players} == {"matched"}


def test_what_a_large_round_has_claimed_before_redis_went_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    players = [api.player() for _ in range(6)]
    for player in players:
        api.post("matchmaking/join/", token=player.token)
    monkeypatch.setattr(service, "MATCHES_A_PART", 1)
    store = wiring.redis_tickets()
    original = store.claim

    def claim(*args: Any, **kwargs: Any) -> Any:
        claim.calls += 1  # type: ignore[attr-defined]
        if claim.calls == 2:  # type: ignore[attr-defined]
            raise StoreUnavailable("redis", "TimeoutError")
        return original(*args, **kwargs)

    claim.calls = 0  # type: ignore[attr-defined]
    monkeypatch.setattr(store, "claim", claim)
    rounds.find_matches("ranked")

    statuses = sorted(api.get("matchmaking/status/", token=player.token)["status"] for player in players)
    assert statuses == ["matched"] * 2 + ["waiting"] * 4


def test_a_round_that_fails_gives_its_lease_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**kwargs: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(service, "run_round", broken)
        with pytest.raises(ZeroDivisionError):
            rounds.find_matches("ranked")

    assert wiring.ticket_store().begin_round("ranked", "next", api.clock())


def test_the_lease_of_a_killed_worker_ends_by_itself(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_store, "ROUND_LEASE_MS", 50)
    store = wiring.ticket_store()
    assert store.begin_round("ranked", "killed", api.clock())

    lease = wiring.keys().of_queue("ranked").round_lease
    assert 0 < wiring.redis_client().pttl(lease) <= 50


def test_silent_players_expire_by_the_task_and_are_no_longer_online(api: Api) -> None:
    silent, asks = api.player(), api.player()
    for player in (silent, asks):
        api.post("matchmaking/join/", {"queue": "casual"}, token=player.token)
    api.clock.advance(seconds=299)
    api.get("matchmaking/status/", token=asks.token)
    api.clock.advance(seconds=2)

    reaping.expire_tickets()
    reaping.reap_stale_servers()
    reaping.settle_overdue_matches()

    assert api.get("matchmaking/stats/")["online_users"] == 1
    assert api.get("matchmaking/status/", token=silent.token) == {"status": "expired", "queue": "casual"}
    assert api.get("matchmaking/status/", token=asks.token)["status"] == "waiting"


def test_ready_tells_the_age_of_the_last_round_of_each_queue(api: Api) -> None:
    rounds.find_matches("ranked")
    api.clock.advance(seconds=2.5)

    body = api.client.get("/readyz").json()

    assert body == {
        "status": "ok",
        "mode": "redis",
        "redis": "ok",
        "postgresql": "ok",
        "last_round_age_seconds": {**dict.fromkeys(wiring.rules().queues), "ranked": 2.5},
    }


def test_proposals_that_are_made_when_asked_for_stay_what_they_are() -> None:
    made = []

    def make(number: int) -> Proposal:
        made.append(number)
        return Proposal(MatchId(f"m{number}"), ())

    proposals = MadeWhenAsked(map(make, range(5)), 5)

    assert (len(proposals), made) == (5, [])
    assert [one.match_id for one in proposals[1:3]] == ["m1", "m2"]
    assert made == [0, 1, 2]
    assert [one.match_id for one in proposals] == ["m0", "m1", "m2", "m3", "m4"]
    assert (proposals[-1].match_id, list(proposals[3:9]), made) == ("m4", [proposals[3], proposals[4]], list(range(5)))
