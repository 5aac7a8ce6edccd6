"""The real engine, called when production calls it: by the clock, and when a join asks for a round."""

from collections import deque
from collections.abc import Collection

import numpy as np

from matchmaking.engine.density import Density, estimate_density
from matchmaking.engine.pairing import find_matches
from matchmaking.engine.search_window import SearchWindow
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.engine.traits import Traits, traits_text
from players.rating_models import RatingModel
from simulator.arrivals import Arrivals
from simulator.policies.port import Pairs

#: Milliseconds between rounds that the clock asks for: `ROUND_INTERVAL_SECONDS` as shipped.
ROUND_INTERVAL_MS = 500
#: Milliseconds from a join to the round it asks for: sending a task and starting it.
NUDGE_MS = 5
#: Players matched last, from whom a round estimates how densely others arrive.
REMEMBERED = 1_000
SHIPPED = SearchWindow()


class Ours:
    """One round at a time over all who wait; only who was matched lately is kept from one to the next."""

    def __init__(
        self, window: SearchWindow = SHIPPED, *, name: str = "ours", rating_model: RatingModel = RatingModel.ELO
    ) -> None:
        self.name = name
        self._knows_deviations = rating_model is not RatingModel.ELO
        self._window = window

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        self._arrivals = arrivals
        self._traits = _traits(arrivals) if self._knows_deviations else [""] * len(arrivals)
        self._nudge_ms: int | None = None
        self._matched: deque[int] = deque(maxlen=REMEMBERED)
        self._density: Density | None = None
        self._estimated_ms = -ROUND_INTERVAL_MS

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Pairs:
        """A join asks for one round, if a second ticket waits and none has asked yet."""
        if len(waiting) > 1 and self._nudge_ms is None:
            self._nudge_ms = now_ms + NUDGE_MS
        return ()

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        if len(waiting) < 2:
            self._nudge_ms = None
            return None
        by_clock = (now_ms // ROUND_INTERVAL_MS + 1) * ROUND_INTERVAL_MS
        return by_clock if self._nudge_ms is None else min(by_clock, self._nudge_ms)

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Pairs:
        self._nudge_ms = None
        rows = np.fromiter(waiting, np.intp, len(waiting))
        tickets = WaitingTickets(
            player_ids=[self._arrivals.player_ids[row] for row in rows],
            ratings=self._arrivals.ratings[rows],
            joined_ms=self._arrivals.joined_ms[rows],
            traits=[self._traits[row] for row in rows],
        )
        density = self._recent_density(rows, now_ms) if self._window.patience else None
        pairs = rows[find_matches(tickets, self._window, now_ms, density=density).pairs].tolist()
        for pair in pairs:
            self._matched.extend(pair)
        return [(one, other) for one, other in pairs]

    def _recent_density(self, rows: np.ndarray, now_ms: int) -> Density:
        """Of those who were matched lately and those who wait; estimated once a round of the clock."""
        if self._density is None or now_ms - self._estimated_ms >= ROUND_INTERVAL_MS:
            known = np.concatenate((np.fromiter(self._matched, np.intp, len(self._matched)), rows))
            self._density = estimate_density(self._arrivals.ratings[known], self._arrivals.joined_ms[known], now_ms)
            self._estimated_ms = now_ms
        return self._density


def _traits(arrivals: Arrivals) -> list[str]:
    """As tickets carry them in a queue whose rating model knows how uncertain a rating is."""
    columns = zip(arrivals.deviations.tolist(), arrivals.games.tolist(), strict=True)
    return [traits_text(Traits(deviation=deviation, games=games)) for deviation, games in columns]
