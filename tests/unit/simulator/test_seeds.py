"""Several seeds: each its own run, in this process or in others, and summed up."""

from dataclasses import replace

import numpy as np
import pytest

from simulator.arrivals import Crowd, poisson_arrivals
from simulator.policies.on_join import Showdown
from simulator.policies.ours import Ours
from simulator.seeds import Run, over_seeds, run_all
from simulator.tables import cells, multiple, titled


def a_run(seed: int, *, with_limit: bool = False) -> Run:
    crowd = Crowd(regions={"eu": 0.5, "us": 0.5})
    come = poisson_arrivals(60, 1.0, np.random.default_rng(seed), crowd)
    return Run("a study", seed, come, [Ours(), Showdown()], with_limit=with_limit, is_duel=True)


def test_processes_of_their_own_give_the_same_figures_in_the_same_order() -> None:
    runs = [a_run(seed) for seed in (101, 102)]
    heard: list[tuple[int, str, int]] = []
    here = run_all(runs, 1, lambda run, doing, joined: heard.append((run.seed, doing, joined)))
    assert (102, "ours", 60) in heard
    heard.clear()
    assert repr(run_all(runs, 2, lambda run, doing, joined: heard.append((run.seed, doing, joined)))) == repr(here)
    assert sorted(heard) == [(101, "done", 60), (102, "done", 60)]
    assert here[0].results[0].bands["all"] != here[1].results[0].bands["all"]


def test_seeds_are_summed_up_by_mean_and_standard_deviation() -> None:
    studies = run_all([a_run(seed, with_limit=True) for seed in (101, 102, 103)], 1, lambda run, doing, joined: None)
    whole = over_seeds(studies)
    waits = [each.results[1].bands["middle"].wait_mean for each in studies]
    assert whole.results[1].bands["middle"].wait_mean == pytest.approx(np.mean(waits))
    assert whole.results[1].spreads["middle"].wait_mean == pytest.approx(np.std(waits, ddof=1))
    multiples = [each.results[0].multiple for each in studies]
    assert whole.results[0].multiple == pytest.approx(np.mean(multiples))
    assert whole.results[0].multiple_spread == pytest.approx(np.std(multiples, ddof=1))
    p95s = [each.results[0].regions["us"].wait_p95 for each in studies]
    assert whole.results[0].regions["us"].wait_p95 == pytest.approx(np.mean(p95s))
    assert list(whole.seeds) == [101, 102, 103]
    assert "seeds 101, 102, 103" in titled(whole)


def test_a_figure_of_seeds_is_written_with_its_spread_and_of_one_without() -> None:
    study = run_all([a_run(101)], 1, lambda run, doing, joined: None)[0]
    assert over_seeds([study]) is study
    assert not any("±" in cell for cell in cells(study, study.results[0], "all"))
    result = study.results[0]
    mean = replace(result.bands["all"], wait_mean=2.5, unmatched=0.031)
    spread = replace(mean, wait_mean=0.25, unmatched=0.004)
    mean, spread = replace(mean, gap_p99=1_260.4), replace(spread, gap_p99=132.0)
    told = replace(result, bands={"all": mean}, spreads={"all": spread}, multiple=1.8, multiple_spread=0.05)
    words = cells(study, told, "all")
    assert words[0] == "60"
    assert words[1] == "2.5 ±0.25"
    assert words[7] == "1,260 ±132"
    assert words[-1] == "3.1 % ±0.4"
    assert multiple(told) == "1.80 ±0.05"
