"""Parties over HTTP: make, invite, join, leave, kick, hand over; who may, and what is refused by which name."""

import uuid
from typing import Any

import pytest

from parties.models import Party, PartyInvite, PartyMember
from parties.services import invite_player as inviting
from players.models import Player
from tasks import reaping
from tests.integration.conftest import Account, Api

NOBODY = str(uuid.UUID(int=7))


def a_party(api: Api, *guests: Account, leader: Account | None = None) -> tuple[Account, dict[str, Any]]:
    """A party that the guests have joined by its code, in their order; and its leader."""
    leader = leader or api.player()
    party = api.post("parties/", token=leader.token, expect=201)
    for guest in guests:
        party = api.post("parties/join/", {"code": party["code"]}, token=guest.token)
    return leader, party


def names(party: dict[str, Any]) -> list[str]:
    return [member["username"] for member in party["members"]]


def test_a_new_party_is_its_maker_and_a_code(api: Api) -> None:
    player = api.player("alice")

    party = api.post("parties/", token=player.token, expect=201)

    assert (party["leader"], party["max_size"], party["invited"]) == (player.id, 10, [])
    assert [(member["id"], member["username"]) for member in party["members"]] == [(player.id, "alice")]
    assert len(party["code"]) == 8
    assert api.get("parties/mine/", token=player.token) == party


def test_making_a_party_again_answers_the_one_there_is(api: Api) -> None:
    guest = api.player()
    leader, party = a_party(api, guest)

    assert api.post("parties/", token=leader.token) == api.post("parties/", token=guest.token) == party
    assert Party.objects.count() == 1


def test_whoever_has_the_code_joins_whatever_its_case(api: Api) -> None:
    guest = api.player("bob")
    leader, party = a_party(api)

    joined = api.post("parties/join/", {"code": party["code"].lower()}, token=guest.token)

    assert names(joined) == [leader.username, "bob"]
    assert api.get("parties/mine/", token=leader.token) == joined
    assert api.post("parties/join/", {"code": party["code"]}, token=guest.token) == joined


def test_an_invite_lets_its_player_in_once(api: Api) -> None:
    guest = api.player("bob")
    leader, party = a_party(api)
    invites = f"parties/{party['id']}/invites/"

    invite = api.post(invites, {"username": "bob"}, token=leader.token, expect=201)

    assert (invite["party"], invite["player"]["id"], invite["by"]["id"]) == (party["id"], guest.id, leader.id)
    assert api.get("parties/invites/", token=guest.token) == {"invites": [invite]}
    assert [one["username"] for one in api.get("parties/mine/", token=leader.token)["invited"]] == ["bob"]
    joined = api.post(f"parties/{party['id']}/join/", token=guest.token)
    assert (names(joined), joined["invited"]) == ([leader.username, "bob"], [])
    assert api.get("parties/invites/", token=guest.token) == {"invites": []}
    api.post(f"parties/{party['id']}/leave/", token=guest.token)
    api.post(f"parties/{party['id']}/join/", token=guest.token, expect=404)


def test_inviting_again_lengthens_the_invite_and_time_ends_it(api: Api) -> None:
    guest = api.player()
    leader, party = a_party(api)
    invites, join = f"parties/{party['id']}/invites/", f"parties/{party['id']}/join/"
    api.post(invites, {"player": guest.id}, token=leader.token, expect=201)
    api.clock.advance(seconds=500)
    api.post(invites, {"player": guest.id}, token=leader.token)
    api.clock.advance(seconds=500)
    assert len(api.get("parties/invites/", token=guest.token)["invites"]) == 1

    api.clock.advance(seconds=100)

    assert api.get("parties/invites/", token=guest.token) == {"invites": []}
    assert api.get("parties/mine/", token=leader.token)["invited"] == []
    api.post(join, token=guest.token, expect=404)
    reaping.expire_parties()
    assert not PartyInvite.objects.exists()


def test_a_player_is_in_one_party_at_a_time(api: Api) -> None:
    guest = api.player()
    _, first = a_party(api, guest)
    leader, second = a_party(api)
    api.post(f"parties/{second['id']}/invites/", {"player": guest.id}, token=leader.token, expect=201)

    for path, body in (("parties/join/", {"code": second["code"]}), (f"parties/{second['id']}/join/", {})):
        assert api.post(path, body, token=guest.token, expect=409)["party"] == first["id"]

    api.post(f"parties/{first['id']}/leave/", token=guest.token)
    assert names(api.post(f"parties/{second['id']}/join/", token=guest.token)) == [leader.username, guest.username]


def test_a_full_party_takes_nobody(api: Api, settings: Any) -> None:
    settings.PARTY_MAX_SIZE = 2
    leader, party = a_party(api, api.player())
    late = api.player()
    api.post(f"parties/{party['id']}/invites/", {"player": late.id}, token=leader.token, expect=201)

    for path, body in (("parties/join/", {"code": party["code"]}), (f"parties/{party['id']}/join/", {})):
        assert api.post(path, body, token=late.token, expect=409)["max_size"] == 2
    assert len(api.get("parties/mine/", token=leader.token)["members"]) == 2


def test_the_longest_member_leads_when_the_leader_leaves_and_the_last_one_ends_it(api: Api) -> None:
    # The one who came first has the larger name and, in most runs, no smaller id: only the order of joining decides.
    zoe, adam = api.player("zoe"), api.player("adam")
    leader, party = a_party(api, zoe, adam)
    leave = f"parties/{party['id']}/leave/"

    assert api.post(leave, token=leader.token) == {"status": "left"}

    left = api.get("parties/mine/", token=adam.token)
    assert (left["leader"], names(left)) == (zoe.id, ["zoe", "adam"])
    api.get("parties/mine/", token=leader.token, expect=404)
    api.post(leave, token=leader.token, expect=404)
    api.post(leave, token=adam.token)
    assert api.get("parties/mine/", token=zoe.token)["leader"] == zoe.id
    api.post(leave, token=zoe.token)
    assert not Party.objects.exists() and not PartyMember.objects.exists()
    api.post("parties/join/", {"code": party["code"]}, token=adam.token, expect=404)


def test_a_member_who_is_kicked_does_not_come_in_again_by_the_old_code_or_invite(api: Api) -> None:
    rude, nice = api.player("rude"), api.player("nice")
    leader, party = a_party(api, rude, nice)

    kicked = api.post(f"parties/{party['id']}/kick/", {"player": rude.id}, token=leader.token)

    assert names(kicked) == [leader.username, "nice"]
    assert kicked["code"] != party["code"]
    api.get("parties/mine/", token=rude.token, expect=404)
    assert api.post("parties/join/", {"code": party["code"]}, token=rude.token, expect=404)["field"] == "code"
    api.post(f"parties/{party['id']}/join/", token=rude.token, expect=404)
    again = api.post(f"parties/{party['id']}/kick/", {"player": rude.id}, token=leader.token, expect=404)
    assert again["field"] == "player"
    assert api.get("parties/mine/", token=nice.token)["code"] == kicked["code"]


def test_the_leader_hands_over_to_a_member_and_to_nobody_else(api: Api) -> None:
    guest, stranger = api.player(), api.player()
    leader, party = a_party(api, guest)
    lead = f"parties/{party['id']}/lead/"

    assert api.post(lead, {"player": stranger.id}, token=leader.token, expect=404)["field"] == "player"
    assert api.post(lead, {"player": guest.id}, token=leader.token)["leader"] == guest.id
    api.post(lead, {"player": leader.id}, token=leader.token, expect=403)


@pytest.mark.parametrize("call", ["invites", "kick", "lead"])
def test_what_is_the_leaders_is_refused_to_a_member_and_does_not_exist_for_a_stranger(api: Api, call: str) -> None:
    member, stranger = api.player(), api.player()
    leader, party = a_party(api, member)
    path, body = f"parties/{party['id']}/{call}/", {"player": leader.id}

    assert api.post(path, body, token=member.token, expect=403)["leader"] == leader.id
    hidden = api.post(path, body, token=stranger.token, expect=404)
    assert hidden == api.post(f"parties/{NOBODY}/{call}/", body, token=stranger.token, expect=404)
    assert api.get("parties/mine/", token=leader.token) == party


@pytest.mark.parametrize("call", ["join", "leave"])
def test_a_stranger_does_not_learn_whether_there_is_a_party(api: Api, call: str) -> None:
    _, party = a_party(api)
    stranger = api.player()

    answers = [api.post(f"parties/{one}/{call}/", token=stranger.token, expect=404) for one in (party["id"], NOBODY)]

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("parties/join/", {}, 400, "code"),
        ("parties/join/", {"code": "ß" * 8}, 400, "code"),
        ("parties/join/", {"code": 5, "x": 1}, 400, "x"),
        ("parties/join/", {"code": "22222222"}, 404, "code"),
        ("parties/{}/invites/", {}, 400, "player"),
        ("parties/{}/invites/", {"player": NOBODY, "username": "bob"}, 400, "player"),
        ("parties/{}/invites/", {"player": "bob"}, 400, "player"),
        ("parties/{}/invites/", {"player": NOBODY}, 404, "player"),
        ("parties/{}/invites/", {"username": "nobody"}, 404, "username"),
        ("parties/{}/invites/", {"username": "a\u0000b"}, 400, "username"),
        ("parties/{}/invites/", {"username": "leader"}, 400, "username"),
        ("parties/{}/invites/", {"username": "member"}, 409, "username"),
        ("parties/{}/kick/", {}, 400, "player"),
        ("parties/{}/kick/", {"player": None}, 400, "player"),
        ("parties/{}/kick/", {"player": NOBODY}, 404, "player"),
        ("parties/{}/lead/", {"player": [NOBODY]}, 400, "player"),
    ],
)
def test_bad_input_names_the_field(api: Api, path: str, body: Any, status: int, field: str) -> None:
    leader, party = a_party(api, api.player("member"), leader=api.player("leader"))

    assert api.post(path.format(party["id"]), body, token=leader.token, expect=status)["field"] == field


def test_a_leader_who_kicks_himself_is_told_to_leave(api: Api) -> None:
    leader, party = a_party(api)

    answer = api.post(f"parties/{party['id']}/kick/", {"player": leader.id}, token=leader.token, expect=400)

    assert (answer["field"], "leave" in answer["detail"]) == ("player", True)


def test_a_party_has_so_many_open_invites_and_no_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inviting, "MOST_INVITES", 2)
    leader, party = a_party(api)
    guests = [api.player() for _ in range(3)]
    invites = f"parties/{party['id']}/invites/"
    for guest in guests[:2]:
        api.post(invites, {"player": guest.id}, token=leader.token, expect=201)

    api.post(invites, {"player": guests[2].id}, token=leader.token, expect=409)
    api.post(invites, {"player": guests[0].id}, token=leader.token)
    api.clock.advance(seconds=600)
    api.post(invites, {"player": guests[2].id}, token=leader.token, expect=201)
    assert PartyInvite.objects.count() == 1


def test_a_party_that_nobody_touches_is_gone_after_a_day(api: Api) -> None:
    _, idle = a_party(api, api.player())
    _, kept = a_party(api)
    api.clock.advance(seconds=86_000)
    api.post("parties/join/", {"code": kept["code"]}, token=api.player().token)
    api.clock.advance(seconds=400)

    reaping.expire_parties()

    assert [str(party.id) for party in Party.objects.all()] == [kept["id"]]
    assert PartyMember.objects.count() == 2
    api.post("parties/join/", {"code": idle["code"]}, token=api.player().token, expect=404)


def test_an_account_that_is_gone_makes_and_joins_no_party(api: Api) -> None:
    _, party = a_party(api)
    ghost = api.player()
    Player.objects.filter(id=ghost.id).delete()

    for path, body in (("parties/", {}), ("parties/join/", {"code": party["code"]})):
        assert "account" in api.post(path, body, token=ghost.token, expect=403)["detail"]


def test_a_leave_that_is_sent_again_with_its_key_answers_the_same(api: Api) -> None:
    leader, party = a_party(api)
    headers = {"Authorization": f"Bearer {leader.token}", "Idempotency-Key": "leave-1"}
    path = f"/api/parties/{party['id']}/leave/"

    answers = [api.client.post(path, "", content_type="application/json", headers=headers) for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b'{"status":"left"}')] * 2
    assert answers[1]["Idempotency-Replayed"] == "true"


def test_the_admin_shows_parties_and_not_their_codes(api: Api, django_user_model: Any) -> None:
    leader, party = a_party(api, api.player("guest"))
    api.post(f"parties/{party['id']}/invites/", {"player": api.player("late").id}, token=leader.token, expect=201)
    api.client.force_login(django_user_model.objects.create_superuser("boss"))

    shown = [api.client.get(f"/admin/parties/party/{page}") for page in ("", f"{party['id']}/change/", "?q=guest")]

    assert [response.status_code for response in shown] == [200, 200, 200]
    assert all(party["id"] in response.content.decode() for response in shown)
    assert all(party["code"] not in response.content.decode() for response in shown)
    assert all(name in shown[1].content.decode() for name in ("guest", "late"))
