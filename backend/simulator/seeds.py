"""The same study with several seeds: each run by a process of its own, the figures as means with their spread."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import astuple, dataclass
from multiprocessing import get_context
from typing import Any, TypeVar

import numpy as np

from simulator.arrivals import Arrivals
from simulator.figures import Figures, RegionFigures
from simulator.policies.port import Policy
from simulator.study import PolicyResult, Study, study

#: Seconds between two looks at which runs have ended.
LOOK_SECONDS = 0.1

_Values = TypeVar("_Values", Figures, RegionFigures)


@dataclass(frozen=True, slots=True)
class Run:
    """What one process does: one set of arrivals through all policies."""

    title: str
    seed: int
    arrivals: Arrivals
    policies: Sequence[Policy]
    with_limit: bool
    is_duel: bool

    def study(self, on_step: Callable[[str, int], None] = lambda doing, joined: None) -> Study:
        return study(
            self.title,
            self.arrivals,
            self.policies,
            seed=self.seed,
            with_limit=self.with_limit,
            is_duel=self.is_duel,
            on_step=on_step,
        )


def run_all(runs: Sequence[Run], jobs: int, on_step: Callable[[Run, str, int], None]) -> list[Study]:
    """In the order of the runs, whichever ends first. `on_step` hears what a run does and how many have joined; where
    other processes run them, only that a run has ended."""
    if min(jobs, len(runs)) < 2:
        return [run.study(lambda doing, joined, run=run: on_step(run, doing, joined)) for run in runs]  # type: ignore[misc]
    with ProcessPoolExecutor(min(jobs, len(runs)), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run.study) for run in runs]
        _watch(runs, futures, on_step)
        return [future.result() for future in futures]


def _watch(runs: Sequence[Run], futures: Sequence["Future[Study]"], on_step: Callable[[Run, str, int], None]) -> None:
    running = set(range(len(runs)))
    while running:
        for place in sorted(place for place in running if futures[place].done()):
            running.remove(place)
            on_step(runs[place], "done", len(runs[place].arrivals))
        time.sleep(LOOK_SECONDS if running else 0)


def over_seeds(studies: Sequence[Study]) -> Study:
    """One study of those that differ in their seed alone."""
    first = studies[0]
    if len(studies) == 1:
        return first
    results = [_result([each.results[place] for each in studies]) for place in range(len(first.results))]
    seeds = [seed for each in studies for seed in each.seeds]
    per_second = _mean([each.per_second for each in studies])
    return Study(first.title, first.is_duel, seeds, per_second, first.limit, results)


def _result(results: Sequence[PolicyResult]) -> PolicyResult:
    multiples = [result.multiple for result in results if result.multiple is not None]
    return PolicyResult(
        results[0].policy,
        _by_name([result.bands for result in results], _mean),
        _mean(multiples) if multiples else None,
        _by_name([result.regions for result in results], _mean),
        _by_name([result.bands for result in results], _spread),
        _spread(multiples) if multiples else None,
    )


def _by_name(
    of_seeds: Sequence[Mapping[str, _Values]], summed_up: Callable[[Sequence[float]], float]
) -> dict[str, _Values]:
    return {name: _summed_up([each[name] for each in of_seeds], summed_up) for name in of_seeds[0]}


def _summed_up(values: Sequence[_Values], summed_up: Callable[[Sequence[float]], float]) -> _Values:
    columns: list[Any] = [
        summed_up([float(value) for value in column]) for column in zip(*map(astuple, values), strict=True)
    ]
    return type(values[0])(*columns)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _spread(values: Sequence[float]) -> float:
    """Standard deviation, as estimated from few."""
    return float(np.std(values, ddof=1))
