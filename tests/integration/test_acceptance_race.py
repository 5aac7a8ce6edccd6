"""Players decide at once, and against the clock: one outcome, in history and in Redis alike. Real threads."""

from dataclasses import replace
from typing import Any

import pytest

from caroud import wiring
from errors import Conflict
from matchmaking.match import MatchId, MatchStatus, PlayerId
from matchmaking.models import MatchRecord, Participant
from matchmaking.rules import Rules
from matchmaking.services.accept_match import accept_match
from matchmaking.services.decline_match import decline_match
from matchmaking.services.settle_unanswered import settle_unanswered
from matchmaking.ticket import Ended, Matched, Waiting
from tests.integration.conftest import Account, Api
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

TURNS = 12


@pytest.fixture(autouse=True)
def asking(transactional_db: None, settings: Any) -> None:
    ranked = replace(settings.RULES.queues["ranked"], acceptance_seconds=20)
    settings.RULES = Rules(default_queue="ranked", queues={"ranked": ranked})


def an_asked_pair(api: Api, one: Account, other: Account) -> MatchId:
    for player in (one, other):
        api.post("matchmaking/join/", token=player.token)
    (match,) = api.round()
    return match.id


def decide(service: Any, match_id: MatchId, player: Account, now_ms: int) -> str:
    """How the match stands for the player afterwards, or "conflict"."""
    try:
        record = service(
            store=wiring.ticket_store(),
            ratings=wiring.rating_cache(),
            rules=wiring.rules(),
            match_id=match_id,
            player_id=PlayerId(player.id),
            now_ms=now_ms,
        )
    except Conflict:
        return "conflict"
    return str(record.status)


def sweep(now_ms: int) -> int:
    return settle_unanswered(
        store=wiring.ticket_store(), ratings=wiring.rating_cache(), rules=wiring.rules(), now_ms=now_ms
    )


def finish(api: Api, match_id: MatchId, *players: Account) -> None:
    """Everybody free again, for the next turn."""
    for player in players:
        api.call("POST", "matchmaking/leave/", token=player.token)
    if MatchRecord.objects.get(id=match_id).ended_at is None:
        api.post(f"matches/{match_id}/result/", {"abandoned": True}, fleet=True)


def test_the_last_accept_and_the_clock_agree_on_one_outcome(api: Api) -> None:
    one, other = api.player(), api.player()
    outcomes = set()
    for turn in range(TURNS):
        match_id = an_asked_pair(api, one, other)
        decide(accept_match, match_id, one, api.clock())
        in_time, over = api.clock() + 19_999, api.clock() + 20_000
        calls = [lambda m=match_id, t=in_time: decide(accept_match, m, other, t), lambda t=over: sweep(t)]

        answers = at_once(*(calls if turn % 2 else calls[::-1]))

        answer = answers[0 if turn % 2 else 1]
        record, store = MatchRecord.objects.get(id=match_id), wiring.redis_tickets()
        outcomes.add(record.status)
        told = [store.status(PlayerId(player.id), over) for player in (one, other)]
        if record.status == MatchStatus.CREATED:
            assert answer == "created"
            assert all(isinstance(one, Matched) and one.status is MatchStatus.CREATED for one in told)
        else:
            assert (record.status, answer) == (MatchStatus.ABANDONED, "conflict")
            assert isinstance(told[0], Waiting)
            assert told[1] == Ended(match_id, MatchStatus.ABANDONED)
        finish(api, match_id, one, other)
    assert outcomes <= {"created", "abandoned"}


def test_two_who_accept_at_once_make_the_match(api: Api) -> None:
    one, other = api.player(), api.player()
    for _ in range(TURNS):
        match_id = an_asked_pair(api, one, other)

        answers = at_once(
            *[lambda m=match_id, p=player: decide(accept_match, m, p, api.clock()) for player in (one, other)]
        )

        assert "created" in answers
        assert set(answers) <= {"created", "pending_acceptance"}
        assert MatchRecord.objects.get(id=match_id).status == "created"
        assert [found.status for found in wiring.redis_tickets().find_matches([match_id])] == ["created"]
        finish(api, match_id, one, other)


def test_the_last_accept_and_a_decline_agree_and_nobody_waits_and_plays(api: Api) -> None:
    one, other = api.player(), api.player()
    for _ in range(TURNS):
        match_id = an_asked_pair(api, one, other)
        decide(accept_match, match_id, one, api.clock())

        accepted, declined = at_once(
            lambda m=match_id: decide(accept_match, m, other, api.clock()),
            lambda m=match_id: decide(decline_match, m, one, api.clock()),
        )

        assert (accepted, declined) in {("created", "conflict"), ("conflict", "abandoned")}
        live = set(Participant.objects.filter(is_live=True).values_list("player_id", flat=True))
        waiting = set(wiring.redis_tickets().snapshot("ranked").player_ids)
        assert (len(live), waiting) == ((2, set()) if accepted == "created" else (0, {other.id}))
        finish(api, match_id, one, other)
