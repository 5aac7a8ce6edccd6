"""Results of teams under each rating model, over HTTP; what history, the leaderboard and joins hold afterwards."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from caroud import wiring
from matchmaking.engine.demands import RematchRule
from matchmaking.engine.traits import Traits, traits_of
from matchmaking.history import record_matches
from matchmaking.match import Match, MatchedPlayer, MatchId, PlayerId
from matchmaking.models import MatchRecord
from matchmaking.rules import Rules
from matchmaking.services.find_matches import run_round
from players.models import Rating
from players.rating_models import RatingModel, known_skill, rate
from tests.integration.conftest import Account, Api

each_model = pytest.mark.parametrize("model", list(RatingModel))


def use(settings: Any, **rules: Any) -> None:
    """Rules of the queue `ranked` from now on."""
    queues = dict(settings.RULES.queues)
    queues["ranked"] = replace(queues["ranked"], **rules)
    settings.RULES = Rules(default_queue="ranked", queues=queues)
    wiring.forget()


def a_rated_player(api: Api, rating: float, **known: Any) -> Account:
    player = api.player()
    Rating.objects.create(player_id=player.id, queue="ranked", rating=rating, **known)
    return player


def a_match_of(*teams: Sequence[Account], queue: str = "ranked") -> str:
    """A match without a server that history has; the fleet reports it."""
    match = Match(
        id=MatchId(str(uuid.uuid4())),
        queue=queue,
        region="",
        teams=tuple(tuple(MatchedPlayer(PlayerId(p.id), p.username, 1200.0, 0) for p in team) for team in teams),
        server=None,
        created_ms=wiring.clock(),
    )
    assert record_matches([match]) == []
    return str(match.id)


def report(api: Api, match_id: str, *ranks: int) -> Any:
    return api.post(f"matches/{match_id}/result/", {"ranks": ranks}, fleet=True)


def told(player: Account, queue: str = "ranked") -> tuple[float, Traits]:
    """What the next join reads: the rating, and the traits that its ticket gets."""
    redis, key = wiring.redis_client(), wiring.keys().ratings(player.id)
    rating, traits, blocks = redis.hmget(key, [queue, f"{queue}:traits", "blocks"])
    return float(rating), traits_of(f"{traits};{blocks}")


# --- results --------------------------------------------------------------------------------------------


@each_model
def test_a_result_of_two_against_two_changes_four_ratings_once(api: Api, settings: Any, model: RatingModel) -> None:
    use(settings, rating_model=model)
    ratings = (1300.0, 1150.0, 1250.0, 1240.0)
    players = [a_rated_player(api, rating) for rating in ratings]
    skills = [known_skill(model, rating, None, None) for rating in ratings]
    (one, two), (three, four) = rate(model, [skills[:2], skills[2:]], [2, 1], 32)
    match_id = a_match_of(players[:2], players[2:])

    answers = [report(api, match_id, 2, 1), report(api, match_id, 2, 1)]

    assert answers[0] == answers[1]
    rows = [Rating.objects.get(player_id=player.id) for player in players]
    for row, skill in zip(rows, (one, two, three, four), strict=True):
        assert row.rating == pytest.approx(skill.rating)
        assert (row.deviation or 0) == pytest.approx(skill.deviation)
        assert (row.volatility or 0) == pytest.approx(skill.volatility)
    assert [(row.games, row.wins, row.losses) for row in rows] == [(1, 0, 1)] * 2 + [(1, 1, 0)] * 2
    changes = {
        player["id"]: (player["elo_before"], player["elo_after"]) for team in answers[0]["teams"] for player in team
    }
    assert changes == {
        player.id: (round(before), round(row.rating))
        for player, before, row in zip(players, ratings, rows, strict=True)
    }


@each_model
def test_a_free_for_all_is_rated_by_the_ranks_of_all(api: Api, settings: Any, model: RatingModel) -> None:
    use(settings, rating_model=model)
    players = [a_rated_player(api, 1200.0) for _ in range(4)]

    report(api, a_match_of(*[[player] for player in players]), 3, 1, 4, 2)

    last_to_first = Rating.objects.order_by("rating")
    assert [str(row.player_id) for row in last_to_first] == [players[place].id for place in (2, 0, 3, 1)]
    assert [(row.wins, row.losses) for row in last_to_first] == [(0, 1)] * 3 + [(1, 0)]


@each_model
def test_an_account_that_is_gone_is_played_against_like_a_newcomer(
    api: Api, settings: Any, model: RatingModel, django_user_model: Any
) -> None:
    use(settings, rating_model=model)
    players = [a_rated_player(api, 1200.0) for _ in range(4)]
    match_id = a_match_of(players[:2], players[2:])
    django_user_model.objects.filter(id=players[0].id).delete()

    report(api, match_id, 1, 2)

    ratings = {str(row.player_id): row.rating for row in Rating.objects.all()}
    assert set(ratings) == {player.id for player in players[1:]}
    assert ratings[players[1].id] > 1200 > ratings[players[2].id]


def test_a_queue_that_changes_its_model_keeps_its_ratings(api: Api, settings: Any) -> None:
    one, other = a_rated_player(api, 1300.0), a_rated_player(api, 1300.0)

    def after(model: RatingModel) -> Rating:
        use(settings, rating_model=model)
        report(api, a_match_of([one], [other]), 1, 2)
        return Rating.objects.get(player_id=one.id)

    elo, glicko, openskill, elo_again = (
        after(model) for model in (RatingModel.ELO, RatingModel.GLICKO2, RatingModel.OPENSKILL, RatingModel.ELO)
    )

    assert (elo.rating, elo.deviation) == (1316.0, None)
    assert glicko.rating > elo.rating + 100 and 200 < glicko.deviation < 350 and glicko.volatility
    assert openskill.deviation < glicko.deviation and openskill.volatility is None
    assert 0 < elo_again.rating - openskill.rating <= 32 and elo_again.deviation is None
    assert elo_again.games == 4


# --- the leaderboard ------------------------------------------------------------------------------------


def test_who_is_not_sure_to_be_good_stands_further_down(api: Api, settings: Any) -> None:
    use(settings, rating_model=RatingModel.GLICKO2)
    lucky = a_rated_player(api, 1600.0, deviation=300.0, games=1)
    settled = a_rated_player(api, 1500.0, deviation=60.0, games=50)
    a_rated_player(api, 1700.0, games=30)  # of the time before the model

    rows = api.get("leaderboard/")["players"]

    assert [(row["id"], row["elo_rating"], row["deviation"], row["rank"]) for row in rows] == [
        (settled.id, 1500, 60, 1),
        (lucky.id, 1600, 300, 2),
    ]
    assert api.get("players/me/", token=lucky.token)["ratings"]["ranked"]["rank"] == 2
    assert api.get("players/me/", token=settled.token)["ratings"]["ranked"]["rank"] == 1


def test_under_elo_the_rating_alone_counts_and_there_is_no_deviation(api: Api) -> None:
    first = a_rated_player(api, 1600.0, deviation=300.0, games=1)
    second = a_rated_player(api, 1500.0, games=50)

    rows = api.get("leaderboard/")["players"]

    assert [(row["id"], row["rank"], row["deviation"]) for row in rows] == [(first.id, 1, None), (second.id, 2, None)]
    assert api.get("players/me/", token=second.token)["ratings"]["ranked"]["rank"] == 2


def test_a_newcomer_is_shown_with_the_deviation_that_the_model_gives_him(api: Api, settings: Any) -> None:
    use(settings, rating_model=RatingModel.GLICKO2)
    player = api.player()
    api.post("matchmaking/join/", token=player.token)

    mine = api.get("players/me/", token=player.token)["ratings"]["ranked"]

    assert (mine["elo_rating"], mine["deviation"], mine["games"]) == (1200, 350, 0)


# --- predictions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["", "postgres/"])
def test_a_match_keeps_how_likely_each_team_was_to_win(api: Api, backend: str) -> None:
    strong, weak = a_rated_player(api, 1250.0), a_rated_player(api, 1170.0)
    for player in (strong, weak):
        api.post(f"matchmaking/{backend}join/", token=player.token)
    if backend:
        (match,) = run_round(
            store=wiring.ticket_store("postgres"),
            rules=wiring.queue_rules("ranked"),
            charge=None,
            now_ms=api.clock(),
            new_id=wiring.new_id,
        )
    else:
        (match,) = api.round()

    record = MatchRecord.objects.get()
    by_player = dict(zip((team[0].id for team in match.teams), record.win_probabilities, strict=True))
    # Elo's expectation for 80 points.
    assert by_player == {strong.id: pytest.approx(0.6131, abs=0.00005), weak.id: pytest.approx(0.3869, abs=0.00005)}
    assert api.get(f"matches/{match.id}/", token=weak.token)["win_probabilities"] == record.win_probabilities


# --- what joins are told --------------------------------------------------------------------------------


def test_joins_are_told_rating_deviation_games_and_recent_opponents_of_a_result(api: Api, settings: Any) -> None:
    use(settings, rating_model=RatingModel.GLICKO2, rematch=RematchRule(last=3, points=100))
    one, two, three, four = [a_rated_player(api, 1200.0) for _ in range(4)]
    for opponent in (four, two, three, two):
        report(api, a_match_of([one], [opponent]), 1, 2)
        api.clock.advance(seconds=60)

    row = Rating.objects.get(player_id=one.id)
    rating, traits = told(one)

    assert rating == row.rating
    assert (traits.games, traits.deviation) == (4, pytest.approx(row.deviation, rel=1e-5))
    assert traits.recent == (two.id, three.id, two.id)
    assert told(three)[1].recent == (one.id,)


def test_who_has_just_played_each_other_meets_somebody_else_and_each_other_where_nobody_is(
    api: Api, settings: Any
) -> None:
    use(settings, rematch=RematchRule(last=1, points=50))
    one, other, third = (a_rated_player(api, rating) for rating in (1216.0, 1184.0, 1260.0))
    report(api, a_match_of([one], [other]), 1, 1)  # and nearer to each other than to the third they are still

    join_all(api, one, other, third)
    (match,) = api.round()
    assert {player.id for player in match.players} == {one.id, third.id}
    assert api.get("matchmaking/status/", token=other.token)["status"] == "waiting"

    report(api, match.id, 1, 1)
    join_all(api, one)
    (again,) = api.round()
    assert {player.id for player in again.players} == {one.id, other.id}


def join_all(api: Api, *players: Account) -> None:
    for player in players:
        api.post("matchmaking/join/", token=player.token)


def test_mates_and_matches_of_another_queue_are_no_recent_opponents(api: Api, settings: Any) -> None:
    use(settings, rematch=RematchRule(last=5, points=100))
    one, mate, three, four = [a_rated_player(api, 1200.0) for _ in range(4)]
    report(api, a_match_of([one], [mate], queue="casual"), 1, 2)

    report(api, a_match_of([one, mate], [three, four]), 1, 2)

    assert set(told(one)[1].recent) == {three.id, four.id}


def test_a_queue_that_does_not_mind_rematches_is_told_of_none(api: Api) -> None:
    one, other = a_rated_player(api, 1200.0), a_rated_player(api, 1200.0)

    report(api, a_match_of([one], [other]), 1, 2)

    assert told(one) == (1216.0, Traits(games=1))


def test_no_ticket_carries_more_than_twenty_recent_opponents(api: Api, settings: Any) -> None:
    use(settings, rematch=RematchRule(last=50, points=100))
    one, others = a_rated_player(api, 1200.0), [a_rated_player(api, 1200.0) for _ in range(25)]

    report(api, a_match_of([one], *[[other] for other in others]), *range(1, 27))

    assert len(told(one)[1].recent) == 20


def test_a_cache_that_forgot_is_told_everything_by_the_next_join(api: Api, settings: Any) -> None:
    use(settings, rating_model=RatingModel.OPENSKILL, rematch=RematchRule(last=3, points=100))
    one, other = a_rated_player(api, 1200.0), a_rated_player(api, 1200.0)
    api.post("players/blocks/", {"id": other.id}, token=one.token)
    report(api, a_match_of([one], [other]), 1, 2)
    before = told(one)
    wiring.redis_client().delete(wiring.keys().ratings(one.id))

    api.post("matchmaking/join/", token=one.token)

    assert told(one) == before
    assert before[1].recent == (other.id,)
    assert before[1].blocked == {other.id}
    assert before[1].deviation > 0
