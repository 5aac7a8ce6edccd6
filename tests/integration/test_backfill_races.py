"""Backfill against what else happens to a match and to its newcomers. Real threads; each asserts what must hold whoever
wins."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from caroud import wiring
from errors import Conflict
from matchmaking.charge import read_charge
from matchmaking.engine.demands import BackfillPriority
from matchmaking.match import MatchId, MatchStatus, PlayerId
from matchmaking.models import MatchRecord, OpenSeat, Participant
from matchmaking.services.fill_seats import fill_seats
from matchmaking.services.find_matches import run_round
from matchmaking.services.open_seat import open_seat, withdraw_seats
from matchmaking.services.record_matches import sweep_outbox
from matchmaking.services.settle_match import Outcome, settle_match
from matchmaking.ticket import BeingMatched, Left, Matched, Waiting
from players.tokens import FleetCaller
from tests.integration.conftest import Account, Api
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

TURNS = 12


@pytest.fixture(autouse=True)
def filling(transactional_db: None, api: Api, settings: Any) -> Iterator[None]:
    """`ranked` fills open seats before new matches are made."""
    rules = settings.RULES
    ranked = replace(rules.queues["ranked"], backfill=BackfillPriority.FIRST)
    settings.RULES = replace(rules, queues={**rules.queues, "ranked": ranked})
    wiring._live_rules.cache_clear()
    wiring.rules()
    yield
    settings.RULES = rules


def join(api: Api, player: Account) -> None:
    api.post("matchmaking/join/", token=player.token)


def leave_match(api: Api, match_id: str, leaver: str) -> str:
    try:
        open_seat(
            store=wiring.redis_tickets(),
            pool=wiring.server_pool(),
            rules=wiring.rules(),
            caller=FleetCaller(),
            match_id=MatchId(match_id),
            leaver=PlayerId(leaver),
            now_ms=api.clock(),
        )
    except Conflict:
        return "conflict"
    return "asked"


def settle(api: Api, match_id: str) -> None:
    settle_match(
        store=wiring.redis_tickets(),
        ratings=wiring.rating_cache(),
        rules=wiring.rules(),
        match_id=MatchId(match_id),
        outcome=Outcome(ranks=(1, 2)),
        now_ms=api.clock(),
    )


def a_round(api: Api) -> None:
    run_round(
        store=wiring.redis_tickets(),
        rules=wiring.queue_rules("ranked"),
        charge=read_charge(),
        now_ms=api.clock(),
        new_id=wiring.new_id,
    )


def a_look_at_the_seats(api: Api) -> None:
    fill_seats(
        store=wiring.redis_tickets(),
        rules=wiring.queue_rules("ranked"),
        tickets=wiring.redis_tickets().snapshot("ranked"),
        epoch=read_charge().epoch,
        now_ms=api.clock(),
        new_id=wiring.new_id,
    )


def a_match_with_room(api: Api) -> tuple[Account, str, Account]:
    """Who plays, the match, and who waits."""
    one, other, match_id = api.matched_pair()
    assert leave_match(api, match_id, other.id) == "asked"
    newcomer = api.player()
    join(api, newcomer)
    return one, match_id, newcomer


def say_the_same(match_id: str) -> list[str]:
    """Who plays, as history and the store both say."""
    playing = Participant.objects.filter(match_id=match_id, left_at=None).order_by("team", "id")
    ids = [str(one.player_id) for one in playing]
    for matched in wiring.redis_tickets().find_matches([MatchId(match_id)]):
        assert [player.id for player in matched.match.players] == ids
    assert wiring.redis_tickets().outbox(10) == []
    return ids


def test_leaving_the_queue_against_a_seat_has_one_winner(api: Api) -> None:
    store = wiring.redis_tickets()
    seen = set()
    for _ in range(TURNS):
        _, match_id, newcomer = a_match_with_room(api)

        left, _ = at_once(
            lambda player=newcomer: store.leave(PlayerId(player.id), api.clock()), lambda: a_look_at_the_seats(api)
        )

        seen.add(type(left))
        plays = newcomer.id in say_the_same(match_id)
        assert plays is (not isinstance(left, Left))
        assert isinstance(left, Left | BeingMatched | Matched)
        assert OpenSeat.objects.get(match_id=match_id).status == ("filled" if plays else "open")
        settle(api, match_id)
    assert seen <= {Left, BeingMatched, Matched}


def test_two_rounds_at_once_fill_a_seat_once(api: Api) -> None:
    for _ in range(TURNS):
        _, match_id, newcomer = a_match_with_room(api)
        second = api.player()
        join(api, second)

        at_once(*[lambda: a_look_at_the_seats(api)] * 3)

        playing = say_the_same(match_id)
        assert len(playing) == 2
        (waits,) = {newcomer.id, second.id} - set(playing)
        told = wiring.redis_tickets().status(PlayerId(waits), api.clock())
        assert isinstance(told, Waiting)
        assert list(wiring.redis_tickets().snapshot("ranked").player_ids) == [waits]
        wiring.redis_tickets().leave(PlayerId(waits), api.clock())
        settle(api, match_id)


def test_a_result_against_a_seat_leaves_nobody_in_a_match_that_is_over(api: Api) -> None:
    store = wiring.redis_tickets()
    for _ in range(TURNS):
        _, match_id, newcomer = a_match_with_room(api)

        at_once(lambda m=match_id: settle(api, m), lambda: a_look_at_the_seats(api))

        assert store.find_matches([MatchId(match_id)]) == []
        assert not Participant.objects.filter(match_id=match_id, is_live=True).exists()
        came = Participant.objects.filter(match_id=match_id, player_id=newcomer.id).exists()
        assert isinstance(store.status(PlayerId(newcomer.id), api.clock()), Waiting) is not came
        assert store.outbox(10) == []
        assert OpenSeat.objects.get(match_id=match_id).status == ("filled" if came else "over")
        if not came:
            assert isinstance(store.leave(PlayerId(newcomer.id), api.clock()), Left)
        join(api, newcomer)
        assert isinstance(store.leave(PlayerId(newcomer.id), api.clock()), Left)


def test_withdrawing_against_a_seat_has_one_winner(api: Api) -> None:
    for _ in range(TURNS):
        _, match_id, newcomer = a_match_with_room(api)

        at_once(
            lambda m=match_id: withdraw_seats(
                pool=wiring.server_pool(), caller=FleetCaller(), match_id=MatchId(m), leaver=None, now_ms=api.clock()
            ),
            lambda: a_look_at_the_seats(api),
        )

        plays = newcomer.id in say_the_same(match_id)
        assert OpenSeat.objects.get(match_id=match_id).status == ("filled" if plays else "withdrawn")
        wiring.redis_tickets().leave(PlayerId(newcomer.id), api.clock())
        settle(api, match_id)


def test_a_newcomer_is_in_one_live_match_whatever_rounds_and_sweeps_do_at_once(api: Api) -> None:
    for _ in range(TURNS):
        _, match_id, newcomer = a_match_with_room(api)
        partner = api.player()
        join(api, partner)

        at_once(
            lambda: a_round(api),
            lambda: a_round(api),
            lambda: sweep_outbox(store=wiring.redis_tickets(), now_ms=api.clock()),
            lambda: sweep_outbox(store=wiring.redis_tickets(), now_ms=api.clock()),
        )
        sweep_outbox(store=wiring.redis_tickets(), now_ms=api.clock())

        say_the_same(match_id)
        for player in (newcomer, partner):
            live = list(
                Participant.objects.filter(player_id=player.id, is_live=True).values_list("match_id", flat=True)
            )
            told = wiring.redis_tickets().status(PlayerId(player.id), api.clock())
            assert [told.match.id] == [str(one) for one in live] if isinstance(told, Matched) else live == []
            wiring.redis_tickets().leave(PlayerId(player.id), api.clock())
        for record in MatchRecord.objects.filter(ended_at=None):
            settle(api, str(record.id))


def test_a_leave_and_a_result_at_once_free_the_leaver_once(api: Api) -> None:
    store = wiring.redis_tickets()
    for _ in range(TURNS):
        one, other, match_id = api.matched_pair()

        asked, _ = at_once(lambda m=match_id, p=other: leave_match(api, m, p.id), lambda m=match_id: settle(api, m))

        assert asked in ("asked", "conflict")
        assert store.find_matches([MatchId(match_id)]) == []
        assert MatchRecord.objects.get(id=match_id).status == MatchStatus.COMPLETED
        for player in (one, other):
            join(api, player)
            assert isinstance(store.leave(PlayerId(player.id), api.clock()), Left)
