"""Rating models: the papers' numbers, and what must hold for any result under any of them."""

import math
import random
from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from openskill.models import PlackettLuce

from matchmaking.engine.win_probability import win_probabilities
from players import glicko2, weng_lin
from players.elo import expected_score
from players.rating_models import RatingModel, Skill, known_skill, new_skill, rate

K_FACTOR = 32.0
WITH_DEVIATION = [model for model in RatingModel if model.has_deviation]

each_model = pytest.mark.parametrize("model", list(RatingModel))
each_model_with_deviation = pytest.mark.parametrize("model", WITH_DEVIATION)


def skills(model: RatingModel) -> st.SearchStrategy[Skill]:
    ratings = st.floats(0, 3000)
    if not model.has_deviation:
        return st.builds(Skill, ratings)
    volatilities = st.floats(0.03, 0.1) if model is RatingModel.GLICKO2 else st.just(0.0)
    return st.builds(Skill, ratings, st.floats(25, 350), volatilities)


@st.composite
def matches(draw: st.DrawFn) -> tuple[RatingModel, list[list[Skill]], list[int]]:
    """A model, 2 to 5 teams of one size, and their ranks."""
    model = draw(st.sampled_from(list(RatingModel)))
    count, size = draw(st.integers(2, 5)), draw(st.integers(1, 3))
    teams = [[draw(skills(model)) for _ in range(size)] for _ in range(count)]
    return model, teams, [draw(st.integers(1, count)) for _ in range(count)]


# --- known numbers --------------------------------------------------------------------------------------


def test_glickmans_example_of_2013_comes_out_as_he_has_it() -> None:
    player = Skill(1500, 200, 0.06)
    period = [
        glicko2.against(player, Skill(1400, 30), 1),
        glicko2.against(player, Skill(1550, 100), 0),
        glicko2.against(player, Skill(1700, 300), 0),
    ]

    after = glicko2.after(player, period)

    # The paper rounds on its way to 1464.06.
    assert after.rating == pytest.approx(1464.06, abs=0.01)
    assert after.deviation == pytest.approx(151.52, abs=0.01)
    assert after.volatility == pytest.approx(0.05999, abs=0.00001)


def test_a_duel_of_glicko2_is_a_period_with_one_result() -> None:
    one, other = Skill(1500, 200, 0.06), Skill(1550, 100, 0.06)

    after = rate(RatingModel.GLICKO2, [[one], [other]], [2, 1], K_FACTOR)

    assert after[0][0] == glicko2.after(one, [glicko2.against(one, other, 0)])
    assert after[1][0] == glicko2.after(other, [glicko2.against(other, one, 1)])


def test_openskill_is_the_librarys_plackett_luce_at_our_scale() -> None:
    points = weng_lin.BETA_POINTS / (25 / 6)  # in one unit of the library's own scale
    model = PlackettLuce()
    sides = [[(27.0, 6.0), (24.0, 3.0)], [(30.0, 8.0), (22.0, 2.0)], [(25.0, 5.0), (25.0, 7.0)]]
    expected = model.rate([[model.rating(mu=mu, sigma=sigma) for mu, sigma in side] for side in sides], ranks=[2, 1, 2])

    after = rate(
        RatingModel.OPENSKILL,
        [[Skill(mu * points, sigma * points) for mu, sigma in side] for side in sides],
        [2, 1, 2],
        K_FACTOR,
    )

    for side, rated in zip(expected, after, strict=True):
        assert [skill.rating for skill in rated] == pytest.approx([one.mu * points for one in side])
        assert [skill.deviation for skill in rated] == pytest.approx([one.sigma * points for one in side])


def test_an_elo_team_of_two_moves_by_what_its_chance_says() -> None:
    teams = [[Skill(1300), Skill(1300)], [Skill(1200), Skill(1200)]]
    (expected, _) = win_probabilities([[(skill.rating, 0.0) for skill in team] for team in teams])

    after = rate(RatingModel.ELO, teams, [1, 2], K_FACTOR)

    assert expected == pytest.approx(0.693, abs=0.001)
    assert [skill.rating for skill in after[0]] == pytest.approx([1300 + K_FACTOR * (1 - expected)] * 2)
    assert [skill.rating for skill in after[1]] == pytest.approx([1200 - K_FACTOR * (1 - expected)] * 2)


# --- what holds for any result --------------------------------------------------------------------------


@given(matches())
def test_the_order_of_the_teams_is_of_no_matter(match: tuple[RatingModel, list[list[Skill]], list[int]]) -> None:
    model, teams, ranks = match

    turned = rate(model, teams[::-1], ranks[::-1], K_FACTOR)[::-1]

    for team, again in zip(rate(model, teams, ranks, K_FACTOR), turned, strict=True):
        for skill, same in zip(team, again, strict=True):
            assert skill.rating == pytest.approx(same.rating, abs=1e-6)
            assert skill.deviation == pytest.approx(same.deviation, abs=1e-6)


@given(matches())
def test_who_wins_alone_loses_no_points_and_who_is_last_alone_gains_none(
    match: tuple[RatingModel, list[list[Skill]], list[int]],
) -> None:
    model, teams, ranks = match
    assume(ranks.count(min(ranks)) == ranks.count(max(ranks)) == 1)
    first, last = ranks.index(min(ranks)), ranks.index(max(ranks))

    after = rate(model, teams, ranks, K_FACTOR)

    assert all(new.rating >= old.rating for new, old in zip(after[first], teams[first], strict=True))
    assert all(new.rating <= old.rating for new, old in zip(after[last], teams[last], strict=True))


@given(st.lists(st.lists(st.floats(0, 3000), min_size=2, max_size=2), min_size=2, max_size=6), st.data())
def test_elo_makes_and_loses_no_points(ratings: list[list[float]], data: st.DataObject) -> None:
    teams = [[Skill(rating) for rating in team] for team in ratings]
    ranks = [data.draw(st.integers(1, len(teams))) for _ in teams]

    after = rate(RatingModel.ELO, teams, ranks, K_FACTOR)

    assert sum(skill.rating for team in after for skill in team) == pytest.approx(sum(map(sum, ratings)))
    assert all(skill.deviation == skill.volatility == 0 for team in after for skill in team)


@each_model_with_deviation
@pytest.mark.parametrize("size", [1, 3])
def test_the_deviation_of_a_newcomer_falls_with_every_match(model: RatingModel, size: int) -> None:
    teams = [[new_skill(model, 1200)] * size, [new_skill(model, 1200)] * size]
    deviations = []
    for match in range(15):
        teams = rate(model, teams, [1, 2] if match % 2 else [2, 1], K_FACTOR)
        deviations.append(teams[0][0].deviation)

    assert all(later < earlier for earlier, later in pairwise([350.0, *deviations]))


@each_model_with_deviation
def test_a_newcomer_moves_far_and_a_settled_opponent_hardly(model: RatingModel) -> None:
    newcomer, settled = new_skill(model, 1200), known_skill(model, 1200, 60, 0.06)

    ((risen,), (fallen,)) = rate(model, [[newcomer], [settled]], [1, 2], K_FACTOR)

    assert risen.rating - 1200 > 5 * (1200 - fallen.rating) > 0


@each_model_with_deviation
def test_in_a_team_the_newcomer_learns_more_from_the_result_than_the_settled_mate(model: RatingModel) -> None:
    newcomer, settled = new_skill(model, 1200), known_skill(model, 1200, 60, 0.06)

    after = rate(model, [[newcomer, settled], [settled, settled]], [1, 2], K_FACTOR)

    assert after[0][0].rating - 1200 > 5 * (after[0][1].rating - 1200) > 0


def distance_after(matches: int, model: RatingModel, newcomers: int = 100) -> float:
    """Mean points between rating and strength of newcomers who are 400 points off and meet their like, settled."""
    distances = []
    for seed in range(newcomers):
        dice = random.Random(seed)
        newcomer, strength = new_skill(model, 1200), 1200 + dice.choice([-400, 400])
        for _ in range(matches):
            opponent = known_skill(model, newcomer.rating + dice.gauss(0, 50), 60, 0.06)
            wins = dice.random() < expected_score(strength, opponent.rating)
            ((newcomer,), _) = rate(model, [[newcomer], [opponent]], [1, 2] if wins else [2, 1], K_FACTOR)
        distances.append(abs(newcomer.rating - strength))
    return fmean(distances)


def test_newcomers_settle_in_ten_matches_where_there_is_a_deviation() -> None:
    after_ten = {model: distance_after(10, model) for model in RatingModel}

    assert after_ten[RatingModel.ELO] > 250
    assert after_ten[RatingModel.GLICKO2] < 110
    assert after_ten[RatingModel.OPENSKILL] < 120


def test_ten_players_in_one_match_tell_less_of_each_than_two_duels() -> None:
    player, others = Skill(1200, 200, 0.06), [[Skill(1200, 60, 0.06)] for _ in range(9)]
    two_duels = glicko2.after(player, [glicko2.against(player, other[0], 0.5) for other in others[:2]])
    one_duel = glicko2.after(player, [glicko2.against(player, others[0][0], 0.5)])

    after = rate(RatingModel.GLICKO2, [[player], *others], [5, *range(1, 5), *range(6, 11)], K_FACTOR)

    assert two_duels.deviation < after[0][0].deviation < one_duel.deviation


@each_model
def test_a_result_that_could_not_be_otherwise_or_could_not_be_at_all_is_rated_too(model: RatingModel) -> None:
    low, high = [known_skill(model, -10_000, 350, 0.1)] * 5, [known_skill(model, 10_000, 350, 0.1)] * 5

    for ranks in ([1, 2], [2, 1], [1, 1]):
        for team in rate(model, [low, high], ranks, K_FACTOR):
            assert all(math.isfinite(skill.rating) and 0 <= skill.deviation <= 350 for skill in team)
            assert all(skill.volatility <= glicko2.MOST_VOLATILITY for skill in team)


# --- from one model to another --------------------------------------------------------------------------


@each_model
def test_what_a_model_misses_is_a_newcomers_and_what_it_does_not_know_is_dropped(model: RatingModel) -> None:
    of_elo = known_skill(model, 1431.5, None, None)
    of_glicko = known_skill(model, 1431.5, 80.0, 0.05)

    assert of_elo == new_skill(model, 1431.5)
    assert of_glicko.rating == 1431.5
    assert of_glicko.deviation == (80.0 if model.has_deviation else 0.0)
    assert of_glicko.volatility == (0.05 if model is RatingModel.GLICKO2 else 0.0)
