"""The seed decides what breaks when: the same faults again, and enough of them."""

from itertools import pairwise

import pytest

from chaos.faults import KINDS
from chaos.schedule import make_schedule

SECONDS_OF_KINDS = {name: kind.seconds for name, kind in KINDS.items()}
SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_minutes_hold_sixty_faults_of_every_kind(seed: int) -> None:
    schedule = make_schedule(seed=seed, seconds=600, kinds=SECONDS_OF_KINDS)
    assert len(schedule) >= 62
    assert {planned.kind for planned in schedule} == set(KINDS)


def test_the_same_seed_is_the_same_schedule_and_another_one_is_not() -> None:
    first, again, other = (make_schedule(seed=seed, seconds=600, kinds=SECONDS_OF_KINDS) for seed in (7, 7, 8))
    assert first == again
    assert first != other


@pytest.mark.parametrize("seconds", [25, 600])
@pytest.mark.parametrize("seed", SEEDS)
def test_faults_do_not_overlap_and_leave_time_to_recover(seed: int, seconds: float) -> None:
    schedule = make_schedule(seed=seed, seconds=seconds, kinds=SECONDS_OF_KINDS)
    assert schedule
    for one, after in pairwise(schedule):
        assert after.at >= one.at + one.seconds + 2.0
    assert schedule[-1].at + schedule[-1].seconds <= seconds - 7


def test_a_fault_that_takes_most_of_a_minute_is_rare_and_in_no_short_run() -> None:
    for seed in SEEDS:
        times = [each.at for each in make_schedule(seed=seed, seconds=600, kinds=SECONDS_OF_KINDS) if each.seconds > 15]
        assert 1 <= len(times) <= 2
        assert not [each for each in make_schedule(seed=seed, seconds=40, kinds=SECONDS_OF_KINDS) if each.seconds > 8]


def test_without_kinds_there_is_no_fault() -> None:
    assert make_schedule(seed=1, seconds=600, kinds={}) == []
