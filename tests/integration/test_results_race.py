"""Results that come at once: ratings change once a match, and no change is lost. Real threads, real transactions."""

import uuid
from typing import Any

import pytest

from caroud import wiring
from errors import Conflict
from matchmaking.history import record_matches
from matchmaking.match import Match, MatchedPlayer, MatchId, PlayerId
from matchmaking.models import MatchRecord, Participant
from matchmaking.services.settle_match import Outcome, settle_match
from players.models import Player, Rating
from tests.integration.conftest import Api
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def players(transactional_db: None, api: Api) -> list[PlayerId]:
    """Three players rated 1200 in `ranked`."""
    accounts = [Player.objects.create(username=f"racer{place}") for place in range(3)]
    for account in accounts:
        Rating.objects.create(player=account, queue="ranked", rating=1200.0)
    return [PlayerId(str(account.id)) for account in accounts]


def a_recorded_match(one: PlayerId, other: PlayerId) -> MatchId:
    match = Match(
        id=MatchId(str(uuid.uuid4())),
        queue="ranked",
        region="",
        teams=tuple((MatchedPlayer(player, "racer", 1200.0, 0),) for player in (one, other)),
        server=None,
        created_ms=wiring.clock(),
    )
    assert record_matches([match]) == []
    # No player is in two live matches; that two results of one player come at once takes a very slow network.
    Participant.objects.filter(match_id=match.id).update(is_live=False)
    return match.id


def settle(match_id: MatchId, ranks: tuple[int, ...]) -> str:
    try:
        settle_match(
            store=wiring.ticket_store(),
            ratings=wiring.rating_cache(),
            rules=wiring.rules(),
            match_id=match_id,
            outcome=Outcome(ranks=ranks),
            now_ms=wiring.clock(),
        )
    except Conflict:
        return "conflict"
    return "settled"


def test_two_results_of_one_match_at_once_have_one_effect(players: list[PlayerId]) -> None:
    for turn in range(15):
        match_id = a_recorded_match(*players[:2])

        answers = at_once(lambda m=match_id: settle(m, (1, 2)), lambda m=match_id: settle(m, (2, 1)))

        assert sorted(answers) == ["conflict", "settled"]
        assert list(Rating.objects.order_by("player_id").values_list("games", flat=True)).count(turn + 1) == 2
    assert sum(Rating.objects.values_list("rating", flat=True)) == pytest.approx(3600)


def test_no_change_is_lost_when_matches_that_share_a_player_end_at_once(players: list[PlayerId]) -> None:
    shared, one, other = players
    for turn in range(15):
        first, second = a_recorded_match(shared, one), a_recorded_match(other, shared)

        assert at_once(lambda m=first: settle(m, (1, 2)), lambda m=second: settle(m, (1, 2))) == ["settled"] * 2

        assert Rating.objects.get(player_id=shared).games == 2 * (turn + 1)
    changes: dict[str, float] = dict.fromkeys(players, 0.0)
    for record in MatchRecord.objects.prefetch_related("participants"):
        for participant in record.participants.all():
            changes[str(participant.player_id)] += participant.rating_after - participant.rating_before
    for player in players:
        assert Rating.objects.get(player_id=player).rating == pytest.approx(1200 + changes[player])


def test_an_older_rating_never_replaces_a_newer_one_in_redis(api: Api, redis_client: Any) -> None:
    cache, player = wiring.rating_cache(), api.player()
    cache.refresh(player.id, "ranked", rating=1250.0, games=5)
    cache.refresh(player.id, "ranked", rating=1240.0, games=4)

    assert api.post("matchmaking/join/", token=player.token)["your_elo"] == 1250
