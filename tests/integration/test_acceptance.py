"""Players accept a match before it starts: over HTTP, in every store, and whatever is away or dies meanwhile."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connection

from caroud import watch, wiring
from errors import StoreUnavailable
from matchmaking.charge import read_charge
from matchmaking.engine.demands import MatchFormat, PartyRule
from matchmaking.models import MatchRecord, Participant
from matchmaking.rules import Placement, Rules
from matchmaking.services import settle_unanswered
from matchmaking.services.find_matches import run_round
from matchmaking.stores.postgres.store import PostgresTicketStore
from matchmaking.stores.redis.store import RedisTicketStore
from tasks import history as history_tasks
from tasks import reaping
from tests.integration.conftest import Account, Api
from tests.integration.test_failover import Outage, outage, with_ticket
from tests.integration.test_parties import a_party

__all__ = ["outage"]

SECONDS = 20.0


@pytest.fixture(autouse=True)
def asking(settings: Any) -> None:
    """`ranked` asks its players for 20 seconds, and so does `squads`: two a team, parties of two."""
    ranked = replace(settings.RULES.queues["ranked"], acceptance_seconds=SECONDS)
    duos = replace(
        ranked,
        name="squads",
        format=MatchFormat(teams=2, team_size=2),
        party=PartyRule(max_size=2),
        initial_rating=1300,
    )
    settings.RULES = Rules(default_queue="ranked", queues={**settings.RULES.queues, "ranked": ranked, "squads": duos})


def status(api: Api, player: Account, door: str = "matchmaking/") -> Any:
    return api.get(f"{door}status/", token=player.token)


def accept(api: Api, match_id: str, player: Account, *, expect: int = 200) -> Any:
    return api.post(f"matches/{match_id}/accept/", token=player.token, expect=expect)


def decline(api: Api, match_id: str, player: Account, *, expect: int = 200) -> Any:
    return api.post(f"matches/{match_id}/decline/", token=player.token, expect=expect)


def asked_pair(api: Api) -> tuple[Account, Account, str]:
    """Two players, the first of whom came 30 s before the second, and the match that they are asked about."""
    one, other = api.player(), api.player()
    api.post("matchmaking/join/", token=one.token)
    api.clock.advance(seconds=30)
    api.post("matchmaking/join/", token=other.token)
    (match,) = api.round()
    return one, other, match.id


def heartbeat(api: Api, server: str) -> Any:
    return api.post("servers/eu-1/heartbeat/", {}, token=server)


def seats_taken() -> int:
    return sum(server.active_games for server in wiring.server_pool().list())


# --- accepted ------------------------------------------------------------------------------------------------


def test_a_match_begins_once_all_have_accepted_and_the_server_hears_of_it_then(api: Api) -> None:
    server = api.server(capacity=1)
    one, other, match_id = asked_pair(api)

    told = status(api, one)
    assert (told["status"], told["match"]["id"], told["match"]["status"]) == ("matched", match_id, "pending_acceptance")
    left = told["match"]["acceptance"].pop("until")
    assert told["match"]["acceptance"] == {"accepted": 0, "of": 2, "you": False, "seconds_left": SECONDS}
    assert seats_taken() == 1

    api.clock.advance(seconds=4)
    answer = accept(api, match_id, one)
    assert answer["status"] == "pending_acceptance"
    assert answer["acceptance"] == {"accepted": 1, "of": 2, "you": True, "seconds_left": SECONDS - 4, "until": left}
    assert status(api, other)["match"]["acceptance"]["you"] is False
    assert api.get(f"matches/{match_id}/", token=other.token)["acceptance"]["accepted"] == 1
    beat = heartbeat(api, server)
    assert (beat["matches"], beat["new_matches"]) == ([], [])

    answer = accept(api, match_id, other)
    assert (answer["status"], "acceptance" in answer) == ("created", False)
    told = status(api, one)
    assert (told["match"]["status"], "acceptance" in told["match"]) == ("created", False)
    beat = heartbeat(api, server)
    assert [match["id"] for match in beat["new_matches"]] == [match_id]
    assert status(api, one)["match"]["status"] == "in_progress"
    assert accept(api, match_id, one)["status"] == "in_progress"
    assert decline(api, match_id, one, expect=409)["match_status"] == "in_progress"
    api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=server)
    assert seats_taken() == 0


def test_accepting_twice_is_accepting_once(api: Api) -> None:
    one, _, match_id = asked_pair(api)

    assert accept(api, match_id, one)["acceptance"]["accepted"] == 1
    first = Participant.objects.get(match_id=match_id, player_id=one.id).accepted_at
    api.clock.advance(seconds=1)
    assert accept(api, match_id, one)["acceptance"]["accepted"] == 1

    assert Participant.objects.get(match_id=match_id, player_id=one.id).accepted_at == first


def test_a_match_that_waits_for_acceptance_takes_no_result(api: Api) -> None:
    server = api.server(capacity=1)
    _, _, match_id = asked_pair(api)

    for result in ({"ranks": [1, 2]}, {"abandoned": True}):
        answer = api.post(f"matches/{match_id}/result/", result, token=server, expect=409)
        assert answer["match_status"] == "pending_acceptance"

    assert MatchRecord.objects.get().status == "pending_acceptance"


@pytest.mark.parametrize("call", ["accept", "decline"])
def test_nobody_decides_for_another(api: Api, call: str) -> None:
    one, _, match_id = asked_pair(api)
    stranger = api.player()

    assert api.call("POST", f"matches/{match_id}/{call}/", token=stranger.token).status_code == 403
    assert api.call("POST", f"matches/{match_id}/{call}/", fleet=True).status_code == 403
    assert api.call("POST", f"matches/{match_id}/{call}/").status_code == 401
    unknown = "00000000-0000-4000-8000-000000000000"
    assert api.call("POST", f"matches/{unknown}/{call}/", token=one.token).status_code == 404

    assert status(api, one)["match"]["acceptance"]["accepted"] == 0


@pytest.mark.parametrize("call", ["accept", "decline"])
def test_a_match_of_a_queue_that_asks_nobody_cannot_be_accepted_or_declined(api: Api, call: str, settings: Any) -> None:
    ranked = replace(settings.RULES.queues["ranked"], acceptance_seconds=0)
    settings.RULES = Rules(default_queue="ranked", queues={"ranked": ranked})
    wiring.forget()
    wiring.redis_tickets().mark("whole")
    one, _, match_id = api.matched_pair()

    assert api.post(f"matches/{match_id}/{call}/", token=one.token, expect=409)["match_status"] == "created"

    assert status(api, one)["match"]["status"] == "created"


# --- declined ------------------------------------------------------------------------------------------------


def test_who_declines_is_out_and_the_other_waits_again_in_the_old_place(api: Api) -> None:
    api.server(capacity=1)
    one, other, match_id = asked_pair(api)
    api.clock.advance(seconds=3)

    assert decline(api, match_id, other)["status"] == "abandoned"
    assert decline(api, match_id, other)["status"] == "abandoned"

    told = status(api, one)
    assert (told["status"], told["waiting_time"], told["queue_position"]) == ("waiting", 33, 1)
    assert status(api, other) == {"status": "not_in_queue", "last_match": {"id": match_id, "status": "abandoned"}}
    assert "you wait again" in decline(api, match_id, one, expect=409)["detail"]
    assert "you wait again" in accept(api, match_id, one, expect=409)["detail"]
    assert "out of the queue" in accept(api, match_id, other, expect=409)["detail"]
    assert seats_taken() == 0
    assert api.get("matchmaking/stats/")["queues"]["ranked"]["total_matches"] == 0
    ended = api.get(f"matches/{match_id}/", token=one.token)
    assert (ended["status"], ended["ranks"], ended["teams"][0][0]["elo_after"]) == ("abandoned", None, None)
    assert api.post("matchmaking/join/", token=other.token)["status"] == "waiting"
    assert len(api.round()) == 1


def test_who_declines_after_having_accepted_is_out(api: Api) -> None:
    one, other, match_id = asked_pair(api)
    accept(api, match_id, one)

    assert decline(api, match_id, one)["status"] == "abandoned"

    assert [status(api, player)["status"] for player in (one, other)] == ["not_in_queue", "waiting"]


def test_a_party_goes_and_stays_as_a_whole(api: Api) -> None:
    parties = []
    for _ in range(2):
        guest = api.player()
        leader, party = a_party(api, guest)
        body = {"queue": "squads", "party": party["id"]}
        assert api.post("matchmaking/join/", body, token=leader.token)["status"] == "waiting"
        parties.append(([leader, guest], party))
    (match,) = api.round("squads")
    (refuses, _), (stays, party) = parties
    accept(api, match.id, refuses[0])
    accept(api, match.id, stays[0])

    decline(api, match.id, refuses[1])

    assert [status(api, player)["status"] for player in refuses] == ["not_in_queue"] * 2
    told = [status(api, player) for player in stays]
    assert [(one["status"], one["party"]["id"]) for one in told] == [("waiting", party["id"])] * 2
    assert api.post("matchmaking/leave/", token=stays[1].token) == {"status": "left"}
    assert status(api, stays[0])["status"] == "not_in_queue"


def test_who_leaves_while_a_match_waits_for_acceptance_is_told_the_way_out(api: Api) -> None:
    one, _, match_id = asked_pair(api)

    refused = api.post("matchmaking/leave/", token=one.token, expect=409)

    assert "decline it" in refused["detail"]
    assert refused["match"]["id"] == match_id
    for player in asked_pair(api)[:2]:
        accept(api, MatchRecord.objects.latest("created_at").id, player)
    assert "it stands" in api.post("matchmaking/leave/", token=player.token, expect=409)["detail"]


def test_who_leaves_the_party_declines_for_it(api: Api) -> None:
    parties = []
    for _ in range(2):
        guest = api.player()
        leader, party = a_party(api, guest)
        api.post("matchmaking/join/", {"queue": "squads", "party": party["id"]}, token=leader.token)
        parties.append(([leader, guest], party))
    (match,) = api.round("squads")
    ((leader, guest), party), (others, _) = parties

    api.post(f"parties/{party['id']}/leave/", token=guest.token)

    assert MatchRecord.objects.get(id=match.id).status == "abandoned"
    assert [status(api, player)["status"] for player in (leader, guest)] == ["not_in_queue"] * 2
    assert [status(api, player)["status"] for player in others] == ["waiting"] * 2


# --- not answered --------------------------------------------------------------------------------------------


def test_when_the_time_is_over_who_accepted_waits_again_and_who_did_not_is_out(api: Api) -> None:
    api.server(capacity=1)
    one, other, match_id = asked_pair(api)
    accept(api, match_id, one)

    api.clock.advance(seconds=SECONDS - 0.001)
    reaping.settle_unanswered_matches()
    assert MatchRecord.objects.get().status == "pending_acceptance"
    api.clock.advance(seconds=0.001)
    for _ in range(2):
        reaping.settle_unanswered_matches()

    record = MatchRecord.objects.get()
    assert (record.status, record.released_at is not None) == ("abandoned", True)
    told = status(api, one)
    assert (told["status"], told["waiting_time"], told["queue_size"]) == ("waiting", 50, 1)
    assert status(api, other)["last_match"] == {"id": match_id, "status": "abandoned"}
    assert (seats_taken(), api.get("matchmaking/stats/")["queues"]["ranked"]["total_matches"]) == (0, 0)


def test_accepted_matches_that_cannot_be_told_hold_up_no_overdue_ones(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle_unanswered, "SETTLE_BATCH", 1)
    one, other, accepted = asked_pair(api)
    monkeypatch.setattr(RedisTicketStore, "confirm", unreachable)
    for player in (one, other):
        accept(api, accepted, player)
    api.clock.advance(seconds=1)
    *_, overdue = asked_pair(api)
    api.clock.advance(seconds=SECONDS)

    reaping.settle_unanswered_matches()

    assert MatchRecord.objects.get(id=accepted).confirmed_at is None
    assert MatchRecord.objects.get(id=overdue).status == "abandoned"


@pytest.mark.parametrize("asks", ["status", "join"])
def test_whoever_asks_finds_that_the_time_is_over(api: Api, asks: str) -> None:
    one, other, match_id = asked_pair(api)
    accept(api, match_id, one)
    api.clock.advance(seconds=SECONDS)

    method = "GET" if asks == "status" else "POST"
    answer = api.call(method, f"matchmaking/{asks}/", "" if method == "GET" else {}, token=one.token).json()

    assert (answer["status"], answer["waiting_time"]) == ("waiting", 50)
    assert status(api, other)["status"] == "not_in_queue"


@pytest.mark.parametrize("call", ["accept", "decline"])
def test_an_answer_that_comes_late_counts_as_none(api: Api, call: str) -> None:
    one, other, match_id = asked_pair(api)
    accept(api, match_id, one)
    api.clock.advance(seconds=SECONDS)

    api.post(f"matches/{match_id}/{call}/", token=other.token, expect=409 if call == "accept" else 200)

    assert [status(api, player)["status"] for player in (one, other)] == ["waiting", "not_in_queue"]


def test_the_time_begins_when_history_has_the_match(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = api.player(), api.player()
    for player in (one, other):
        api.post("matchmaking/join/", token=player.token)
    monkeypatch.setattr("matchmaking.services.find_matches.record_and_announce", lambda **_: [])
    api.round()
    api.clock.advance(seconds=2 * SECONDS)
    assert status(api, one)["status"] == "waiting"

    history_tasks.persist_matches()

    assert status(api, one)["match"]["acceptance"]["seconds_left"] == SECONDS


def test_opponents_of_a_match_that_fell_are_no_recent_opponents(api: Api) -> None:
    from matchmaking.history import recent_opponents  # noqa: PLC0415

    one, other, match_id = asked_pair(api)
    decline(api, match_id, other)

    assert recent_opponents("ranked", [one.id, other.id], last=5) == {}


# --- servers -------------------------------------------------------------------------------------------------


def test_when_its_server_is_gone_nobody_has_done_wrong_and_all_wait_again(api: Api) -> None:
    server = api.server(capacity=1)
    one, other, match_id = asked_pair(api)
    accept(api, match_id, one)

    assert api.call("DELETE", "servers/eu-1/", token=server).status_code == 204

    assert [status(api, player)["status"] for player in (one, other)] == ["waiting"] * 2
    assert MatchRecord.objects.get(id=match_id).status == "abandoned"


def test_a_server_that_registers_again_keeps_the_seat_and_is_told_later(api: Api) -> None:
    api.server(capacity=1)
    one, other, match_id = asked_pair(api)
    body = {"id": "eu-1", "host": "10.0.0.1", "port": 7777, "region": "eu", "capacity": 1, "matches": []}
    again = api.post("servers/register/", body, fleet=True, expect=201)
    assert (again["matches"], seats_taken()) == ([], 1)

    for player in (one, other):
        accept(api, match_id, player)

    assert [match["id"] for match in heartbeat(api, again["token"])["new_matches"]] == [match_id]


# --- crashes between history and Redis -----------------------------------------------------------------------


def unreachable(*_: Any, **__: Any) -> None:
    raise StoreUnavailable("redis", "for this test")


@pytest.mark.parametrize("heals", ["sweep", "status", "again"])
def test_a_crash_after_the_last_accept_is_made_good(api: Api, monkeypatch: pytest.MonkeyPatch, heals: str) -> None:
    server = api.server(capacity=1)
    one, other, match_id = asked_pair(api)
    accept(api, match_id, one)
    with monkeypatch.context() as broken:
        broken.setattr(RedisTicketStore, "confirm", unreachable)
        assert accept(api, match_id, other)["status"] == "created"
    assert heartbeat(api, server)["matches"] == []

    if heals == "sweep":
        reaping.settle_unanswered_matches()
    elif heals == "again":
        accept(api, match_id, one)
    else:
        assert status(api, one)["match"]["status"] == "created"

    assert [match["id"] for match in heartbeat(api, server)["new_matches"]] == [match_id]


@pytest.mark.parametrize("heals", ["sweep", "slow sweep", "status", "again"])
def test_a_crash_after_a_decline_is_made_good(api: Api, monkeypatch: pytest.MonkeyPatch, heals: str) -> None:
    api.server(capacity=1)
    one, other, match_id = asked_pair(api)
    with monkeypatch.context() as broken:
        broken.setattr(RedisTicketStore, "call_off", unreachable)
        assert decline(api, match_id, other)["status"] == "abandoned"
    assert seats_taken() == 1

    if heals == "sweep":
        reaping.settle_unanswered_matches()
        assert seats_taken() == 1  # whoever has ended it may be about to free it
        api.clock.advance(seconds=2.001)
        reaping.settle_unanswered_matches()
    elif heals == "slow sweep":
        api.clock.advance(seconds=10)
        reaping.settle_overdue_matches()
    elif heals == "again":
        decline(api, match_id, other)
    else:
        assert status(api, one)["status"] == "waiting"

    assert (status(api, one)["status"], status(api, other)["status"], seats_taken()) == ("waiting", "not_in_queue", 0)


def test_a_store_that_says_what_history_knows_better_is_told_again(api: Api) -> None:
    one, other, match_id = asked_pair(api)
    for player in (one, other):
        accept(api, match_id, player)
    client, matches = wiring.redis_client(), wiring.keys().matches
    row = str(client.hget(matches, match_id))
    assert row.startswith("created ")
    client.hset(matches, match_id, row.replace("created ", "pending_acceptance 20000 ", 1))

    assert status(api, one)["match"]["status"] == "created"


def test_a_ticket_that_was_put_back_and_left_before_its_match_is_released_stays_left(
    api: Api, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = api.player(), api.player()
    ticket = api.post("matchmaking/join/", token=one.token)["ticket"]
    api.post("matchmaking/join/", token=other.token)
    (match,) = api.round()
    outage.begin()
    status(api, one)
    with monkeypatch.context() as broken:
        broken.setattr(PostgresTicketStore, "call_off", unreachable)
        decline(api, match.id, other)
    assert with_ticket(api, "GET", "status", one, ticket).json()["status"] == "waiting"
    assert api.post("matchmaking/leave/", token=one.token) == {"status": "left"}

    api.clock.advance(seconds=10)
    reaping.settle_overdue_matches()

    assert MatchRecord.objects.get(id=match.id).released_at is not None
    assert status(api, one)["status"] == "not_in_queue"


def test_while_postgresql_is_away_the_word_of_redis_stands(api: Api) -> None:
    one, _, match_id = asked_pair(api)

    def no_answer(*_: Any) -> None:
        raise OperationalError("no answer")

    with connection.execute_wrapper(no_answer):
        told = status(api, one)

    assert (told["status"], told["match"]["id"], told["match"]["status"]) == ("matched", match_id, "pending_acceptance")
    assert "acceptance" not in told["match"]
    assert status(api, one)["match"]["acceptance"]["accepted"] == 0


# --- Redis lost or away --------------------------------------------------------------------------------------


def wipe_redis(api: Api, settings: Any) -> None:
    client = wiring.redis_client()
    for key in client.scan_iter(match=settings.REDIS_KEY_PREFIX + "*", count=1000):
        client.delete(key)


def test_a_redis_that_is_wiped_meanwhile_gets_match_and_tickets_back_from_history(api: Api, settings: Any) -> None:
    api.server(capacity=1)
    one, other = api.player(), api.player()
    api.post("matchmaking/join/", {"queues": ["ranked", "casual"]}, token=one.token)
    api.post("matchmaking/join/", token=other.token)
    (match,) = api.round()
    accept(api, match.id, one)
    wipe_redis(api, settings)
    watch.charge_of_a_whole_redis()

    told = status(api, one)
    assert (told["match"]["status"], told["match"]["acceptance"]["accepted"]) == ("pending_acceptance", 1)
    assert seats_taken() == 1
    decline(api, match.id, other)

    told = status(api, one)
    assert (told["status"], told["queues"]) == ("waiting", ["ranked", "casual"])
    assert seats_taken() == 0


def test_a_ticket_that_waits_again_and_is_lost_is_put_back(api: Api, settings: Any) -> None:
    one, other = api.player(), api.player()
    ticket = api.post("matchmaking/join/", token=one.token)["ticket"]
    api.post("matchmaking/join/", token=other.token)
    (match,) = api.round()
    decline(api, match.id, other)
    wipe_redis(api, settings)
    watch.charge_of_a_whole_redis()

    assert with_ticket(api, "GET", "status", one, ticket).json()["status"] == "waiting"


def test_a_ticket_that_waits_again_waits_on_after_a_recovery(api: Api) -> None:
    one, other, match_id = asked_pair(api)
    decline(api, match_id, other)
    wiring.redis_client().delete(wiring.keys().incarnation)

    watch.charge_of_a_whole_redis()

    assert status(api, one)["status"] == "waiting"
    assert wiring.redis_tickets().snapshot("ranked").player_ids == [one.id]


def test_a_ticket_that_fell_with_its_match_is_not_put_back(api: Api, settings: Any) -> None:
    one, other = api.player(), api.player()
    ticket = api.post("matchmaking/join/", token=one.token)["ticket"]
    api.post("matchmaking/join/", token=other.token)
    (match,) = api.round()
    decline(api, match.id, one)
    wipe_redis(api, settings)
    watch.charge_of_a_whole_redis()

    told = with_ticket(api, "GET", "status", one, ticket).json()
    assert (told["status"], told["last_match"]["status"]) == ("not_in_queue", "abandoned")


def test_while_redis_is_away_players_decide_and_who_waits_again_comes_home(api: Api, outage: Outage) -> None:
    one, other, match_id = asked_pair(api)
    accept(api, match_id, one)
    outage.begin()

    assert status(api, one)["match"]["status"] == "pending_acceptance"
    assert read_charge().is_fallen_back
    decline(api, match_id, other)
    told = status(api, one)
    assert (told["status"], told["waiting_time"]) == ("waiting", 30)
    assert status(api, other)["status"] == "not_in_queue"

    outage.end()
    assert watch.go_home()
    told = status(api, one)
    assert (told["status"], told["waiting_time"], told["queue_size"]) == ("waiting", 30, 1)
    assert status(api, other)["last_match"] == {"id": match_id, "status": "abandoned"}


def test_a_match_that_is_accepted_while_redis_is_away_is_created_in_redis_afterwards(api: Api, outage: Outage) -> None:
    one, other, match_id = asked_pair(api)
    outage.begin()
    status(api, one)

    for player in (one, other):
        accept(api, match_id, player)
    assert status(api, one)["match"]["status"] == "created"
    outage.end()
    assert watch.go_home()

    assert [one.status for one in wiring.redis_tickets().find_matches([match_id])] == ["created"]  # type: ignore[list-item]


def test_a_match_of_the_stand_in_asks_too_and_falls_there_or_at_home(api: Api, outage: Outage) -> None:
    players = [api.player() for _ in range(4)]
    outage.begin()
    for player in players:
        api.post("matchmaking/join/", token=player.token)
        api.clock.advance(seconds=1)
    store, rules = wiring.stand_in_tickets(), wiring.queue_rules("ranked")
    run_round(store=store, rules=rules, charge=None, now_ms=api.clock(), new_id=wiring.new_id)
    told = {player.id: status(api, player) for player in players}
    assert {one["match"]["acceptance"]["of"] for one in told.values()} == {2}
    away, at_home = players[0], players[2]
    pairs = [
        [p for p in players if told[p.id]["match"]["id"] == told[one.id]["match"]["id"]] for one in (away, at_home)
    ]
    if pairs[0] == pairs[1]:
        pairs[1] = [player for player in players if player not in pairs[0]]

    decline(api, told[pairs[0][0].id]["match"]["id"], pairs[0][0])
    assert [status(api, player)["status"] for player in pairs[0]] == ["not_in_queue", "waiting"]
    outage.end()
    assert watch.go_home()
    assert [status(api, player)["status"] for player in pairs[0]] == ["not_in_queue", "waiting"]
    decline(api, told[pairs[1][0].id]["match"]["id"], pairs[1][0])

    assert [status(api, player)["status"] for player in pairs[1]] == ["not_in_queue", "waiting"]


def test_time_runs_out_while_redis_is_away_without_celery(api: Api, outage: Outage) -> None:
    one, other, match_id = asked_pair(api)
    accept(api, match_id, one)
    outage.begin()
    status(api, one)
    api.clock.advance(seconds=SECONDS)

    watch._reap()

    assert MatchRecord.objects.get(id=match_id).status == "abandoned"
    assert [status(api, player)["status"] for player in (one, other)] == ["waiting", "not_in_queue"]


# --- PostgreSQL's own queues ---------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["redis", "postgres"])
def test_a_match_of_the_queues_of_postgresql_falls_there(api: Api, settings: Any, backend: str) -> None:
    settings.MATCHMAKING_BACKEND = backend
    wiring.forget()
    wiring.redis_tickets().mark("whole")
    one, other = api.player(), api.player()
    door = "matchmaking/postgres/"
    for player in (one, other):
        api.post(f"{door}join/", {"queues": ["ranked", "casual"]}, token=player.token)
        api.clock.advance(seconds=2)
    rules = wiring.queue_rules("ranked")
    store = wiring.postgres_tickets()
    (match,) = run_round(store=store, rules=rules, charge=None, now_ms=api.clock(), new_id=wiring.new_id)
    told = status(api, one, door)
    assert (told["match"]["status"], told["match"]["acceptance"]["of"]) == ("pending_acceptance", 2)

    decline(api, match.id, other)

    told = status(api, one, door)
    assert (told["status"], told["queues"], told["waiting_time"]) == ("waiting", ["ranked", "casual"], 4)
    assert status(api, other, door)["last_match"]["status"] == "abandoned"
    assert wiring.redis_tickets().snapshot("ranked").player_ids == []
    assert api.get(f"{door}stats/")["queues"]["ranked"]["total_matches"] == 0
    api.post(f"{door}join/", token=other.token)
    (again,) = run_round(
        store=wiring.postgres_tickets(),
        rules=replace(rules, placement=Placement.NONE),
        charge=None,
        now_ms=api.clock(),
        new_id=wiring.new_id,
    )
    for player in (one, other):
        accept(api, again.id, player)
    assert status(api, one, door)["match"]["status"] == "created"
