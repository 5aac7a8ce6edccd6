"""The peers, each at the figures of its description, on few players."""

import numpy as np
import pytest

from simulator.clockwork import NOBODY, simulate
from simulator.policies.faf import Faf
from simulator.policies.in_turn import NakamaLike, OpenMatchLike, PlayFabLike
from simulator.policies.lichess import Lichess
from simulator.policies.on_join import Original, Showdown, original_reach, showdown_reach
from tests.unit.simulator.builders import arrivals


def test_a_lichess_wave_comes_after_twelve_to_thirteen_seconds() -> None:
    outcome = simulate(arrivals((0, 1500), (0, 1520)), Lichess())
    assert 12_000 <= outcome.waited_ms[0] < 13_000


def test_a_lichess_wave_comes_at_once_when_the_pool_is_full() -> None:
    outcome = simulate(arrivals(*((row, 1500.0) for row in range(40))), Lichess())
    assert outcome.is_matched.all()
    assert outcome.waited_ms.max() == 39


@pytest.mark.parametrize(
    ("low", "gap", "waves"),
    [(1200, 130, 1), (1200, 131, 2), (1200, 142, 2), (1500, 130, 1), (1500, 250, 11), (2500, 196, 1), (2500, 197, 2)],
)
def test_lichess_pairs_a_gap_after_so_many_waves(low: float, gap: float, waves: int) -> None:
    outcome = simulate(arrivals((0, low), (0, low + gap)), Lichess())
    assert 12_000 * waves <= outcome.waited_ms[0] < 13_000 * waves


def test_lichess_never_pairs_beyond_its_widest() -> None:
    widest = 100 + 30 + 400
    patience_ms = 3_600_000
    assert simulate(arrivals((0, 1500), (0, 1500 + widest), patience_ms=patience_ms), Lichess()).is_matched.all()
    assert not simulate(arrivals((0, 1500), (0, 1501 + widest), patience_ms=patience_ms), Lichess()).is_matched.any()


def test_lichess_takes_two_pairs_over_one_closer_pair() -> None:
    outcome = simulate(arrivals((0, 1400), (0, 1500), (0, 1510), (0, 1610)), Lichess())
    assert outcome.opponents.tolist() == [1, 0, 3, 2]


def test_lichess_looks_at_the_smaller_number_of_missed_waves() -> None:
    outcome = simulate(arrivals((0, 1500), (125_000, 1700)), Lichess())
    assert outcome.waited_ms[1] > 6 * 12_000, "70 points beyond the first wave take six missed waves of the newcomer"


def test_faf_pops_after_45_seconds_first_and_never_sooner_than_15_after() -> None:
    rows = [(0, 1500.0), (0, 1500.0), *((45_001 + row, 1500.0) for row in range(20))]
    outcome = simulate(arrivals(*rows), Faf())
    assert outcome.waited_ms[0] == 45_000
    assert outcome.waited_ms[2] == 45_000 + 90_000 - 45_001, "two players in 45 s: five would take longer than 90 s"


@pytest.mark.parametrize(("gap", "attempts"), [(233, 0), (235, 1), (266, 1), (297, 2), (387, 5)])
def test_faf_accepts_the_gap_of_its_table_after_so_many_failed_pops(gap: float, attempts: int) -> None:
    pops = [45_000 + 90_000 * count for count in range(6)]
    outcome = simulate(arrivals((0, 1500), (0, 1500 + gap), patience_ms=3_600_000), Faf())
    assert outcome.waited_ms[0] == pops[attempts]


def test_faf_marries_the_best_pair_and_leaves_the_rest_over() -> None:
    outcome = simulate(arrivals((0, 1300), (0, 1500), (0, 1510), (0, 1710), patience_ms=46_000), Faf())
    assert outcome.opponents.tolist() == [NOBODY, 2, 1, NOBODY]


@pytest.mark.parametrize(
    ("reach", "waited_ms", "points"),
    [
        (showdown_reach, 0, 100), (showdown_reach, 30_000, 200), (showdown_reach, 60_000, 300),
        (showdown_reach, 90_000, 310), (showdown_reach, 10**7, 600),
        (original_reach, 9_999, 100), (original_reach, 10_000, 110), (original_reach, 10**7, 600),
    ],
)  # fmt: skip
def test_a_reach_grows_as_described(reach, waited_ms: int, points: float) -> None:  # type: ignore[no-untyped-def]
    assert reach(waited_ms) == pytest.approx(points)


def test_showdown_takes_the_longest_waiter_by_the_longer_wait_and_not_the_nearest() -> None:
    outcome = simulate(arrivals((0, 1500), (20_000, 1690), (30_000, 1695)), Showdown())
    assert outcome.opponents.tolist() == [2, NOBODY, 0], "after 30 s the first reaches 200 points"


def test_the_original_takes_the_longest_waiter_within_the_own_window_of_who_joins() -> None:
    outcome = simulate(arrivals((0, 1500), (1, 1601), (2, 1590)), Original())
    assert outcome.opponents.tolist() == [2, NOBODY, 0]
    outcome = simulate(arrivals((0, 1500), (500, 1605)), Original())
    assert outcome.waited_ms.tolist() == [10_000, 9_500], "at the poll at which the own window has grown"


def test_the_original_with_a_smaller_window_waits_longer_for_a_closer_one() -> None:
    outcome = simulate(arrivals((0, 1500), (1, 1560), (2, 1540)), Original(0.5))
    assert outcome.opponents.tolist() == [2, NOBODY, 0]
    outcome = simulate(arrivals((0, 1500), (500, 1553)), Original(0.5))
    assert outcome.waited_ms.tolist() == [10_000, 9_500]
    assert [Original().name, Original(0.44).name] == ["guide's original", "guide's original x 0.44"]


def test_a_seed_takes_the_nearest_and_anyone_after_half_a_minute() -> None:
    assert simulate(arrivals((100, 1500), (101, 1590), (102, 1580)), PlayFabLike()).opponents.tolist()[0] == 2
    outcome = simulate(arrivals((0, 1000), (0, 2000)), PlayFabLike())
    assert outcome.waited_ms.tolist() == [30_000, 30_000]


def test_a_fixed_range_pairs_at_15_seconds_within_100_points_or_never() -> None:
    outcome = simulate(arrivals((1, 1500), (1, 1600), (1, 1701)), NakamaLike())
    assert outcome.waited_ms[0] == 14_999
    assert outcome.opponents.tolist() == [1, 0, NOBODY]


def test_a_random_pairing_looks_at_no_rating() -> None:
    rows = [(1, 1000.0 + 1000 * (row % 2)) for row in range(200)]
    gaps = simulate(arrivals(*rows), OpenMatchLike()).gaps
    assert 300 < np.mean(gaps) < 700
