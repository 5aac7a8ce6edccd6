"""The real engine, called when production calls it: by the clock, and when a join asks for a round."""

from collections import deque
from collections.abc import Collection

import numpy as np

from matchmaking.engine.demands import BalanceRule, LatencyLimit, MatchFormat, PartyRule
from matchmaking.engine.density import Density, estimate_density
from matchmaking.engine.pairing import find_matches
from matchmaking.engine.search_window import SearchWindow
from matchmaking.engine.teams.grouping import find_groups
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.engine.traits import Traits, traits_text
from players.rating_models import RatingModel
from simulator.arrivals import Arrivals
from simulator.policies.port import Found, Game

#: Milliseconds between rounds that the clock asks for: `ROUND_INTERVAL_SECONDS` as shipped.
ROUND_INTERVAL_MS = 500
#: Milliseconds from a join to the round it asks for: sending a task and starting it.
NUDGE_MS = 5
#: Players matched last, from whom a round estimates how densely others arrive.
REMEMBERED = 1_000
SHIPPED, ANYWHERE, ALONE, UNBOUNDED = SearchWindow(), LatencyLimit(), PartyRule(), BalanceRule()


class _Rounds:
    """One round at a time over all who wait, when production runs one."""

    def __init__(self, name: str, window: SearchWindow, latency: LatencyLimit, rating_model: RatingModel) -> None:
        self.name = name
        self._window = window
        self._latency = latency
        self._knows_deviations = rating_model is not RatingModel.ELO

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        self._arrivals = arrivals
        self._traits = _traits(arrivals, knows_deviations=self._knows_deviations)
        self._nudge_ms: int | None = None

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Found:
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

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Found:
        self._nudge_ms = None
        rows = np.fromiter(waiting, np.intp, len(waiting))
        parties = self._arrivals.parties
        tickets = WaitingTickets(
            player_ids=[self._arrivals.player_ids[row] for row in rows],
            ratings=self._arrivals.ratings[rows],
            joined_ms=self._arrivals.joined_ms[rows],
            parties=[parties[row] for row in rows] if parties else (),
            traits=[self._traits[row] for row in rows],
        )
        return self._decide(tickets, rows, now_ms)

    def _decide(self, tickets: WaitingTickets, rows: np.ndarray, now_ms: int) -> Found:
        raise NotImplementedError


class Ours(_Rounds):
    """Two play. Only who was matched lately is kept from one round to the next."""

    def __init__(
        self,
        window: SearchWindow = SHIPPED,
        *,
        name: str = "ours",
        rating_model: RatingModel = RatingModel.ELO,
        latency: LatencyLimit = ANYWHERE,
    ) -> None:
        super().__init__(name, window, latency, rating_model)

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        super().begin(arrivals, dice)
        self._matched: deque[int] = deque(maxlen=REMEMBERED)
        self._density: Density | None = None
        self._estimated_ms = -ROUND_INTERVAL_MS

    def _decide(self, tickets: WaitingTickets, rows: np.ndarray, now_ms: int) -> Found:
        density = self._recent_density(rows, now_ms) if self._window.patience else None
        pairing = find_matches(tickets, self._window, now_ms, density=density, latency=self._latency)
        pairs = rows[pairing.pairs].tolist()
        for pair in pairs:
            self._matched.extend(pair)
        regions = pairing.regions or [""] * len(pairs)
        return [Game(((one,), (other,)), region) for (one, other), region in zip(pairs, regions, strict=True)]

    def _recent_density(self, rows: np.ndarray, now_ms: int) -> Density:
        """Of those who were matched lately and those who wait; estimated once a round of the clock."""
        if self._density is None or now_ms - self._estimated_ms >= ROUND_INTERVAL_MS:
            known = np.concatenate((np.fromiter(self._matched, np.intp, len(self._matched)), rows))
            self._density = estimate_density(self._arrivals.ratings[known], self._arrivals.joined_ms[known], now_ms)
            self._estimated_ms = now_ms
        return self._density


class OursInTeams(_Rounds):
    """Teams of several, or more than two of one."""

    def __init__(
        self,
        format: MatchFormat,
        window: SearchWindow = SHIPPED,
        *,
        name: str = "ours",
        rating_model: RatingModel = RatingModel.OPENSKILL,
        latency: LatencyLimit = ANYWHERE,
        party: PartyRule = ALONE,
        balance: BalanceRule = UNBOUNDED,
    ) -> None:
        super().__init__(name, window, latency, rating_model)
        self._format, self._party, self._balance = format, party, balance

    def _decide(self, tickets: WaitingTickets, rows: np.ndarray, now_ms: int) -> Found:
        grouping = find_groups(
            tickets,
            format=self._format,
            window=self._window,
            latency=self._latency,
            party=self._party,
            balance=self._balance,
            now_ms=now_ms,
        )
        return [
            Game(tuple(tuple(rows[list(team)].tolist()) for team in match.teams), match.region)
            for match in grouping.matches
        ]


def _traits(arrivals: Arrivals, *, knows_deviations: bool) -> list[str]:
    """As tickets carry them: deviations where the queue's rating model knows of them, latencies where they are told."""
    told = arrivals.latencies_ms.astype(int).tolist() if arrivals.regions else [()] * len(arrivals)
    columns = zip(arrivals.deviations.tolist(), arrivals.games.tolist(), told, strict=True)
    return [
        traits_text(
            Traits(
                deviation=deviation if knows_deviations else 0.0,
                games=games if knows_deviations else 0,
                latencies_ms=dict(zip(arrivals.regions, latencies, strict=True)),
            )
        )
        for deviation, games, latencies in columns
    ]
