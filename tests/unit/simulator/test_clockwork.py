"""The clockwork: joins, looks and leavings in order of time, on arrivals written down by hand."""

from collections.abc import Collection

import numpy as np

from matchmaking.engine.search_window import SearchWindow
from players.rating_models import RatingModel
from simulator.arrivals import Arrivals, poisson_arrivals
from simulator.clockwork import NOBODY, simulate
from simulator.figures import bands_of, figures_of
from simulator.policies.ours import Ours
from simulator.policies.port import Pairs
from tests.unit.simulator.builders import arrivals


class Sleeper:
    """Looks at one moment only, and pairs the two who came first."""

    name = "sleeper"

    def __init__(self, tick_ms: int) -> None:
        self._tick_ms = tick_ms

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        self.seen: list[list[int]] = []

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Pairs:
        return ()

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        return None if self.seen else self._tick_ms

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Pairs:
        rows = list(waiting)
        self.seen.append(rows)
        return [(rows[0], rows[1])] if len(rows) > 1 else []


def test_a_pair_waited_from_its_joins_to_the_look_that_made_it() -> None:
    outcome = simulate(arrivals((0, 1500), (400, 1600)), Sleeper(1_000))
    assert outcome.opponents.tolist() == [1, 0]
    assert outcome.waited_ms.tolist() == [1_000, 600]
    assert outcome.gaps.tolist() == [100, 100]


def test_who_is_out_of_patience_leaves_and_waited_all_of_it() -> None:
    outcome = simulate(arrivals((0, 1500), (600, 1600), (700, 1700), patience_ms=500), Sleeper(800))
    assert outcome.opponents.tolist() == [NOBODY, 2, 1]
    assert outcome.waited_ms.tolist() == [500, 200, 100]


def test_at_one_millisecond_players_join_then_the_policy_looks_then_players_leave() -> None:
    policy = Sleeper(1_000)
    outcome = simulate(arrivals((0, 1500), (1_000, 1600), patience_ms=1_000), policy)
    assert policy.seen == [[0, 1]]
    assert outcome.waited_ms.tolist() == [1_000, 0]


def test_our_engine_pairs_at_the_round_that_a_join_asked_for() -> None:
    outcome = simulate(arrivals((100, 1500), (200, 1550)), Ours())
    assert outcome.waited_ms.tolist() == [105, 5]


def test_our_engine_pairs_when_the_window_has_grown_to_the_gap() -> None:
    window = SearchWindow(base=100, step=10, every_seconds=10, max_extra=500)
    outcome = simulate(arrivals((0, 1500), (300, 1520), (301, 1635)), Ours(window))
    assert outcome.opponents.tolist() == [1, 0, NOBODY]
    outcome = simulate(arrivals((0, 1500), (301, 1615)), Ours(window))
    assert outcome.waited_ms.tolist() == [20_500, 20_199], "at the first round at which both windows reach 115 points"


def test_an_uncertain_rating_widens_our_window_where_the_rating_model_knows_of_it() -> None:
    window = SearchWindow(base=100, step=10, every_seconds=10, max_extra=500)
    come = arrivals((0, 1500), (0, 1650), patience_ms=5_000, deviation=200.0)
    assert simulate(come, Ours(window, rating_model=RatingModel.GLICKO2)).is_matched.all()
    assert not simulate(come, Ours(window, rating_model=RatingModel.ELO)).is_matched.any()


def test_a_seed_gives_the_same_run_again_and_another_seed_another() -> None:
    runs = [simulate(poisson_arrivals(300, 5, np.random.default_rng(seed)), Ours()) for seed in (1, 1, 2)]
    assert (runs[0].opponents == runs[1].opponents).all()
    assert (runs[0].waited_ms == runs[1].waited_ms).all()
    assert (runs[0].opponents != runs[2].opponents).any()


def test_figures_average_those_who_played_and_rank_the_waits_of_all() -> None:
    outcome = simulate(arrivals((0, 1500), (600, 1600), (700, 1700), patience_ms=500), Sleeper(800))
    figures = figures_of(outcome)
    assert (figures.players, figures.gap_mean) == (3, 100)
    assert abs(figures.wait_mean - 0.15) < 1e-9
    assert figures.wait_p50 == 0.2
    assert figures.unmatched == 1 / 3
    assert 0.63 < figures.favourite_mean < 0.65, "100 points are a chance of 0.64"


def test_bands_are_by_rank_among_all_who_came() -> None:
    bands = bands_of(simulate(arrivals(*((row, 1000.0 + row) for row in range(200))), Sleeper(1_000)))
    assert {name: int(mask.sum()) for name, mask in bands.items()} == {
        "all": 200, "bottom 10 %": 20, "middle": 160, "top 10 %": 20, "top 1 %": 2, "newcomers": 0
    }  # fmt: skip
