"""Steps on one party at once, in real threads and real transactions; each test asserts what must hold whoever wins."""

import itertools
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from caroud import wiring
from errors import Conflict, NotAllowed, Refusal, Unknown
from parties.models import Party, PartyMember
from parties.party import PartyState, new_code
from parties.services.create_party import create_party
from parties.services.expire_parties import expire_parties
from parties.services.hand_over import hand_over
from parties.services.join_party import join_by_code
from parties.services.leave_party import kick_member, leave_party
from players.models import Player
from players.tokens import PlayerCaller
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

#: Races run so often: enough that both orders happen.
TURNS = 12
_numbers = itertools.count()


def a_player() -> PlayerCaller:
    account = Player.objects.create(username=f"racer-{next(_numbers)}-{uuid.uuid4().hex[:6]}")
    return PlayerCaller(str(account.id), account.username)


def make(player: PlayerCaller) -> PartyState:
    return create_party(player=player, new_code=new_code, now_ms=wiring.clock())[0]


def join(party: PartyState, player: PlayerCaller, *, max_size: int = 10) -> PartyState:
    return join_by_code(code=party.code, player=player, max_size=max_size, now_ms=wiring.clock())


def leave(party: PartyState, player: PlayerCaller) -> None:
    leave_party(party_id=party.id, player_id=player.id, take_ticket_out=lambda *_: None, now_ms=wiring.clock())


def kick(party: PartyState, leader: PlayerCaller, player: PlayerCaller) -> PartyState:
    return kick_member(
        party_id=party.id,
        leader_id=leader.id,
        player_id=player.id,
        take_ticket_out=lambda *_: None,
        new_code=new_code,
        now_ms=wiring.clock(),
    )


def outcome(call: Callable[[], Any]) -> type[Refusal] | str:
    """What became of a call: the refusal it met, or "done". Any other error stays one."""
    try:
        call()
    except Refusal as refusal:
        return type(refusal)
    return "done"


def outcomes(*calls: Callable[[], Any]) -> list[Any]:
    return at_once(*(partial(outcome, call) for call in calls))


def members(party: PartyState) -> set[str]:
    return {str(row) for row in PartyMember.objects.filter(party_id=party.id).values_list("player_id", flat=True)}


def test_the_last_place_goes_to_one_of_those_who_ask_at_once() -> None:
    for _ in range(TURNS):
        party, guests = make(a_player()), [a_player() for _ in range(4)]

        got = outcomes(*(partial(join, party, guest, max_size=2) for guest in guests))

        assert sorted(map(str, got)) == sorted(map(str, ["done", Conflict, Conflict, Conflict]))
        assert len(members(party)) == 2


def test_a_player_who_joins_two_parties_and_makes_one_at_once_is_in_one() -> None:
    for _ in range(TURNS):
        one, other, player = make(a_player()), make(a_player()), a_player()

        got = outcomes(partial(join, one, player), partial(join, other, player), partial(make, player))

        assert PartyMember.objects.filter(player_id=player.id).count() == 1
        assert set(got) <= {"done", Conflict}
        # Making one is never refused: it answers the party that the player is in.
        assert got[2] == "done" and got.count("done") <= 2


def test_two_leaders_never_wait_for_each_other_when_they_join_each_others_party() -> None:
    for _ in range(TURNS):
        leaders = a_player(), a_player()
        parties = [make(leader) for leader in leaders]

        got = outcomes(partial(join, parties[1], leaders[0]), partial(join, parties[0], leaders[1]))

        assert got == [Conflict, Conflict]


def test_a_leader_who_leaves_twice_at_once_leaves_once_and_another_member_leads() -> None:
    for _ in range(TURNS):
        leader, first, second = a_player(), a_player(), a_player()
        party = make(leader)
        join(party, first), join(party, second)

        got = outcomes(partial(leave, party, leader), partial(leave, party, leader))

        assert sorted(map(str, got)) == sorted(map(str, ["done", Unknown]))
        assert members(party) == {first.id, second.id}
        assert str(Party.objects.get(id=party.id).leader_id) == first.id


def test_a_party_that_all_leave_at_once_is_gone() -> None:
    for _ in range(TURNS):
        players = [a_player() for _ in range(4)]
        party = make(players[0])
        for player in players[1:]:
            join(party, player)

        assert outcomes(*(partial(leave, party, player) for player in players)) == ["done"] * 4

        assert not Party.objects.filter(id=party.id).exists()


def test_a_join_against_the_last_leave_is_in_a_party_that_exists_or_in_none() -> None:
    for _ in range(TURNS):
        leader, guest = a_player(), a_player()
        party = make(leader)

        left, joined = outcomes(partial(leave, party, leader), partial(join, party, guest))

        assert left == "done"
        assert joined in ("done", Unknown)
        assert members(party) == ({guest.id} if joined == "done" else set())
        assert [str(one.leader_id) for one in Party.objects.filter(id=party.id)] == [guest.id for _ in members(party)]


def test_who_joins_by_a_code_while_he_is_kicked_is_out_or_came_before_the_kick() -> None:
    for _ in range(TURNS):
        leader, rude = a_player(), a_player()
        party = make(leader)
        join(party, rude)

        kicked, again = outcomes(partial(kick, party, leader, rude), partial(join, party, rude))

        assert kicked == "done"
        assert again in ("done", Unknown)
        assert members(party) == {leader.id}


def test_the_leader_leaves_and_is_handed_the_lead_at_once_and_somebody_in_it_leads() -> None:
    for _ in range(TURNS):
        leader, guest = a_player(), a_player()
        party = make(leader)
        join(party, guest)

        handed, left = outcomes(
            partial(hand_over, party_id=party.id, leader_id=leader.id, player_id=guest.id, now_ms=wiring.clock()),
            partial(leave, party, guest),
        )

        assert left == "done"
        assert handed in ("done", Unknown, NotAllowed)
        assert members(party) == {leader.id}
        assert str(Party.objects.get(id=party.id).leader_id) == leader.id


def test_a_party_that_somebody_joins_while_it_expires_stays_or_the_join_is_refused() -> None:
    day_ms = 86_400_000
    for _ in range(TURNS):
        party, guest = make(a_player()), a_player()
        later = wiring.clock() + day_ms

        _, joined = outcomes(
            partial(expire_parties, ttl_seconds=day_ms / 1000, now_ms=later),
            partial(join_by_code, code=party.code, player=guest, max_size=10, now_ms=later),
        )

        assert joined in ("done", Unknown)
        assert Party.objects.filter(id=party.id).exists() == (joined == "done")
        assert len(members(party)) == (2 if joined == "done" else 0)
