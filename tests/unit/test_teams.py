"""Teams and free-for-all: who may play together, which grouping is best, which split is even."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchmaking.engine import SearchWindow, find_groups
from matchmaking.engine.demands import BalanceRule, LatencyLimit, MatchFormat, PartyRule, RematchRule
from matchmaking.engine.teams.walking import fits, split_group
from matchmaking.engine.traits import Traits
from tests.unit.strategies import NOW_MS
from tests.unit.team_pools import Asked, Seeker, fault_of, group, match_of, seeking, team_pools, teams_of

WIDE = SearchWindow(base=1_000)
DUOS = Asked(MatchFormat(2, 2), WIDE)


def solos(ratings: str | list[float], waited: float = 0.0) -> list[Seeker]:
    """Players a, b, c … with these ratings."""
    return [Seeker(chr(97 + place), float(rating), waited) for place, rating in enumerate(ratings)]


# Who may play together


def test_nobody_is_grouped_where_a_team_is_not_full() -> None:
    grouping = group(solos([1500, 1500, 1500]), DUOS)

    assert grouping.matches == []
    assert grouping.unmatched.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("highest", "is_match"), [(1520, True), (1520.001, False)])
def test_the_widest_gap_of_a_match_is_within_the_smallest_reach(highest: float, is_match: bool) -> None:
    seekers = [*solos([1500, 1510, 1510], waited=60), Seeker("d", highest, waited=0)]

    assert len(group(seekers, Asked()).matches) == is_match


def test_a_newcomer_between_long_waiters_is_not_dragged_into_their_match() -> None:
    newcomer = Seeker("n", 1510)

    assert group([*solos([1500, 1540, 1550], waited=60), newcomer], Asked()).matches == []
    assert len(group([*solos([1500, 1515, 1520], waited=60), newcomer], Asked()).matches) == 1


def test_long_waiters_meet_across_newcomers_who_do_not_reach_them() -> None:
    veterans = solos([1500, 1530, 1560, 1590], waited=60)
    newcomers = [Seeker(name, 1540 + place) for place, name in enumerate("wxyz")]

    assert teams_of([*veterans, *newcomers], Asked()) == {match_of("ad", "bc"), match_of("wz", "xy")}


def test_a_party_plays_in_one_team_and_counts_with_its_mean() -> None:
    party = [Seeker("p", 1300, party="one"), Seeker("q", 1700, party="one")]

    assert teams_of([*party, *solos([1500, 1501])], Asked()) == {match_of("pq", "ab")}


def test_a_party_that_misses_a_member_waits() -> None:
    party = [Seeker("p", party="one:p,q"), *solos([1500, 1500, 1400])]

    assert group(party, DUOS).matches == []
    assert teams_of([*party, Seeker("q", party="one:p,q")], DUOS) == {match_of("pq", "ab")}


def test_a_party_larger_than_a_team_waits() -> None:
    party = [Seeker(name, party="three") for name in "pqr"]

    assert group([*party, *solos([1500])], DUOS).unmatched.tolist() == [0, 1, 2, 3]


def test_parties_that_fill_no_teams_make_no_match() -> None:
    parties = [Seeker(f"{party}{member}", party=party) for party in "abc" for member in range(2)]

    assert group(parties, Asked(MatchFormat(2, 3), WIDE)).matches == []


def test_a_block_by_either_side_keeps_both_out_of_one_match() -> None:
    foe = Seeker("e", 1500, traits=Traits(blocked=frozenset({"a"})))

    assert group([foe, *solos([1500, 1500, 1500])], DUOS).matches == []
    assert len(group([foe, *solos([1500, 1500, 1500, 1510])], DUOS).matches) == 1


def test_a_premade_meets_solo_players_only_once_all_have_waited() -> None:
    asked = replace(DUOS, party=PartyRule(max_size=2, premade_against_solo_after_seconds=30))
    waited = [Seeker("p", waited=30, party="one"), Seeker("q", waited=30, party="one"), *solos([1500, 1500], 30)]
    one_is_new = [*waited[:3], replace(waited[3], waited=29.999)]

    assert teams_of(waited, asked) == {match_of("pq", "ab")}
    assert teams_of(one_is_new, asked) == set()


def test_a_premade_meets_one_as_large_at_once() -> None:
    asked = replace(DUOS, party=PartyRule(max_size=2, premade_against_solo_after_seconds=30))
    parties = [
        Seeker(name, rating, party=party) for name, rating, party in zip("pqrs", [1500] * 4, "xxyy", strict=True)
    ]

    assert teams_of([*parties, *solos([1500, 1500])], asked) == {match_of("pq", "rs")}


def test_equal_parties_are_put_on_different_sides_until_all_have_waited() -> None:
    # Both duos on one side would be the more even split.
    asked = Asked(MatchFormat(2, 4), WIDE, party=PartyRule(max_size=4, premade_against_solo_after_seconds=30))
    duos = [Seeker("p", 1600, party="x"), Seeker("q", 1600, party="x"), Seeker("r", 1400, party="y")]
    duos += [Seeker("s", 1400, party="y")]

    (match,) = teams_of([*duos, *solos([1500] * 4)], asked)
    assert all(len(team & set("pqrs")) == 2 for team in match)
    waited = [replace(seeker, waited=30) for seeker in [*duos, *solos([1500] * 4)]]
    assert match_of("pqrs", "abcd") in teams_of(waited, asked)


def test_full_parties_too_far_apart_for_their_favourite_are_no_match() -> None:
    # 2 against 2: 60 points between the sums are a favourite of 0.560, 64 of 0.564.
    asked = replace(DUOS, party=PartyRule(max_size=2), balance=BalanceRule(max_favourite=0.562))

    assert teams_of(pairs(1500, 1530), asked) == {match_of("pq", "rs")}
    assert teams_of(pairs(1500, 1532), asked) == set()
    assert teams_of(pairs(1500, 1532), replace(asked, balance=BalanceRule())) == {match_of("pq", "rs")}


def test_who_makes_no_even_match_with_the_nearest_makes_it_with_others() -> None:
    # The nearest group of p and q is with r and s, and it is too uneven; between a and b they are as strong as both.
    asked = replace(DUOS, party=PartyRule(max_size=2), balance=BalanceRule(max_favourite=0.55))
    solo = [Seeker("a", 1470), Seeker("b", 1530)]

    assert teams_of([*pairs(1500, 1540), *solo], asked) == {match_of("pq", "ab")}


def test_solo_players_who_cannot_be_split_evenly_are_no_match() -> None:
    asked = replace(DUOS, balance=BalanceRule(max_favourite=0.6))

    assert teams_of(solos([1500, 1500, 1500, 1700]), asked) == set()
    assert teams_of(solos([1500, 1500, 1700, 1700]), asked) == {match_of("ac", "bd")}


def test_the_bound_of_the_favourite_grows_with_the_shortest_wait() -> None:
    rule = BalanceRule(max_favourite=0.55, step=0.01, every_seconds=10, max_extra=0.02)
    asked = replace(DUOS, party=PartyRule(max_size=2), balance=rule)  # 32 points apart: 0.564

    assert teams_of(pairs(1500, 1532, waited=19.999), asked) == set()
    assert teams_of(pairs(1500, 1532, waited=20), asked) == {match_of("pq", "rs")}
    one_is_new = [*pairs(1500, 1532, waited=20)[:3], replace(pairs(1500, 1532)[3], waited=10)]
    assert teams_of(one_is_new, asked) == set()
    assert teams_of(pairs(1500, 1540, waited=9999), asked) == set()  # 0.580: more than it ever grows to


def test_uncertain_ratings_make_no_certain_favourite() -> None:
    asked = replace(DUOS, party=PartyRule(max_size=2), balance=BalanceRule(max_favourite=0.562))
    uncertain = [replace(seeker, traits=Traits(deviation=150)) for seeker in pairs(1500, 1535)]

    assert teams_of(pairs(1500, 1535), asked) == set()
    assert teams_of(uncertain, asked) == {match_of("pq", "rs")}


def test_of_three_teams_the_strongest_is_bounded_against_the_weakest() -> None:
    asked = Asked(MatchFormat(3, 2), WIDE, party=PartyRule(max_size=2), balance=BalanceRule(max_favourite=0.562))
    third = [Seeker("t", 1515, party="z"), Seeker("u", 1515, party="z")]

    assert len(teams_of([*pairs(1500, 1530), *third], asked)) == 1
    assert teams_of([*pairs(1500, 1532), *third], asked) == set()


def pairs(one: float, other: float, waited: float = 0.0) -> list[Seeker]:
    """Two parties of two: p and q, r and s."""
    ratings = [one, one, other, other]
    return [Seeker(n, rating, waited, party) for n, rating, party in zip("pqrs", ratings, "xxyy", strict=True)]


# Which grouping is best


def test_more_matches_come_before_closer_ones() -> None:
    asked = Asked(MatchFormat(2, 1), SearchWindow(base=9))

    assert teams_of(solos([1500, 1509, 1510, 1519]), asked) == {match_of("a", "b"), match_of("c", "d")}


def test_of_as_many_matches_the_closest_is_made() -> None:
    assert teams_of(solos([1500, 1520, 1521, 1522, 1523]), DUOS) == {match_of("be", "cd")}


def test_of_matches_as_close_the_longest_waiters_play() -> None:
    asked = Asked(MatchFormat(3, 1), WIDE)
    seekers = [*solos([1500, 1501, 1502]), Seeker("d", 1503, waited=1)]

    assert teams_of(seekers, asked) == {match_of("b", "c", "d")}


def test_a_recent_opponent_is_passed_over_for_one_further_away() -> None:
    asked = Asked(MatchFormat(2, 1), WIDE, rematch=RematchRule(last=1, points=50))
    seekers = [Seeker("a", 1500, traits=Traits(recent=("b",))), Seeker("b", 1500), Seeker("c", 1549)]

    assert teams_of(seekers, asked) == {match_of("b", "c")}
    assert teams_of([*seekers[:2], replace(seekers[2], rating=1551)], asked) == {match_of("a", "b")}


# Fewer teams


def test_fewer_teams_start_once_the_shortest_wait_allows_it() -> None:
    asked = Asked(MatchFormat(4, 1, min_teams=2, relax_after_seconds=30, relax_every_seconds=10), WIDE)

    assert group(solos([1500, 1500, 1500], waited=29.9), asked).matches == []
    assert teams_of(solos([1500, 1500, 1500], waited=30), asked) == {match_of("a", "b", "c")}
    assert group(solos([1500, 1500], waited=39.9), asked).matches == []
    assert teams_of(solos([1500, 1500], waited=40), asked) == {match_of("a", "b")}
    assert group([*solos([1500, 1500], waited=400), Seeker("z")], asked).unmatched.tolist() == [2]


def test_full_matches_come_before_smaller_ones() -> None:
    asked = Asked(MatchFormat(4, 1, min_teams=2), WIDE)

    (match,) = group(solos([1500, 1501, 1502, 1503], waited=300), asked).matches
    assert len(match.teams) == 4


# Regions


def seeker_near(name: str, waited: float = 0.0, **latencies_ms: int) -> Seeker:
    return Seeker(name, waited=waited, traits=Traits(latencies_ms=latencies_ms))


def test_a_match_is_where_it_is_best_for_the_worst_off() -> None:
    asked = Asked(MatchFormat(2, 1), WIDE, LatencyLimit(max_ms=200))
    seekers = [seeker_near("a", eu=10, us=80), seeker_near("b", eu=120, us=90)]

    assert [match.region for match in group(seekers, asked).matches] == ["us"]
    assert [match.region for match in group(seekers, replace(asked, latency=LatencyLimit())).matches] == ["us"]


def test_the_limit_of_the_shortest_waiter_counts() -> None:
    asked = Asked(MatchFormat(2, 1), WIDE, LatencyLimit(max_ms=50, step_ms=50, every_seconds=10, max_extra_ms=100))
    far, near = seeker_near("far", waited=10, eu=100), seeker_near("near", eu=20)

    assert group([far, near], asked).matches == []
    assert len(group([far, replace(near, waited=10)], asked).matches) == 1


def test_who_told_no_latencies_fits_every_region_and_asks_for_none() -> None:
    asked = Asked(MatchFormat(2, 1), WIDE, LatencyLimit(max_ms=50))

    assert [m.region for m in group([seeker_near("a", us=20), Seeker("b")], asked).matches] == ["us"]
    assert [m.region for m in group([Seeker("a"), Seeker("b")], asked).matches] == [""]
    assert group([seeker_near("a", us=20), seeker_near("b", eu=20)], asked).matches == []


def test_two_regions_with_players_side_by_side_fill_two_matches() -> None:
    asked = Asked(MatchFormat(2, 2), WIDE, LatencyLimit(max_ms=50))
    homes = ["eu", "us"] * 4
    seekers = [replace(seeker_near(str(n), **{home: 20}), rating=1500 + n) for n, home in enumerate(homes)]

    assert sorted(match.region for match in group(seekers, asked).matches) == ["eu", "us"]


# Splits


@given(st.lists(st.integers(0, 400), min_size=10, max_size=10))
def test_no_split_into_five_and_five_is_more_even(ratings: list[int]) -> None:
    strengths = np.array(ratings, dtype=np.float64)
    team = split_group(strengths, np.ones(10, dtype=np.int64), 2, 5, False, True)

    difference = abs(strengths[team == 0].sum() - strengths[team == 1].sum())
    best = min(abs(sum(ratings) - 2 * sum(side)) for side in itertools.combinations(ratings, 5))
    assert (team == 0).sum() == 5
    assert difference == best


@pytest.mark.parametrize(("teams", "team_size"), [(2, 10), (4, 5), (20, 5)])
@pytest.mark.parametrize("seed", range(3))
def test_larger_splits_are_even_beyond_notice(teams: int, team_size: int, seed: int) -> None:
    ratings = np.random.default_rng(seed).normal(1500, 50, teams * team_size)
    team = split_group(ratings, np.ones(len(ratings), dtype=np.int64), teams, team_size, False, False)

    sums = np.bincount(team, weights=ratings)
    assert np.bincount(team).tolist() == [team_size] * teams
    assert np.ptp(sums) < 25  # of a team of five: a win probability of 50.6 %


@settings(deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(2, 3), st.integers(2, 5))
def test_parties_find_seats_whenever_there_are_some(parties: list[int], teams: int, team_size: int) -> None:
    parties = [size for size in parties if 1 < size <= team_size]
    counts = np.bincount(parties, minlength=team_size + 1).astype(np.int64)
    seatings = itertools.product(range(teams), repeat=len(parties))
    loads = [np.bincount(seating, weights=parties, minlength=teams) for seating in seatings if parties]
    seated = not parties or any(load.max() <= team_size for load in loads)

    assert fits(counts, teams, team_size, 0) == seated


# What always holds

ASKED = st.builds(
    Asked,
    format=st.sampled_from(
        [MatchFormat(2, 1), MatchFormat(2, 2), MatchFormat(2, 3), MatchFormat(3, 2), MatchFormat(5, 1, min_teams=2)]
    ),
    latency=st.sampled_from([LatencyLimit(), LatencyLimit(max_ms=50, step_ms=40, max_extra_ms=80)]),
    rematch=st.sampled_from([RematchRule(), RematchRule(last=2, points=30)]),
    party=st.sampled_from([PartyRule(3), PartyRule(3, 15)]),
    balance=st.sampled_from(
        [BalanceRule(), BalanceRule(0.52), BalanceRule(0.51, step=0.02, every_seconds=10, max_extra=0.04)]
    ),
)


@settings(deadline=None)
@given(team_pools(max_units=20, team_size=3), ASKED)
def test_every_match_keeps_all_that_is_asked_and_everybody_is_in_one_or_waits(
    seekers: list[Seeker], asked: Asked
) -> None:
    grouping = group(seekers, asked)

    assert [fault_of(match, seekers, asked) for match in grouping.matches] == [""] * len(grouping.matches)
    matched = [row for match in grouping.matches for row in match.rows]
    assert sorted([*matched, *grouping.unmatched]) == list(range(len(seekers)))
    assert grouping.unmatched.tolist() == sorted(grouping.unmatched.tolist())
    for match in grouping.matches:
        assert math.isclose(sum(match.win_probabilities), 1)


@settings(deadline=None)
@given(team_pools(max_units=14, team_size=2, rating_steps=40), ASKED, st.data())
def test_the_order_of_the_rows_changes_nothing(seekers: list[Seeker], asked: Asked, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(seekers))

    assert teams_of(shuffled, asked) == teams_of(seekers, asked)


def test_rows_that_are_not_asked_about_are_left_alone() -> None:
    grouping = find_groups(
        seeking(solos([1500] * 5)), format=MatchFormat(2, 2), window=WIDE, now_ms=NOW_MS, among=[0, 1, 3, 4]
    )

    assert [sorted(match.rows) for match in grouping.matches] == [[0, 1, 3, 4]]
    assert grouping.unmatched.tolist() == []


def test_ratings_may_be_any_finite_number() -> None:
    grouping = group(solos([-1.7e308, 1.7e308, 0, 1e300]), Asked(MatchFormat(2, 2), SearchWindow(base=1e308)))

    assert len(grouping.matches) + len(grouping.unmatched) in (1, 4)
