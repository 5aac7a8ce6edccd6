"""Who comes: with whom, from where, how strong."""

from pathlib import Path

import numpy as np
import pytest

from matchmaking.engine.demands import LatencyLimit
from matchmaking.engine.traits import traits_of
from simulator.arrivals import Crowd, poisson_arrivals
from simulator.clockwork import simulate
from simulator.figures import regions_of
from simulator.policies.lichess import Lichess
from simulator.policies.ours import Ours, _traits
from simulator.ratings import Ratings, published_ratings
from simulator.sources import SourceError, arrivals_from_file, ratings_from_file
from simulator.words import WordsError, curve_of, seeds_of, shares_of, sizes_of
from tests.unit.simulator.builders import arrivals, told


def test_parties_come_by_their_shares_at_once_and_much_alike() -> None:
    come = poisson_arrivals(6_000, 5, np.random.default_rng(1), Crowd(parties={1: 0.6, 2: 0.3, 5: 0.1}))
    members: dict[str, list[int]] = {}
    for row, party in enumerate(come.parties):
        members.setdefault(party or f"alone-{row}", []).append(row)
    assert len(come) == 6_000
    sizes = np.bincount([len(rows) for rows in members.values()])
    assert sizes[1:6] / sizes.sum() == pytest.approx([0.6, 0.3, 0, 0, 0.1], abs=0.02)
    fives = [rows for rows in members.values() if len(rows) == 5]
    assert all(rows == list(range(rows[0], rows[0] + 5)) for rows in fives)
    assert all(np.ptp(come.joined_ms[rows]) == 0 for rows in fives)
    assert np.mean([np.std(come.ratings[rows]) for rows in fives]) < 110 < 300 < np.std(come.ratings)
    joins = len(members) / (come.joined_ms[-1] / 1000)
    assert joins == pytest.approx(5, rel=0.1), "the rate is of joins, and a party is one"


def test_where_players_live_changes_nothing_else_about_them() -> None:
    plain, regional = (
        poisson_arrivals(50, 5, np.random.default_rng(1), Crowd(regions=regions)) for regions in ({}, {"eu": 1.0})
    )
    assert (plain.ratings == regional.ratings).all()
    assert (plain.joined_ms == regional.joined_ms).all()


def test_players_live_in_regions_by_their_shares_and_are_farther_from_each_in_the_row() -> None:
    crowd = Crowd(regions={"eu": 0.6, "us": 0.3, "ap": 0.1}, parties={2: 1.0})
    come = poisson_arrivals(4_000, 5, np.random.default_rng(1), crowd)
    assert np.bincount(come.homes) / 4_000 == pytest.approx([0.6, 0.3, 0.1], abs=0.03)
    assert (come.homes[::2] == come.homes[1::2]).all(), "friends live in one region"
    eu = come.latencies_ms[come.homes == 0]
    assert 10 <= eu[:, 0].min() < eu[:, 0].max() <= 60
    assert (np.diff(eu, axis=1) >= 59).all()
    assert eu[:, 2].mean() - eu[:, 0].mean() == pytest.approx(170, abs=2)


def test_tickets_tell_latencies_as_production_writes_them_and_deviations_only_where_they_count() -> None:
    come = told(arrivals((0, 1500)), ("eu", "us"), (20, 105))
    assert _traits(come, knows_deviations=False) == ["l=eu:20,us:105"]
    traits = traits_of(_traits(come, knows_deviations=True)[0])
    assert (traits.deviation, traits.games, traits.latencies_ms) == (60, 100, {"eu": 20, "us": 105})


def test_a_duel_waits_for_a_region_that_is_near_enough_to_both() -> None:
    come = told(arrivals((0, 1500), (0, 1500)), ("eu", "us"), (20, 110), (120, 20))
    assert simulate(come, Ours()).waited_ms.tolist() == [5, 5]
    limit = LatencyLimit(max_ms=80, step_ms=20, every_seconds=10, max_extra_ms=60)
    outcome = simulate(come, Ours(latency=limit))
    assert outcome.waited_ms.tolist() == [20_000, 20_000], "two steps make 120 ms"
    assert outcome.games[0].region == "us"


def test_regions_are_told_by_home_and_the_worst_off_of_each_match() -> None:
    come = told(arrivals((0, 1500), (0, 1500), (0, 2500)), ("eu", "us"), (20, 110), (130, 30), (25, 140))
    for policy in (Ours(), Lichess()):
        figures = regions_of(simulate(come, policy))
        assert list(figures) == ["eu", "us"]
        assert (figures["eu"].players, figures["eu"].unmatched) == (2, 0.5)
        assert figures["us"].worst_latency_p95 == 110, "who does not look at regions plays in the best one"
    assert regions_of(simulate(arrivals((0, 1500), (0, 1500)), Ours())) == {}


def test_published_ratings_are_those_of_the_page() -> None:
    points = published_ratings("chess-rapid").points(200_000, np.random.default_rng(1))
    assert 100 <= points.min() < points.max() < 3_500
    assert np.mean(points < 1_000) == pytest.approx(0.7299, abs=0.003), "as the page sums up its own counts"
    assert np.mean(points >= 2_000) == pytest.approx(0.0040, abs=0.0006)


def test_ratings_of_a_file_are_drawn_from_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "known.csv"
    path.write_text("name,rating\na,1200\nb,1350.5\nc,1200\n")
    drawn = Ratings(ratings_from_file(path)).draw(600, np.random.default_rng(1))[0]
    assert set(drawn) == {1200, 1350.5}
    assert 350 < (drawn == 1200).sum() < 450


@pytest.mark.parametrize(("text", "reason"), [("name\na\n", ":1: no column rating"), ("rating\nx\n", ":2: rating: 'x'"),
                                              ("rating\n", "no ratings")])  # fmt: skip
def test_a_file_of_no_ratings_is_refused_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "known.csv").write_text(text)
    with pytest.raises(SourceError, match=reason):
        ratings_from_file(tmp_path / "known.csv")


def joins_of(tmp_path: Path, text: str, regions: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
    (tmp_path / "joins.csv").write_text("time,rating,region,party\n" + text)
    return arrivals_from_file(tmp_path / "joins.csv", 60, np.random.default_rng(1), regions)


def test_real_joins_may_tell_party_and_region(tmp_path: Path) -> None:
    come = joins_of(tmp_path, "5,1400,us,b\n0,1500,eu,\n5,1410,eu,\n5,1300,us,b\n", ("us", "eu"))
    assert come.parties == ["", "", "b", "b"]
    assert come.ratings.tolist() == [1500, 1410, 1300, 1400]
    assert come.regions == ("us", "eu")
    assert come.homes.tolist() == [1, 1, 0, 0]
    assert (come.latencies_ms.argmin(axis=1) == come.homes).all()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("0,1,eu,a\n1,1,eu,a\n", "party: 'a' joins at several times"), ("0,1,eu,\n1,1,,\n", "some joins have one"),
     ("0,1,eu,\n1,1,moon,\n", "'moon' is not one of eu, us")],
)  # fmt: skip
def test_joins_that_contradict_themselves_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        joins_of(tmp_path, text, ("eu", "us"))


def test_words_become_shares_sizes_and_seeds() -> None:
    assert shares_of("eu:0.6, us:0.4") == {"eu": 0.6, "us": 0.4}
    assert sizes_of("1:0.6,2:0.4", 2) == {1: 0.6, 2: 0.4}
    assert seeds_of("3", 101) == [101, 102, 103]
    assert seeds_of("7,5", 101) == [7, 5]
    assert seeds_of("7,", 101) == [7]


@pytest.mark.parametrize("words", ["eu", "eu:x", "eu:-1", "eu:inf", ":1", "eu:1,eu:2", "eu:0", ""])
def test_shares_that_say_nothing_are_refused(words: str) -> None:
    with pytest.raises(WordsError):
        shares_of(words)


@pytest.mark.parametrize("words", ["3:1", "0:1", "x:1"])
def test_sizes_that_the_queue_does_not_let_in_are_refused(words: str) -> None:
    with pytest.raises(WordsError, match="from 1 to 2"):
        sizes_of(words, 2)


@pytest.mark.parametrize("words", ["0", "x", "-1", "1,1", "2,x", "1001", ","])
def test_seeds_that_say_nothing_are_refused(words: str) -> None:
    with pytest.raises(WordsError):
        seeds_of(words, 101)


def test_a_mean_is_of_normal_ratings_only() -> None:
    assert curve_of("normal", 1000, 0).points(2, np.random.default_rng(1)).tolist() == [1000, 1000]
    for words, mean in (("chess-rapid", 1500.0), ("moon", None)):
        with pytest.raises(WordsError):
            curve_of(words, mean, None)
