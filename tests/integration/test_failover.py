"""Redis goes away, comes back, loses what it held: players are matched all the while, and nobody twice."""

import logging
import uuid
from dataclasses import replace
from typing import Any

import pytest
import redis

from caroud import nudge, watch, wiring
from errors import StoreUnavailable
from matchmaking.charge import read_charge
from matchmaking.engine.demands import RematchRule
from matchmaking.engine.traits import traits_of
from matchmaking.models import MatchRecord, Participant, Ticket
from matchmaking.services import record_matches as recording
from matchmaking.stores.redis.store import RedisTicketStore
from tasks import reaping, rounds
from tests.integration.conftest import Account, Api

NOWHERE = "redis://127.0.0.1:1/0"


class Outage:
    """Takes Redis away from this process, and gives it back."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings
        self._there = settings.REDIS_URL

    def begin(self) -> None:
        self._settings.REDIS_URL = NOWHERE
        wiring.forget()

    def end(self) -> None:
        self._settings.REDIS_URL = self._there
        wiring.forget()
        wiring.link().look()


class Backup:
    """All that Redis holds, to which it can be rolled back: what replaces it had not heard of what came after."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._namespace = f"{wiring.keys().prefix}*"
        self._taken: dict[bytes, Any] = {key: self._client.dump(key) for key in self._keys()}

    def _keys(self) -> list[bytes]:
        return list(self._client.scan_iter(self._namespace))

    def roll_back(self) -> None:
        self._client.delete(*self._keys())
        for key, content in self._taken.items():
            self._client.restore(key, 60_000, content)
        self._client.set(wiring.keys().incarnation, "older")


@pytest.fixture
def outage(api: Api, settings: Any) -> Any:
    nudge.warm_up()
    nudge._last_round.clear()
    made = Outage(settings)
    yield made
    made.end()


def gone(*args: Any, **kwargs: Any) -> None:
    """A call to a Redis that has just died."""
    raise StoreUnavailable("redis", "ConnectionError")


def status(api: Api, player: Account, **how: Any) -> Any:
    return api.get("matchmaking/status/", token=player.token, **how)


def with_ticket(api: Api, method: str, path: str, player: Account, ticket: str) -> Any:
    return api.client.generic(
        method,
        f"/api/matchmaking/{path}/",
        "{}" if method == "POST" else "",
        content_type="application/json",
        headers={"Authorization": f"Bearer {player.token}", "X-Matchmaking-Ticket": ticket},
    )


def waiting(api: Api, rounds_ago_seconds: float = 0) -> tuple[Account, str]:
    """A player who waits, and the signed ticket."""
    player = api.player()
    answer = api.post("matchmaking/join/", token=player.token)
    return player, answer["ticket"]


# --- Redis is away -----------------------------------------------------------------------------------------


def test_while_redis_is_away_players_join_and_whoever_asks_finds_their_match(
    api: Api, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = api.player("testuser"), api.player()
    outage.begin()

    with caplog.at_level(logging.WARNING):
        assert api.post("matchmaking/join/", token=one.token)["status"] == "waiting"
    api.post("matchmaking/join/", token=other.token)

    told = status(api, one), status(api, other)
    told = status(api, one), status(api, other)
    assert [answer["status"] for answer in told] == ["matched", "matched"]
    assert told[0]["match"]["id"] == told[1]["match"]["id"] == str(MatchRecord.objects.get().id)
    assert "⚠️ Using PostgreSQL fallback for testuser" in caplog.text


def test_falling_back_is_ready_and_says_so(api: Api, outage: Outage) -> None:
    assert api.get("matchmaking/stats/")["mode"] == "redis"
    outage.begin()

    assert api.get("matchmaking/stats/")["mode"] == "fallback"
    ready = api.client.get("/readyz")

    assert (ready.status_code, ready.json()["mode"], ready.json()["redis"]) == (200, "fallback", "ConnectionError")
    assert read_charge().is_fallen_back


def test_a_redis_that_has_just_gone_leaves_the_service_ready(api: Api, outage: Outage) -> None:
    outage.begin()

    ready = api.client.get("/readyz")

    assert (ready.status_code, ready.json()["mode"], ready.json()["redis"]) == (200, "redis", "ConnectionError")


def test_the_path_that_names_redis_has_no_stand_in(api: Api, outage: Outage) -> None:
    player = api.player()
    outage.begin()

    for method, path in (("POST", "join"), ("GET", "status"), ("POST", "leave"), ("GET", "stats")):
        response = api.call(method, f"matchmaking/redis/{path}/", {} if method == "POST" else "", token=player.token)
        assert response.status_code == 503, path
        assert int(response["Retry-After"]) > 0
        assert response["Content-Type"] == "application/problem+json"
    rounds.find_matches("ranked")  # says that it has to wait


def test_a_single_call_that_went_wrong_is_a_503_and_changes_no_stores(
    api: Api, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = api.player()
    outage.begin()
    monkeypatch.setattr(wiring, "probe", lambda *_: None)

    response = api.call("POST", "matchmaking/join/", {}, token=player.token)

    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert not read_charge().is_fallen_back


def test_who_waited_in_redis_waits_on_in_postgresql_with_the_arrival_time(api: Api, outage: Outage) -> None:
    player, ticket = waiting(api)
    api.clock.advance(seconds=40)
    outage.begin()

    answer = with_ticket(api, "GET", "status", player, ticket).json()

    assert (answer["status"], answer["waiting_time"]) == ("waiting", 40)
    assert api.post("matchmaking/leave/", token=player.token) == {"status": "left"}
    assert with_ticket(api, "GET", "status", player, ticket).json()["status"] == "not_in_queue"


# --- coming home -------------------------------------------------------------------------------------------


def test_waiting_tickets_come_home_with_their_arrival_times_once(api: Api, outage: Outage) -> None:
    outage.begin()
    player, _ = waiting(api)
    left, _ = waiting(api)
    api.post("matchmaking/leave/", token=left.token)
    api.clock.advance(seconds=12)
    outage.end()

    assert watch.go_home()
    assert not watch.go_home()

    answer = status(api, player)
    assert (answer["status"], answer["waiting_time"], answer["queue_size"]) == ("waiting", 12, 1)
    assert status(api, left)["status"] == "not_in_queue"
    assert Ticket.objects.count() == 0
    assert wiring.redis_client().zcard(wiring.keys().of_queue("ranked").queue) == 1
    assert api.get("matchmaking/stats/")["mode"] == "redis"


@pytest.mark.parametrize("is_empty", [False, True], ids=["with its data", "empty"])
def test_a_redis_that_was_restarted_takes_waiting_tickets_home_at_once(
    api: Api, outage: Outage, is_empty: bool
) -> None:
    outage.begin()
    player, _ = waiting(api)
    outage.end()
    if is_empty:
        lose_everything()
    wiring.note_whole_redis("the-run-before word")

    assert watch.go_home()

    assert status(api, player)["status"] == "waiting"
    assert wiring.redis_tickets().snapshot("ranked").player_ids == [player.id]


def test_a_ticket_that_was_left_or_expired_meanwhile_stays_ended_at_home(api: Api, outage: Outage) -> None:
    outage.begin()
    (left, left_ticket), (silent, silent_ticket) = waiting(api), waiting(api)
    headers = {"Authorization": f"Bearer {left.token}", "Idempotency-Key": "once"}
    api.client.post("/api/matchmaking/leave/", content_type="application/json", headers=headers)
    api.clock.advance(seconds=290)
    with_ticket(api, "GET", "status", left, left_ticket)
    api.clock.advance(seconds=11)
    wiring.stand_in_tickets().expire(wiring.queue_rules("ranked"), api.clock())
    outage.end()
    assert watch.go_home()
    api.clock.advance(seconds=-11)  # a ticket that is shown may be as old as it lives

    assert with_ticket(api, "GET", "status", left, left_ticket).json() == {"status": "not_in_queue"}
    assert with_ticket(api, "GET", "status", silent, silent_ticket).json() == {"status": "expired", "queue": "ranked"}
    again = api.client.post("/api/matchmaking/leave/", content_type="application/json", headers=headers)
    assert again.json() == {"status": "left"}


def test_a_match_made_meanwhile_is_told_at_home_and_its_seat_is_taken(api: Api, outage: Outage) -> None:
    api.server("eu-1", capacity=1)
    one, other = api.player(), api.player()
    for player in (one, other):
        api.post("matchmaking/join/", token=player.token)
    outage.begin()
    for player in (one, other):
        api.post("matchmaking/join/", token=player.token)
    status(api, one)
    told = status(api, one)
    assert (told["status"], told["match"]["server"]["port"]) == ("matched", 7777)
    outage.end()

    assert watch.go_home()

    assert status(api, one) == told
    assert status(api, other)["match"] == told["match"]
    assert wiring.redis_client().zcard(wiring.keys().of_queue("ranked").queue) == 0
    assert [server.active_games for server in wiring.redis_servers().list()] == [1]


def test_a_player_who_left_meanwhile_is_not_matched_by_the_ticket_that_redis_kept(api: Api, outage: Outage) -> None:
    left, ticket = waiting(api)
    waiting(api)
    outage.begin()
    assert with_ticket(api, "POST", "leave", left, ticket).json() == {"status": "left"}
    outage.end()
    watch.go_home()

    assert api.round() == []
    assert status(api, left)["status"] == "not_in_queue"


def heartbeat(api: Api) -> Any:
    """Of a server that had to register again."""
    return api.post("servers/eu-1/heartbeat/", token=api.server("eu-1"))


def test_a_match_that_began_meanwhile_is_not_new_at_home(api: Api, outage: Outage) -> None:
    api.server("eu-1")
    _, _, match_id = api.matched_pair()
    outage.begin()
    assert [match["id"] for match in heartbeat(api)["new_matches"]] == [match_id]
    outage.end()
    watch.go_home()

    answer = heartbeat(api)

    assert ([match["id"] for match in answer["matches"]], answer["new_matches"]) == ([match_id], [])


def test_a_match_that_ended_meanwhile_is_over_at_home(api: Api, outage: Outage) -> None:
    token = api.server()
    one, _, match_id = api.matched_pair()
    outage.begin()
    assert api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=token)["status"] == "completed"
    assert api.post("matchmaking/join/", token=one.token)["status"] == "waiting"
    outage.end()
    watch.go_home()

    assert status(api, one)["status"] == "waiting"
    assert [server.active_games for server in wiring.redis_servers().list()] == [0]


def test_a_match_that_was_written_and_not_announced_before_the_switch_is_not_taken_back(
    api: Api, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = api.server()
    players = [waiting(api)[0] for _ in range(4)]
    with monkeypatch.context() as patch:
        patch.setattr(RedisTicketStore, "acknowledge", gone)
        assert api.round() == []  # both matches are in history, and in the outbox
    outage.begin()
    ended, lives = [str(record.id) for record in MatchRecord.objects.order_by("id")]
    assert api.post(f"matches/{ended}/result/", {"ranks": [1, 2]}, token=token)["status"] == "completed"
    outage.end()
    assert watch.go_home()

    assert wiring.redis_tickets().outbox(10) == []
    assert wiring.redis_tickets().snapshot("ranked").player_ids == []
    told = [status(api, player) for player in players]
    assert sorted(one["match"]["id"] for one in told if one["status"] == "matched") == [lives, lives]
    assert [one["last_match"] for one in told if one["status"] != "matched"] == [
        {"id": ended, "status": "completed"}
    ] * 2
    assert [server.active_games for server in wiring.redis_servers().list()] == [1]


def test_a_match_that_ended_while_coming_home_looked_away_is_over_soon(api: Api, outage: Outage) -> None:
    token = api.server()
    one, _, match_id = api.matched_pair()
    outage.begin()
    status(api, one)
    outage.end()
    assert watch.go_home()
    wiring.link()._note(True)  # this process has not noticed yet
    assert api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=token)["status"] == "completed"
    wiring.link().look()
    assert status(api, one)["status"] == "matched"
    api.clock.advance(seconds=6)

    reaping.settle_overdue_matches()

    assert status(api, one)["last_match"] == {"id": match_id, "status": "completed"}


def test_a_server_that_registered_meanwhile_is_known_at_home_in_its_generation(api: Api, outage: Outage) -> None:
    outage.begin()
    token = api.server("eu-9", capacity=2)
    outage.end()
    watch.go_home()

    assert api.post("servers/eu-9/heartbeat/", token=token)["status"] == "ready"


# --- the epoch ---------------------------------------------------------------------------------------------


def test_a_claim_made_before_the_switch_is_refused_after_it_and_its_players_wait(
    api: Api, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    players = [waiting(api)[0] for _ in range(2)]
    original = recording.record_matches

    def switched_meanwhile(*args: Any, **kwargs: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(recording, "record_matches", original)
            wiring.link()._take_over()
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(recording, "record_matches", switched_meanwhile)
        assert api.round() == []

    assert MatchRecord.objects.count() == 0
    assert wiring.redis_tickets().outbox(10) == []
    waits = wiring.redis_tickets().snapshot("ranked").player_ids
    assert sorted(waits) == sorted(player.id for player in players)


def test_a_player_whom_the_other_store_has_matched_is_not_matched_again(api: Api, outage: Outage) -> None:
    taken, _ = waiting(api)
    partner, _ = waiting(api)
    record = MatchRecord.objects.create(
        id=uuid.uuid4(), queue="ranked", region="", status="created", created_at="2026-11-24T00:00:00Z"
    )
    Participant.objects.create(
        match=record, player_id=taken.id, username="x", team=1, ticket_rating=1200, waited_ms=0, ticket_id="other"
    )

    assert api.round() == []

    assert wiring.redis_tickets().snapshot("ranked").player_ids == [partner.id]
    assert status(api, partner)["status"] == "waiting"


# --- a Redis that has lost what it held -----------------------------------------------------------------------


def wipe() -> None:
    """Redis loses everything, and a round or the watch notices."""
    lose_everything()
    rounds.find_matches("ranked")


def lose_everything() -> None:
    redis, keys = wiring.redis_client(), wiring.keys()
    redis.delete(*redis.scan_iter(match=keys.prefix + "*", count=1000))


def test_until_a_wipe_is_noticed_nobody_is_told_that_a_ticket_or_match_is_none(api: Api) -> None:
    (one, _, match_id), (waits, ticket) = api.matched_pair(), waiting(api)
    lose_everything()

    for method, path in (("GET", "status"), ("POST", "join"), ("POST", "leave")):
        assert with_ticket(api, method, path, waits, ticket).status_code == 503
        response = api.call(method, f"matchmaking/{path}/", {} if method == "POST" else "", token=one.token)
        assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert not read_charge().is_fallen_back

    rounds.find_matches("ranked")
    assert with_ticket(api, "GET", "status", waits, ticket).json()["status"] == "waiting"
    assert status(api, one)["match"]["id"] == match_id


def test_a_redis_of_another_run_is_not_believed_before_it_was_compared_with_history(api: Api) -> None:
    one, _, match_id = api.matched_pair()
    rounds.find_matches("ranked")
    wiring.note_whole_redis("another-run word")

    assert api.call("GET", "matchmaking/status/", "", token=one.token).status_code == 503

    wiring.link().look()
    assert status(api, one)["match"]["id"] == match_id


def test_a_wiped_redis_puts_a_shown_ticket_back_with_its_arrival_time_once(api: Api) -> None:
    player, ticket = waiting(api)
    api.clock.advance(seconds=25)
    wipe()

    answers = [with_ticket(api, "GET", "status", player, ticket).json() for _ in range(2)]

    assert [(answer["status"], answer["waiting_time"]) for answer in answers] == [("waiting", 25)] * 2
    assert wiring.redis_tickets().counts("ranked", []).current_size == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "status"), ("POST", "join")])
def test_every_way_of_asking_puts_it_back(api: Api, method: str, path: str) -> None:
    player, ticket = waiting(api)
    api.clock.advance(seconds=25)
    wipe()

    assert with_ticket(api, method, path, player, ticket).json()["waiting_time"] == 25


def test_who_leaves_after_a_wipe_has_left_and_is_not_put_back(api: Api) -> None:
    player, ticket = waiting(api)
    wipe()

    assert with_ticket(api, "POST", "leave", player, ticket).json() == {"status": "left"}
    assert with_ticket(api, "GET", "status", player, ticket).json()["status"] == "not_in_queue"


def test_a_ticket_that_became_a_match_is_not_put_back(api: Api) -> None:
    token = api.server()
    one, ticket = waiting(api)
    waiting(api)
    (match,) = api.round()
    wipe()

    answer = with_ticket(api, "GET", "status", one, ticket).json()
    assert (answer["status"], answer["match"]["id"]) == ("matched", match.id)
    api.post(f"matches/{match.id}/result/", {"ranks": [1, 2]}, token=token)
    wipe()

    answer = with_ticket(api, "GET", "status", one, ticket).json()
    assert answer == {"status": "not_in_queue", "last_match": {"id": match.id, "status": "completed"}}


def test_an_old_ticket_is_not_put_back_and_a_false_one_is_refused(api: Api) -> None:
    player, ticket = waiting(api)
    other = api.player()
    wipe()

    assert with_ticket(api, "GET", "status", other, ticket).status_code == 400
    for false in ("nonsense", ticket[:-4] + "AAA=", ticket.replace(".", "A."), "ü", "." * 2000):
        response = with_ticket(api, "GET", "status", player, false)
        assert (response.status_code, response.json()["field"]) == (400, "X-Matchmaking-Ticket")
    api.clock.advance(seconds=301)
    assert with_ticket(api, "GET", "status", player, ticket).json() == {"status": "not_in_queue"}


def test_the_first_round_after_a_wipe_knows_the_live_matches_and_the_servers_again(api: Api) -> None:
    token = api.server(capacity=3)
    one, other, match_id = api.matched_pair()
    rounds.find_matches("ranked")

    wipe()

    assert [status(api, player)["match"]["id"] for player in (one, other)] == [match_id] * 2
    assert [match["id"] for match in api.post("servers/eu-1/heartbeat/", token=token)["matches"]] == [match_id]
    assert [server.active_games for server in wiring.redis_servers().list()] == [1]


def test_after_a_recovery_only_who_has_asked_since_is_matched(api: Api) -> None:
    asks = [waiting(api)[0] for _ in range(2)]
    gone = waiting(api)[0]
    api.clock.advance(seconds=1)
    wiring.redis_client().delete(wiring.keys().incarnation)  # as after a restart: the data is there, the server another
    rounds.find_matches("ranked")
    assert MatchRecord.objects.count() == 0
    api.clock.advance(seconds=1)
    for player in asks:
        status(api, player)

    rounds.find_matches("ranked")

    assert [status(api, player)["status"] for player in (*asks, gone)] == ["matched", "matched", "waiting"]


def test_a_rolled_back_redis_forgets_matches_that_have_ended(api: Api) -> None:
    token = api.server()
    one, _, match_id = api.matched_pair()
    redis, keys = wiring.redis_client(), wiring.keys()
    before = {key: redis.hgetall(key) for key in (keys.matches, keys.tickets)}
    api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=token)
    for key, fields in before.items():
        redis.hset(key, mapping=fields)
    redis.delete(keys.incarnation)
    assert status(api, one)["status"] == "matched"

    rounds.find_matches("ranked")

    assert status(api, one) == {"status": "not_in_queue", "last_match": {"id": match_id, "status": "completed"}}


@pytest.mark.parametrize("is_away", [True, False])
def test_a_ticket_that_a_rolled_back_redis_holds_though_it_was_played_waits_no_longer(
    api: Api, outage: Outage, settings: Any, is_away: bool
) -> None:
    token = api.server()
    one, other = [waiting(api)[0] for _ in range(2)]
    bystander, _ = waiting(api)
    api.post("matchmaking/leave/", token=bystander.token)
    backup = Backup(settings.REDIS_URL)
    (match,) = api.round()
    if is_away:
        outage.begin()
    assert api.post(f"matches/{match.id}/result/", {"ranks": [1, 2]}, token=token)["status"] == "completed"
    joined_again = api.post("matchmaking/join/", token=one.token)
    assert joined_again["status"] == "waiting"
    backup.roll_back()
    if is_away:
        outage.end()
        assert watch.go_home()
    else:
        rounds.find_matches("ranked")

    assert status(api, other)["status"] == "not_in_queue"
    assert with_ticket(api, "GET", "status", one, joined_again["ticket"]).json()["status"] == "waiting"
    assert wiring.redis_tickets().snapshot("ranked").player_ids == [one.id]
    assert wiring.redis_tickets().counts("ranked", []).current_size == 1


def test_another_ticket_of_a_player_whose_match_is_over_waits_on_after_a_recovery(api: Api) -> None:
    token = api.server()
    one, other, match_id = api.matched_pair()
    api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=token)
    for player in (one, other):
        assert api.post("matchmaking/join/", token=player.token)["status"] == "waiting"
    wiring.redis_client().delete(wiring.keys().incarnation)

    watch.charge_of_a_whole_redis()

    assert [status(api, player)["status"] for player in (one, other)] == ["waiting", "waiting"]


@pytest.mark.parametrize("loses", ["is away", "is wiped"])
def test_who_blocks_the_other_stays_apart_when_their_tickets_are_put_back(
    api: Api, outage: Outage, settings: Any, loses: str
) -> None:
    rules = settings.RULES.queues["ranked"]
    ranked = replace(rules, rematch=RematchRule(last=3, points=50))
    settings.RULES = replace(settings.RULES, queues={**settings.RULES.queues, "ranked": ranked})
    wiring.forget()
    one, other, match_id = api.matched_pair()
    api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, fleet=True)
    api.post("players/blocks/", {"id": other.id}, token=one.token)
    tickets = [api.post("matchmaking/join/", token=player.token)["ticket"] for player in (one, other)]
    if loses == "is away":
        outage.begin()
    else:
        redis_client = wiring.redis_client()
        redis_client.delete(*redis_client.scan_iter(wiring.keys().prefix + "*"))
        watch.charge_of_a_whole_redis()
    store = wiring.ticket_store()

    for player, ticket in zip((one, other), tickets, strict=True):
        assert with_ticket(api, "GET", "status", player, ticket).json()["status"] == "waiting"

    waits = store.snapshot("ranked")
    traits = {player: traits_of(text) for player, text in zip(waits.player_ids, waits.traits, strict=True)}
    assert traits[one.id].blocked == {other.id}
    assert [traits[one.id].recent, traits[other.id].recent] == [(other.id,), (one.id,)]


# --- one ticket over both ----------------------------------------------------------------------------------


def test_a_player_holds_one_ticket_over_both_stores(api: Api) -> None:
    player = api.player()
    assert api.post("matchmaking/postgres/join/", token=player.token)["status"] == "waiting"

    refused = api.post("matchmaking/redis/join/", token=player.token, expect=409)
    assert refused["queue"] == "postgres/ranked"
    assert api.post("matchmaking/postgres/leave/", token=player.token) == {"status": "left"}
    assert api.post("matchmaking/redis/join/", token=player.token)["status"] == "waiting"

    refused = api.post("matchmaking/postgres/join/", token=player.token, expect=409)
    assert refused["queue"] == "ranked"


def test_the_guides_hybrid_stage_is_one_setting(api: Api, settings: Any) -> None:
    settings.MATCHMAKING_BACKEND = "postgres"
    wiring.forget()
    players = [api.player() for _ in range(2)]
    for player in players:
        assert api.post("matchmaking/join/", token=player.token)["status"] == "waiting"
    assert wiring.redis_client().zcard(wiring.keys().of_queue("ranked").queue) == 0

    rounds.find_matches("ranked")
    assert [status(api, player)["status"] for player in players] == ["waiting"] * 2
    rounds.find_matches_in_postgresql("ranked")

    assert {status(api, player)["match"]["id"] for player in players} == {str(MatchRecord.objects.get().id)}
    assert api.get("matchmaking/stats/")["mode"] == "postgres"


def test_a_match_of_either_store_ends_in_both(api: Api, settings: Any) -> None:
    settings.MATCHMAKING_BACKEND = "postgres"
    wiring.forget()
    for backend, run in (("redis", rounds.find_matches), ("postgres", rounds.find_matches_in_postgresql)):
        players = [api.player() for _ in range(2)]
        for player in players:
            api.post(f"matchmaking/{backend}/join/", token=player.token)
        run("ranked")
        told = api.get(f"matchmaking/{backend}/status/", token=players[0].token)

        api.post(f"matches/{told['match']['id']}/result/", {"ranks": [1, 1]}, fleet=True)

        ended = api.get(f"matchmaking/{backend}/status/", token=players[0].token)
        assert ended["last_match"] == {"id": told["match"]["id"], "status": "completed"}
        for path in ("redis", "postgres"):
            assert api.post(f"matchmaking/{path}/join/", token=players[0].token)["status"] == "waiting"
            api.post(f"matchmaking/{path}/leave/", token=players[0].token)
        api.post(f"matchmaking/{backend}/leave/", token=players[1].token)


def test_servers_give_their_seats_through_the_pool_of_the_backend_alone(api: Api, settings: Any) -> None:
    settings.MATCHMAKING_BACKEND = "postgres"
    wiring.forget()
    api.server(capacity=1)
    for backend in ("redis", "postgres"):
        for _ in range(2):
            api.post(f"matchmaking/{backend}/join/", token=api.player().token)
    rounds.find_matches("ranked")
    rounds.find_matches_in_postgresql("ranked")

    assert sorted(record.server_id or "" for record in MatchRecord.objects.all()) == ["", "eu-1"]
    assert wiring.redis_servers().list() == []
