"""Matches of teams, parties, many players and several queues, over HTTP, by real rounds; what tickets know counts."""

from typing import Any

import pytest

from caroud import wiring
from matchmaking.services import find_matches
from players.models import Rating
from tests.integration.conftest import Account, Api

#: The queues of Redis and those of PostgreSQL beside it.
in_both_stores = pytest.mark.parametrize("door", ["matchmaking/", "matchmaking/postgres/"])


def join(api: Api, player: Account, queue: str, *, door: str = "matchmaking/", **more: Any) -> Any:
    return api.post(f"{door}join/", {"queue": queue, **more}, token=player.token)


def told(api: Api, player: Account, *, door: str = "matchmaking/") -> Any:
    return api.get(f"{door}status/", token=player.token)


def teams_of(answer: Any) -> list[set[str]]:
    return [{player["id"] for player in team} for team in answer["match"]["teams"]]


def a_pair_of_friends(api: Api) -> tuple[list[Account], Any]:
    leader, friend = api.player(), api.player()
    party = api.post("parties/", token=leader.token, expect=201)
    api.post("parties/join/", {"code": party["code"]}, token=friend.token)
    return [leader, friend], party


def test_a_party_and_two_strangers_play_two_against_two(api: Api) -> None:
    api.server("eu-1")
    friends, party = a_pair_of_friends(api)
    strangers = [api.player(), api.player()]
    assert join(api, friends[0], "duos", party=party["id"])["party"]["id"] == party["id"]
    for stranger in strangers:
        join(api, stranger, "duos")
    assert api.round("duos") == []  # friends meet strangers only after a while
    api.clock.advance(seconds=11)

    (match,) = api.round("duos")

    answers = [told(api, player) for player in (*friends, *strangers)]
    assert [answer["status"] for answer in answers] == ["matched"] * 4
    assert {answer["match"]["id"] for answer in answers} == {match.id}
    assert sorted(map(sorted, teams_of(answers[0]))) == sorted(
        [sorted(friend.id for friend in friends), sorted(stranger.id for stranger in strangers)]
    )
    assert answers[0]["match"]["server"]["host"] == "10.0.0.1"


def test_the_result_of_two_against_two_changes_four_ratings_once(api: Api) -> None:
    token = api.server("eu-1")
    players = [api.player() for _ in range(4)]
    for player in players:
        join(api, player, "duos")
    (match,) = api.round("duos")
    api.post("servers/eu-1/heartbeat/", token=token)

    record = api.post(f"matches/{match.id}/result/", {"ranks": [2, 1]}, token=token)
    assert api.post(f"matches/{match.id}/result/", {"ranks": [2, 1]}, token=token) == record

    ratings = {str(row.player_id): row for row in Rating.objects.filter(queue="duos")}
    losers, winners = ([ratings[player.id] for player in team] for team in match.teams)
    assert all(row.rating < 1200 and row.games == 1 for row in losers)
    assert all(row.rating > 1200 and row.games == 1 for row in winners)
    assert [told(api, player)["status"] for player in players] == ["not_in_queue"] * 4


def test_a_free_for_all_starts_with_six_after_a_while(api: Api) -> None:
    players = [api.player() for _ in range(6)]
    for player in players:
        join(api, player, "royale")
    api.clock.advance(seconds=70)
    assert api.round("royale") == []
    api.clock.advance(seconds=10)

    (match,) = api.round("royale")

    answer = told(api, players[0])
    assert teams_of(answer) == [{team[0].id} for team in match.teams]
    assert {player.id for player in match.players} == {player.id for player in players}
    ranks = [3, 1, 2, 6, 5, 4]
    assert api.post(f"matches/{match.id}/result/", {"ranks": ranks}, fleet=True)["ranks"] == ranks
    by_rank = sorted(zip(ranks, match.teams, strict=True))
    ratings = [Rating.objects.get(queue="royale", player_id=team[0].id).rating for _, team in by_rank]
    assert ratings == sorted(ratings, reverse=True)
    assert len(set(ratings)) == 6


def test_a_ticket_in_two_queues_is_matched_by_one_and_gone_from_both(api: Api) -> None:
    both, casual, ranked = api.player(), api.player(), api.player()
    api.post("matchmaking/join/", {"queues": ["ranked", "casual"]}, token=both.token)
    join(api, casual, "casual")

    assert len(api.round("casual")) == 1
    join(api, ranked, "ranked")
    assert api.round("ranked") == []

    assert told(api, both)["match"]["queue"] == "casual"
    assert told(api, ranked)["queue_size"] == 1


@in_both_stores
def test_who_has_blocked_another_does_not_meet_him(api: Api, door: str) -> None:
    one, other = api.player(), api.player()
    api.post("players/blocks/", {"id": other.id}, token=one.token)
    for player in (one, other):
        join(api, player, "ranked", door=door)

    assert run_round(api, door) == []

    third = api.player()
    join(api, third, "ranked", door=door)
    (match,) = run_round(api, door)
    assert {player.id for player in match.players} != {one.id, other.id}


@in_both_stores
def test_a_match_is_played_where_its_worst_off_player_is_best_off(api: Api, settings: Any, door: str) -> None:
    if "postgres" in door:
        settings.MATCHMAKING_BACKEND = "postgres"
    api.server("us-1", region="us")
    api.server("eu-1", region="eu")
    near_eu, between = api.player(), api.player()
    join(api, near_eu, "ranked", door=door, latencies={"eu": 30, "us": 200})
    join(api, between, "ranked", door=door, latencies={"eu": 120, "us": 60})

    (match,) = run_round(api, door)

    assert match.server is not None
    assert match.server.region == "eu"


def run_round(api: Api, door: str) -> list[Any]:
    if "postgres" not in door:
        return api.round("ranked")
    return find_matches.run_round(
        store=wiring.postgres_tickets(),
        rules=wiring.queue_rules("ranked"),
        charge=None,
        now_ms=api.clock(),
        new_id=wiring.new_id,
    )
