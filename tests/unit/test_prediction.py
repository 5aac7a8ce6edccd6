"""Win probabilities of matches as they are recorded: the engine's formula, whatever the mix of shapes."""

from dataclasses import replace

import pytest

from matchmaking.engine import win_probability
from matchmaking.match import Match, MatchedPlayer, MatchId, MatchStatus, Seat
from matchmaking.prediction import win_probabilities
from matchmaking.stores.redis.words import live_word, matched_of
from matchmaking.ticket import Matched
from tests.builders import NOW_MS, a_player_id

Strengths = list[list[tuple[float, float]]]

DUEL: Strengths = [[(1300.0, 0.0)], [(1200.0, 0.0)]]
NEWCOMER: Strengths = [[(1300.0, 350.0)], [(1200.0, 60.0)]]
PAIRS: Strengths = [[(1300.0, 50.0), (1100.0, 90.0)], [(1250.0, 0.0), (1000.0, 350.0)]]
FREE_FOR_ALL: Strengths = [[(1000.0, 0.0)], [(1200.0, 80.0)], [(1400.0, 0.0)]]
UNEVEN: Strengths = [[(1500.0, 0.0)], [(700.0, 0.0), (750.0, 30.0)]]


def a_match_of(strengths: Strengths) -> Match:
    teams = tuple(
        tuple(MatchedPlayer(a_player_id(), "somebody", rating, 0, deviation=deviation) for rating, deviation in team)
        for team in strengths
    )
    return Match(MatchId(a_player_id()), "ranked", "", teams, None, NOW_MS)


def test_each_match_of_a_batch_gets_the_engines_numbers_in_its_own_place() -> None:
    batch = [DUEL, PAIRS, FREE_FOR_ALL, NEWCOMER, UNEVEN, PAIRS[::-1], DUEL[::-1]]

    found = win_probabilities([a_match_of(strengths) for strengths in batch])

    for strengths, chances in zip(batch, found, strict=True):
        assert chances == pytest.approx(win_probability.win_probabilities(strengths), abs=0.00005)
        assert sum(chances or ()) == pytest.approx(1, abs=0.0002)


def test_a_duel_has_elos_odds_and_who_is_not_known_well_is_less_of_a_favourite() -> None:
    settled, newcomer = win_probabilities([a_match_of(DUEL), a_match_of(NEWCOMER)])

    assert settled == [0.6401, 0.3599]
    assert newcomer is not None and 0.5 < newcomer[0] < 0.61


def test_a_match_of_one_team_has_nobody_to_win_against() -> None:
    assert win_probabilities([a_match_of(DUEL[:1]), a_match_of(DUEL)]) == [None, [0.6401, 0.3599]]


def test_redis_keeps_a_match_as_it_is_with_its_deviations_and_seat() -> None:
    for match in (a_match_of(NEWCOMER), replace(a_match_of(DUEL), server=Seat("eu|1", 7, "10.0.0.1|2", 7000, "eu"))):
        assert matched_of(live_word(match, MatchStatus.IN_PROGRESS)) == Matched(match, MatchStatus.IN_PROGRESS)
