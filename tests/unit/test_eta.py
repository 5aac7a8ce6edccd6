"""ETAs: whose waits they are from, what a wait so far changes, and whether they are kept."""

from collections.abc import Sequence

import numpy as np
import pytest

from matchmaking.expectations.calibration import calibrate
from matchmaking.expectations.eta import FRESH_MS, NOBODY_KNOWS, Basis, Estimator
from matchmaking.expectations.history import QueueHistory, queue_history
from matchmaking.expectations.hours import HourlyWaits, hourly_waits
from matchmaking.expectations.service_levels import service_levels
from matchmaking.recent import RecentMatches
from tests.builders import NOW_MS

HOUR_MS = 3_600_000

#: rating, waited ms, at ms, region
Row = tuple[float, int, int, str]


def played(rows: Sequence[Row], gaps: Sequence[float] | None = None) -> RecentMatches:
    ratings, waits, at_ms, regions = zip(*rows, strict=True) if rows else ((), (), (), ())
    return RecentMatches(
        ratings=np.array(ratings, dtype=np.float64),
        waits_ms=np.array(waits, dtype=np.int64),
        gaps=np.array(gaps if gaps is not None else [10.0] * len(rows), dtype=np.float64),
        at_ms=np.array(at_ms, dtype=np.int64),
        regions=regions,
    )


def waits(*waits_ms: int, rating: float = 1500.0, region: str = "", age_ms: int = 1_000, times: int = 1) -> list[Row]:
    return [(rating, wait, NOW_MS - age_ms, region) for wait in waits_ms * times]


TEN_TO_200 = tuple(range(10_000, 201_000, 10_000))


def test_an_eta_is_a_place_in_order_that_one_more_wait_stays_below_as_often_as_said() -> None:
    estimator = Estimator(played(waits(*reversed(TEN_TO_200))), None, NOW_MS)

    eta = estimator.eta(1500, "", 0, NOW_MS)

    # Of 20 waits the 11th and the 19th: a plain quantile would say 105 and 181, a plain rank 100 and 180.
    assert (eta.p50_seconds, eta.p90_seconds, eta.of_matches, eta.basis) == (110.0, 190.0, 20, Basis.QUEUE)


def test_who_has_waited_is_told_what_is_left_for_those_who_waited_as_long() -> None:
    estimator = Estimator(played(waits(*TEN_TO_200)), None, NOW_MS)

    eta = estimator.eta(1500, "", 100_000, NOW_MS)

    # 110 to 200 s are left of the 20 waits; less the 100 s that are over. Without the condition it were 10 s and 90 s.
    assert (eta.p50_seconds, eta.p90_seconds, eta.of_matches) == (60.0, 100.0, 10)
    assert estimator.eta(1500, "", 110_000, NOW_MS) == NOBODY_KNOWS


def test_the_nearest_in_rating_are_asked_and_not_the_first_ones() -> None:
    near = waits(*range(90_000, 96_000, 100), rating=2000)
    crowd = waits(*range(1_000, 7_000, 100), rating=1850, times=5)
    estimator = Estimator(played([*crowd, *near, *waits(500, rating=2600, times=60)]), None, NOW_MS)

    assert 90 < estimator.eta(2001, "", 0, NOW_MS).p50_seconds < 96  # type: ignore[operator]
    assert estimator.eta(1850, "", 0, NOW_MS).p50_seconds < 7  # type: ignore[operator]


def test_nobody_knows_where_nobody_near_was_matched() -> None:
    estimator = Estimator(played(waits(*TEN_TO_200, times=10)), None, NOW_MS)

    assert estimator.eta(1801, "", 0, NOW_MS) == NOBODY_KNOWS
    assert estimator.eta(1800, "", 0, NOW_MS) != NOBODY_KNOWS
    assert Estimator(played([]), None, NOW_MS).eta(1500, "", 0, NOW_MS) == NOBODY_KNOWS
    assert Estimator(played(waits(*TEN_TO_200[:19])), None, NOW_MS).eta(1500, "", 0, NOW_MS) == NOBODY_KNOWS


def test_the_own_region_is_asked_first_and_all_regions_where_it_says_too_little() -> None:
    rows = [*waits(*range(1_000, 2_900, 100), region="eu", times=2), *waits(*range(60_000, 61_900, 100), region="au")]
    estimator = Estimator(played(rows), None, NOW_MS)

    eu, au = estimator.eta(1500, "eu", 0, NOW_MS), estimator.eta(1500, "au", 0, NOW_MS)

    assert (eu.basis, eu.of_matches) == (Basis.REGION, 30)
    assert (au.basis, au.of_matches) == (Basis.QUEUE, 30)  # 19 of its own are too few


def test_matches_of_long_ago_tell_less_than_the_hour_and_more_than_nothing() -> None:
    rows = waits(*TEN_TO_200, age_ms=FRESH_MS + 1)
    hours = hourly_waits(np.full(20, 1500.0), np.full(20, 3_000), np.full(20, NOW_MS - 24 * HOUR_MS))

    with_hours = Estimator(played(rows), hours, NOW_MS)

    assert with_hours.eta(1500, "", 0, NOW_MS).basis is Basis.HOUR
    assert with_hours.eta(1500, "", 0, NOW_MS).p50_seconds == 3.0
    assert with_hours.eta(1500, "", 0, NOW_MS + HOUR_MS).basis is Basis.OLDER
    assert Estimator(played(rows), None, NOW_MS).eta(1500, "", 0, NOW_MS).p50_seconds == 110.0


def test_hours_are_kept_small_and_come_back_as_they_were() -> None:
    rng = np.random.default_rng(5)
    ratings, waits_ms = rng.normal(1500, 300, 20_000), rng.exponential(20_000, 20_000).astype(np.int64)
    hours = hourly_waits(ratings, waits_ms, NOW_MS - rng.integers(0, 24 * HOUR_MS, 20_000))
    assert hours is not None

    assert HourlyWaits.of_tree(hours.to_tree()) == hours
    cell = hours.cell(1500, NOW_MS)
    assert cell is not None
    assert len(cell.waits_ms) == 30
    assert cell.count > 200
    assert np.median(cell.waits_ms) == pytest.approx(20_000 * np.log(2), rel=0.2)
    assert sorted(band for hour, band in hours.cells if hour == 0) == [0, 1, 2, 3, 4]  # 8 of the top 1 % are too few


def exponential(count: int, mean_ms: float, *, seed: int = 7, every_ms: int = 2_000) -> list[Row]:
    """Newest first."""
    rng = np.random.default_rng(seed)
    drawn = rng.exponential(mean_ms, count).astype(int)
    ratings = rng.normal(1500, 200, count)
    return [(float(ratings[n]), int(drawn[n]), NOW_MS - n * every_ms, "") for n in range(count)]


def test_etas_of_a_steady_queue_are_kept_as_often_as_they_say() -> None:
    kept = calibrate(played(exponential(5_000, 20_000)))

    assert kept.of > 3_900
    assert kept.p50_kept == pytest.approx(0.5, abs=0.03)
    assert kept.p90_kept == pytest.approx(0.9, abs=0.02)


def test_a_calibration_knows_nothing_of_matches_after_the_join() -> None:
    # Quick for the first half, slow from then on: those who join at the turn are told by the quick ones.
    slow, quick = exponential(150, 200_000, every_ms=100), exponential(300, 1_000, every_ms=100)
    rows = [*slow, *((rating, wait, at - 400_000, region) for rating, wait, at, region in quick)]

    kept = calibrate(played(rows), asked=150)

    assert kept.of > 100
    assert kept.p90_kept is not None
    assert kept.p90_kept < 0.1


def test_the_calibration_of_nothing_is_nothing() -> None:
    assert calibrate(played([])).p50_kept is None
    assert calibrate(played(waits(*TEN_TO_200))).of == 0


def test_service_levels_part_players_by_rating_and_newcomers_by_games() -> None:
    ratings = np.arange(1000.0, 3000.0)
    waits_ms = np.where(ratings >= 2980, 90_000, np.where(ratings < 1200, 30_000, 2_000))
    gaps, games = np.where(ratings >= 2800, 300.0, 20.0), np.where(ratings % 20 == 0, 9, 10)
    waits_ms = np.where(games < 10, waits_ms + 1_000, waits_ms)

    levels = service_levels(ratings, waits_ms, gaps, games)

    assert {name: (level.p95_wait_seconds, level.p95_gap, level.of_players) for name, level in levels.items()} == {
        "bottom_10_percent": (30.0, 20.0, 200),
        "middle": (2.0, 20.0, 1600),
        "top_10_percent": (90.0, 300.0, 200),
        "top_1_percent": (90.0, 300.0, 20),
        "newcomers": (31.0, 300.0, 100),
    }


def test_of_too_few_players_no_level_is_told() -> None:
    levels = service_levels(np.arange(19.0), np.full(19, 5), np.full(19, 5.0), np.zeros(19))

    assert levels["newcomers"].p95_wait_seconds is None
    assert levels["newcomers"].of_players == 19
    assert service_levels(*(np.array([]),) * 4)["middle"].of_players == 0


def test_what_history_says_comes_back_from_json_as_it_was() -> None:
    rows = exponential(500, 20_000)
    history = queue_history(played(rows), np.zeros(500), NOW_MS)

    assert history.calibration.of > 400
    assert QueueHistory.of_tree(history.to_tree()) == history
    assert QueueHistory.of_tree(QueueHistory(NOW_MS).to_tree()) == QueueHistory(NOW_MS)
