"""From the outbox to PostgreSQL: whole or not at all, once, whatever fails in between."""

import uuid
from dataclasses import replace

import pytest
from django.db import OperationalError

from caroud import wiring
from errors import StoreUnavailable
from matchmaking import history
from matchmaking.charge import read_charge
from matchmaking.match import MatchId, MatchStatus
from matchmaking.models import MatchRecord, Participant
from matchmaking.services import record_matches as service
from matchmaking.stores.redis.words import live_word
from tasks.history import persist_matches
from tests.builders import a_player_id
from tests.integration.conftest import Account, Api


def joined_pair(api: Api) -> list[Account]:
    players = [api.player() for _ in range(2)]
    for player in players:
        api.post("matchmaking/join/", token=player.token)
    return players


def test_a_round_writes_the_match_with_its_players_and_empties_the_outbox(api: Api) -> None:
    one, other = api.player("testuser"), api.player("tangerine")
    api.post("matchmaking/join/", token=one.token)
    api.clock.advance(seconds=3)
    api.post("matchmaking/join/", token=other.token)
    (match,) = api.round()

    record = MatchRecord.objects.get()
    assert (str(record.id), record.queue, record.status, record.server_id) == (match.id, "ranked", "created", None)
    assert round(record.created_at.timestamp() * 1000) == api.clock()
    assert sorted(record.participants.values_list("username", "ticket_rating", "waited_ms")) == [
        ("tangerine", 1200.0, 0),
        ("testuser", 1200.0, 3000),
    ]
    assert sorted(record.participants.values_list("team", flat=True)) == [1, 2]
    assert wiring.ticket_store().outbox(10) == []


def test_writing_a_match_again_changes_nothing(api: Api) -> None:
    joined_pair(api)
    matches = api.round()
    MatchRecord.objects.update(status="completed")

    history.record_matches(matches * 2)

    assert MatchRecord.objects.get().status == "completed"
    assert Participant.objects.count() == 2


def test_a_match_is_told_to_nobody_before_postgresql_has_it_and_swept_when_it_is_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(matches: object, **_: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    players = joined_pair(api)
    with monkeypatch.context() as patch:
        patch.setattr(service, "record_matches", away)
        assert api.round() == []
    assert MatchRecord.objects.count() == 0
    assert [api.get("matchmaking/status/", token=player.token)["status"] for player in players] == ["waiting"] * 2
    assert api.call("POST", "matchmaking/leave/", token=players[0].token).status_code == 503

    persist_matches()
    persist_matches()

    match_id = str(MatchRecord.objects.get().id)
    assert [api.get("matchmaking/status/", token=player.token)["match"]["id"] for player in players] == [match_id] * 2
    assert wiring.ticket_store().outbox(10) == []


def test_a_worker_killed_between_writing_and_acknowledging_leaves_one_row(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined_pair(api)
    store = wiring.redis_tickets()

    def killed(*args: object, **kwargs: object) -> None:
        raise StoreUnavailable("redis", "ConnectionError")

    with monkeypatch.context() as patch:
        patch.setattr(store, "acknowledge", killed)
        api.round()
    assert len(store.outbox(10)) == 1

    persist_matches()

    assert (MatchRecord.objects.count(), Participant.objects.count()) == (1, 2)
    assert store.outbox(10) == []


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_cannot_be_written_is_laid_aside_and_holds_up_no_other(transactional_db: None, api: Api) -> None:
    joined_pair(api)
    epoch = read_charge().epoch
    (match,) = api.round()
    MatchRecord.objects.all().delete()
    redis, keys = wiring.redis_client(), wiring.keys()
    strangers = tuple((player._replace(id=a_player_id()),) for player in match.players)
    refused = replace(match, id=MatchId(str(uuid.uuid4())), queue="x" * 40, teams=strangers)
    redis.hset(keys.matches, mapping={refused.id: live_word(refused, MatchStatus.CREATED), "broken": "not a match"})
    redis.hset(keys.outbox, mapping={match.id: epoch, refused.id: epoch, "broken": epoch})

    persist_matches()

    assert [str(record.id) for record in MatchRecord.objects.all()] == [match.id]
    assert wiring.ticket_store().outbox(10) == []
    assert set(redis.hkeys(keys.outbox_dead)) == {refused.id, "broken"}
