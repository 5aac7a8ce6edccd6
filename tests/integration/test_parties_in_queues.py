"""Parties in queues over HTTP: the leader queues all, who leaves takes the ticket out, who is busy is named."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from caroud import wiring
from matchmaking.engine.demands import MatchFormat, PartyRule
from matchmaking.match import PlayerId
from matchmaking.rules import Rules
from matchmaking.services import join_as_party as joining
from matchmaking.ticket import Waiting
from parties.services.leave_party import leave_party
from tasks import reaping
from tests.integration.conftest import Account, Api
from tests.integration.test_parties import a_party
from tests.threads import at_once

#: The queues of Redis and those of PostgreSQL beside it.
in_both_stores = pytest.mark.parametrize("door", ["matchmaking/", "matchmaking/postgres/"])


@pytest.fixture(autouse=True)
def squads(settings: Any) -> None:
    """`squads`: three a team, parties of up to three."""
    ranked = settings.RULES.queues["ranked"]
    trio = replace(
        ranked,
        name="squads",
        format=MatchFormat(teams=2, team_size=3),
        party=PartyRule(max_size=3),
        initial_rating=1300,
    )
    settings.RULES = Rules(default_queue="ranked", queues={**settings.RULES.queues, "squads": trio})


def queue_up(api: Api, leader: Account, party: Any, *, door: str = "matchmaking/", expect: int = 200) -> Any:
    return api.post(f"{door}join/", {"queue": "squads", "party": party["id"]}, token=leader.token, expect=expect)


def statuses(api: Api, *players: Account, door: str = "matchmaking/") -> list[str]:
    return [api.get(f"{door}status/", token=player.token)["status"] for player in players]


def a_waiting_party(api: Api, *, door: str = "matchmaking/") -> tuple[list[Account], Any]:
    """Three players, the leader first, whose party waits in `squads`."""
    guests = [api.player() for _ in range(2)]
    leader, party = a_party(api, *guests)
    assert queue_up(api, leader, party, door=door)["status"] == "waiting"
    return [leader, *guests], party


@in_both_stores
def test_the_leader_queues_all_and_whoever_leaves_takes_the_ticket_out(api: Api, door: str) -> None:
    guests = [api.player() for _ in range(2)]
    leader, party = a_party(api, *guests)
    players = [leader, *guests]

    joined = queue_up(api, leader, party, door=door)

    assert (joined["status"], joined["queue"], joined["your_elo"], joined["queue_size"]) == (
        "waiting",
        "squads",
        1300,
        3,
    )
    assert joined["party"] == {"id": party["id"], "members": sorted(player.id for player in players)}
    for player in players:
        told = api.get(f"{door}status/", token=player.token)
        assert (told["status"], told["party"]) == ("waiting", joined["party"])
    assert api.post(f"{door}leave/", token=guests[1].token) == {"status": "left"}
    assert statuses(api, *players, door=door) == ["not_in_queue"] * 3
    assert len(api.get("parties/mine/", token=leader.token)["members"]) == 3
    assert queue_up(api, leader, party, door=door)["status"] == "waiting"


def test_a_ticket_that_a_member_has_left_is_not_put_back_by_the_tickets_of_the_others(api: Api) -> None:
    players, _ = a_waiting_party(api)
    signed = [api.get("matchmaking/status/", token=player.token)["ticket"] for player in players]
    api.post("matchmaking/leave/", token=players[2].token)

    for player, ticket in zip(players, signed, strict=True):
        headers = {"Authorization": f"Bearer {player.token}", "X-Matchmaking-Ticket": ticket}
        assert api.client.get("/api/matchmaking/status/", headers=headers).json() == {"status": "not_in_queue"}


def test_a_party_whose_ticket_was_lost_waits_again_where_its_members_show_it(api: Api) -> None:
    players, party = a_waiting_party(api)
    signed = [api.get("matchmaking/status/", token=player.token)["ticket"] for player in players]
    client = wiring.redis_client()
    for key in list(client.scan_iter(match=wiring.keys().prefix + "*", count=1000)):
        client.delete(key)
    wiring.redis_tickets().mark("whole")
    api.clock.advance(seconds=7)

    def shown(player: Account, ticket: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {player.token}", "X-Matchmaking-Ticket": ticket}
        call = api.client.post if path == "join/" else api.client.get
        return call(f"/api/matchmaking/{path}", body, content_type="application/json", headers=headers).json()

    again = shown(players[0], signed[0], "join/", {"queue": "squads", "party": party["id"]})
    assert (again["status"], again["waiting_time"]) == ("waiting", 7)
    for player, ticket in zip(players[1:], signed[1:], strict=True):
        assert shown(player, ticket, "status/")["party"]["id"] == party["id"]
    assert sorted(wiring.redis_tickets().snapshot("squads").player_ids) == sorted(player.id for player in players)


def test_queueing_again_answers_the_same_ticket_whoever_leads_by_then(api: Api) -> None:
    players, party = a_waiting_party(api)
    api.clock.advance(seconds=5)
    assert queue_up(api, players[0], party)["waiting_time"] == 5

    api.post(f"parties/{party['id']}/lead/", {"player": players[2].id}, token=players[0].token)

    again = queue_up(api, players[2], party)
    assert (again["waiting_time"], again["party"]["id"]) == (5, party["id"])
    queue_up(api, players[0], party, expect=403)


@in_both_stores
@pytest.mark.parametrize("who", [0, 2])
def test_who_leaves_the_party_takes_the_ticket_out(api: Api, door: str, who: int) -> None:
    players, party = a_waiting_party(api, door=door)

    api.post(f"parties/{party['id']}/leave/", token=players[who].token)

    assert statuses(api, *players, door=door) == ["not_in_queue"] * 3


@in_both_stores
def test_who_is_kicked_takes_the_ticket_out(api: Api, door: str) -> None:
    players, party = a_waiting_party(api, door=door)

    api.post(f"parties/{party['id']}/kick/", {"player": players[1].id}, token=players[0].token)

    assert statuses(api, *players, door=door) == ["not_in_queue"] * 3


def test_who_leaves_the_party_keeps_a_ticket_of_his_own(api: Api) -> None:
    loner = api.player()
    _, party = a_party(api, loner)
    solo = api.post("matchmaking/join/", token=loner.token)

    api.post(f"parties/{party['id']}/leave/", token=loner.token)

    assert "party" not in solo
    assert statuses(api, loner) == ["waiting"]


def test_a_leave_that_broke_off_before_the_ticket_was_taken_out_can_be_sent_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    players, party = a_waiting_party(api)
    leave_party_of = partial(leave_party, party_id=party["id"], player_id=players[1].id, now_ms=api.clock())

    def break_off(*_: str) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        leave_party_of(take_ticket_out=break_off)
    assert statuses(api, *players) == ["waiting"] * 3

    api.post(f"parties/{party['id']}/leave/", token=players[1].token, expect=404)

    assert statuses(api, *players) == ["not_in_queue"] * 3


def test_a_match_that_was_found_stands_when_a_member_leaves_the_party(api: Api) -> None:
    duellist = api.player()
    _, party = a_party(api, duellist)
    for player in (duellist, api.player()):
        api.post("matchmaking/join/", token=player.token)
    api.round()

    assert api.post(f"parties/{party['id']}/leave/", token=duellist.token) == {"status": "left"}
    assert statuses(api, duellist) == ["matched"]


@in_both_stores
def test_a_member_who_waits_already_is_named_and_nobody_joins(api: Api, door: str) -> None:
    guests = [api.player("bob"), api.player("carol")]
    leader, party = a_party(api, *guests)
    api.post(f"{door}join/", {"queue": "casual"}, token=guests[1].token)

    answer = queue_up(api, leader, party, door=door, expect=409)

    assert (answer["field"], answer["username"], answer["player"]) == ("party", "carol", guests[1].id)
    assert answer["queues"] == ["casual"]
    assert statuses(api, leader, *guests, door=door) == ["not_in_queue", "not_in_queue", "waiting"]


def test_a_member_in_a_match_is_named_and_the_leader_in_one_is_told_of_it(api: Api) -> None:
    one, other, match_id = api.matched_pair()
    leader, party = a_party(api, one)
    _, led = a_party(api, api.player(), leader=other)

    busy = queue_up(api, leader, party, expect=409)

    assert (busy["field"], busy["username"]) == ("party", one.username)
    assert "match" not in busy
    assert queue_up(api, other, led)["match"]["id"] == match_id
    assert statuses(api, leader) == ["not_in_queue"]


def test_a_party_that_is_larger_than_the_queue_takes_stays_outside(api: Api) -> None:
    leader, party = a_party(api, *(api.player() for _ in range(3)))

    for queue, most in (("squads", 3), ("ranked", 1)):
        answer = api.post("matchmaking/join/", {"queue": queue, "party": party["id"]}, token=leader.token, expect=409)
        assert (answer["field"], answer["queue"], answer["max_size"]) == ("party", queue, most)
    queues = {"queues": ["squads", "casual"], "party": party["id"]}
    assert api.post("matchmaking/join/", queues, token=leader.token, expect=409)["queue"] == "squads"
    assert statuses(api, leader) == ["not_in_queue"]


def test_only_the_leader_queues_and_a_strangers_party_is_not_there(api: Api) -> None:
    guest, stranger = api.player(), api.player()
    leader, party = a_party(api, guest)

    assert queue_up(api, guest, party, expect=403)["leader"] == leader.id
    assert queue_up(api, stranger, party, expect=404)["field"] == "party"
    for value in ("nonsense", 5, [party["id"]], {}, True, ""):
        body = {"queue": "squads", "party": value}
        assert api.post("matchmaking/join/", body, token=leader.token, expect=400)["field"] == "party"
    assert statuses(api, leader, guest, stranger) == ["not_in_queue"] * 3


def test_each_member_brings_his_own_rating_and_the_leaders_region(api: Api, django_user_model: Any) -> None:
    guest = api.player()
    django_user_model.objects.get(id=guest.id).ratings.create(queue="squads", rating=1712.0)
    leader, party = a_party(api, guest)
    body = {"queue": "squads", "party": party["id"], "region": "eu", "latencies": {"eu": 40}}

    api.post("matchmaking/join/", body, token=leader.token)

    tickets = wiring.redis_tickets().snapshot("squads")
    rows = {player: row for row, player in enumerate(tickets.player_ids)}
    assert [tickets.ratings[rows[player.id]] for player in (leader, guest)] == [1300.0, 1712.0]
    told = [wiring.redis_tickets().status(PlayerId(player.id), api.clock()) for player in (leader, guest)]
    assert [waiting.region for waiting in told if isinstance(waiting, Waiting)] == ["eu", "eu"]
    assert ["eu:40" in tickets.traits[rows[player.id]] for player in (leader, guest)] == [True, False]
    assert api.get("matchmaking/status/", token=guest.token)["your_elo"] == 1712


def test_a_party_of_one_waits_in_any_queue(api: Api) -> None:
    leader, party = a_party(api)

    joined = api.post("matchmaking/join/", {"party": party["id"]}, token=leader.token)

    assert (joined["queue"], joined["party"]["members"]) == ("ranked", [leader.id])


def test_queueing_keeps_a_party_alive(api: Api) -> None:
    players, party = a_waiting_party(api)
    api.post("matchmaking/leave/", token=players[0].token)
    api.clock.advance(seconds=86_000)
    queue_up(api, players[0], party)
    api.clock.advance(seconds=1_000)

    reaping.expire_parties()

    assert api.get("parties/mine/", token=players[0].token)["id"] == party["id"]


def test_a_member_who_leaves_the_party_while_the_leader_queues_it_does_not_wait(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one order that a leave alone cannot mend: it looks for the ticket before there is one."""
    guests = [api.player() for _ in range(2)]
    leader, party = a_party(api, *guests)
    read = joining.party_to_queue

    def read_then_one_leaves(**asked: Any) -> Any:
        found = read(**asked)
        api.post(f"parties/{party['id']}/leave/", token=guests[0].token)
        return found

    monkeypatch.setattr(joining, "party_to_queue", read_then_one_leaves)

    answer = queue_up(api, leader, party, expect=409)

    assert answer["field"] == "party" and guests[0].username in answer["detail"]
    assert statuses(api, leader, *guests) == ["not_in_queue"] * 3


@pytest.mark.django_db(transaction=True)
def test_leaving_and_queueing_at_once_leaves_no_ticket_with_one_who_left(transactional_db: None, api: Api) -> None:
    for _ in range(10):
        guest = api.player()
        leader, party = a_party(api, guest)

        def queue(leader: Account = leader, party: Any = party) -> int:
            body = {"queue": "squads", "party": party["id"]}
            return api.call("POST", "matchmaking/join/", body, token=leader.token).status_code

        def leave(guest: Account = guest, party: Any = party) -> int:
            return api.call("POST", f"parties/{party['id']}/leave/", token=guest.token).status_code

        queued, left = at_once(queue, leave)

        assert left == 200
        assert queued in (200, 409)
        assert statuses(api, guest) == ["not_in_queue"]
        told = api.get("matchmaking/status/", token=leader.token)
        if told["status"] == "waiting":  # the leave came first: the party was the leader alone
            assert told["party"]["members"] == [leader.id]
        api.call("POST", "matchmaking/leave/", token=leader.token)
