"""Teams and parties: through the real engine, and what is told of their matches."""

import numpy as np
import pytest

from matchmaking.engine.demands import LatencyLimit, MatchFormat, PartyRule
from matchmaking.engine.search_window import SearchWindow
from simulator.arrivals import Crowd, poisson_arrivals
from simulator.clockwork import NO_GAME, Outcome, simulate
from simulator.figures import figures_of
from simulator.policies.faf_teams import FafTeams
from simulator.policies.flex_match import FlexMatchLike
from simulator.policies.ours import OursInTeams
from simulator.policies.port import Game
from simulator.study import peer
from tests.unit.simulator.builders import arrivals, told

PAIRS = MatchFormat(teams=2, team_size=2)
WIDE = SearchWindow(base=2_000)


def played(come, *teams: tuple[int, ...]) -> Outcome:  # type: ignore[no-untyped-def]
    """One game of these teams."""
    game_of = np.full(len(come), NO_GAME)
    game_of[[row for team in teams for row in team]] = 0
    return Outcome(come, game_of, np.zeros(len(come), dtype=np.int64), [Game(teams)])


def test_two_pairs_meet_at_the_round_that_the_last_join_asked_for() -> None:
    outcome = simulate(arrivals((0, 1500), (100, 1510), (200, 1520), (300, 1530)), OursInTeams(PAIRS))
    assert outcome.waited_ms.tolist() == [305, 205, 105, 5]
    assert {frozenset(team) for team in outcome.games[0].teams} == {frozenset((0, 3)), frozenset((1, 2))}


def test_a_party_is_never_parted_and_its_members_leave_as_one() -> None:
    crowd = Crowd(parties={1: 0.5, 2: 0.5}, patience_seconds=20.0)
    come = poisson_arrivals(400, 1.0, np.random.default_rng(5), crowd)
    outcome = simulate(come, OursInTeams(PAIRS, party=PartyRule(max_size=2)))
    assert 0.2 < outcome.is_matched.mean() < 1
    team_of = {row: (at, side) for at, game in enumerate(outcome.games) for side, team in enumerate(game.teams)
               for row in team}  # fmt: skip
    mates = [row for row in range(1, 400) if come.parties[row] and come.parties[row] == come.parties[row - 1]]
    assert len(mates) > 100
    assert all(team_of.get(row) == team_of.get(row - 1) for row in mates)
    assert all(outcome.waited_ms[row] == outcome.waited_ms[row - 1] for row in mates)


@pytest.mark.parametrize(("seconds", "waited_ms"), [(0.0, 5), (7.0, 7_000)])
def test_friends_meet_two_strangers_once_the_queue_lets_them(seconds: float, waited_ms: int) -> None:
    come = arrivals((0, 1500), (0, 1500), (0, 1500), (0, 1500), parties=("a", "a", "", ""))
    rule = PartyRule(max_size=2, premade_against_solo_after_seconds=seconds)
    outcome = simulate(come, OursInTeams(PAIRS, party=rule))
    assert outcome.waited_ms.tolist() == [waited_ms] * 4
    assert figures_of(outcome).premade == 1


def test_a_match_of_teams_waits_for_the_region_that_is_near_enough() -> None:
    come = told(arrivals(*[(0, 1500)] * 4), ("eu", "us"), (20, 90), (20, 100), (30, 110), (115, 20))
    limit = LatencyLimit(max_ms=80, step_ms=20, every_seconds=10, max_extra_ms=60)
    outcome = simulate(come, OursInTeams(PAIRS, latency=limit))
    assert outcome.games[0].region == "us", "110 ms at worst, where it is 115 in the other"
    assert outcome.waited_ms.tolist() == [20_000] * 4, "when 80 ms have become 120"
    assert outcome.worst_latencies_ms.tolist() == [110] * 4


def test_a_match_is_told_by_its_teams() -> None:
    come = arrivals((0, 1400), (0, 1600), (0, 1500), (0, 1580), (0, 1000), parties=("a", "a", "", "", ""))
    outcome = played(come, (0, 1), (2, 3))
    figures = figures_of(outcome)
    assert figures.gap_mean == 40, "means of 1500 and 1540"
    assert figures.spread_mean == pytest.approx(np.std([1400, 1600, 1500, 1580]))
    assert figures.favourite_mean == pytest.approx(1 / (1 + 10 ** (-80 / 400 / 2**0.5))), "four stray more than two"
    assert (figures.premade, figures.unmatched) == (1, 0.2)
    assert np.isnan(outcome.gaps[4])
    assert np.isnan(outcome.is_premade[4])


def test_whoever_is_worst_off_is_so_in_the_region_of_the_match_and_not_in_a_better_one() -> None:
    come = told(arrivals((0, 1500), (0, 1500)), ("eu", "us"), (20, 90), (30, 110))
    outcome = Outcome(come, np.array([0, 0]), np.zeros(2, dtype=np.int64), [Game(((0,), (1,)), "us")])
    assert outcome.worst_latencies_ms.tolist() == [110, 110]


def test_friends_against_friends_are_no_premade_against_solo() -> None:
    come = arrivals(*[(0, 1500)] * 4, parties=("a", "a", "b", "b"))
    assert figures_of(played(come, (0, 1), (2, 3))).premade == 0


def test_who_waited_300_seconds_or_left_is_unmatched_then() -> None:
    come = arrivals((0, 1500), (0, 1500), (0, 1500), (0, 1500), (0, 1500), patience_ms=900_000)
    outcome = played(come, (0, 1), (2, 3))
    outcome.waited_ms[:] = (59_000, 61_000, 299_000, 301_000, 900_000)
    figures = figures_of(outcome)
    assert (figures.unmatched_60s, figures.unmatched_300s, figures.unmatched) == (0.8, 0.4, 0.2)


def test_faf_makes_team_matches_at_its_first_pop_and_leaves_far_ones_over() -> None:
    come = arrivals((0, 1500), (0, 1510), (0, 1520), (0, 1530), (0, 2600), patience_ms=60_000)
    outcome = simulate(come, FafTeams(2))
    assert outcome.waited_ms.tolist() == [45_000] * 4 + [60_000]
    assert {frozenset(team) for team in outcome.games[0].teams} == {frozenset((0, 3)), frozenset((1, 2))}


def test_faf_accepts_after_a_failed_pop_what_it_did_not_at_the_first() -> None:
    come = arrivals((0, 1300), (0, 1300), (0, 1610), (0, 1610), patience_ms=3_600_000)
    outcome = simulate(come, FafTeams(2))
    assert outcome.waited_ms.tolist() == [135_000] * 4, "155 points apart are quality 0.38, and 0.4 after one failure"


def test_flexmatch_builds_around_the_oldest_and_keeps_whom_the_averages_allow() -> None:
    # By age: 1500 against 1508; 1580 is too far for either team; 1500 and 1505 are not.
    come = arrivals((0, 1500), (100, 1508), (200, 1580), (300, 1500), (400, 1505), patience_ms=4_000)
    outcome = simulate(come, FlexMatchLike(2))
    assert outcome.waited_ms.tolist() == [1_000, 900, 4_000, 700, 600]
    assert {frozenset(team) for team in outcome.games[0].teams} == {frozenset((0, 3)), frozenset((1, 4))}


def test_flexmatch_widens_by_the_age_of_the_newest() -> None:
    come = arrivals((0, 1500), (0, 1500), (3_000, 1540), (3_000, 1540), parties=("a", "a", "b", "b"))
    assert simulate(come, FlexMatchLike(2)).waited_ms.tolist() == [8_000, 8_000, 5_000, 5_000]


def test_peers_are_asked_for_the_formats_they_know() -> None:
    assert peer("lichess", MatchFormat()) is not None
    assert peer("lichess", PAIRS) is None
    assert isinstance(peer("faf", PAIRS), FafTeams)
    assert peer("faf", MatchFormat(teams=3, team_size=2)) is None
    assert isinstance(peer("flexmatch", PAIRS), FlexMatchLike)
    assert peer("flexmatch", MatchFormat()) is None
