"""Like FlexMatch, for two teams: written from its guide, with the rule set of the guide's first example.

Each second the tickets fall into batches by chance. In each batch a match is built around the oldest ticket: the
others, by age, are tentatively put into a team, and stay where the averages of both teams are near enough. How near
widens with the age of the newest ticket of the match, as `expansionAgeSelection` has it by default.

What the guide does not say is chosen here: how many tickets make a batch, how often, and that a ticket is tried in the
emptier team first.
"""

from collections.abc import Collection, Sequence

import numpy as np

from simulator.arrivals import Arrivals
from simulator.policies.port import Found, Game

#: Milliseconds between two looks at the pool.
EVERY_MS = 1_000
#: Tickets of a batch.
BATCH_TICKETS = 50
#: (seconds, rating points): from what age of the newest ticket on, how far the averages of the teams may be apart.
APART = ((15, 100.0), (5, 50.0), (0, 10.0))

#: The rows of a party, or of one who is alone.
Ticket = tuple[int, ...]


class FlexMatchLike:
    name = "FlexMatch-like"

    def __init__(self, team_size: int) -> None:
        self._size = team_size

    def begin(self, arrivals: Arrivals, dice: np.random.Generator) -> None:
        self._ratings, self._joined_ms, self._dice = arrivals.ratings, arrivals.joined_ms, dice
        self._party_of = arrivals.parties or [""] * len(arrivals)

    def on_join(self, row: int, waiting: Collection[int], now_ms: int) -> Found:
        return ()

    def next_tick_ms(self, waiting: Collection[int], now_ms: int) -> int | None:
        return (now_ms // EVERY_MS + 1) * EVERY_MS if len(waiting) >= 2 * self._size else None

    def on_tick(self, waiting: Collection[int], now_ms: int) -> Found:
        parties: dict[str, list[int]] = {}
        for row in waiting:
            parties.setdefault(self._party_of[row] or str(row), []).append(row)
        tickets = [tuple(rows) for rows in parties.values()]
        shuffled = [tickets[place] for place in self._dice.permutation(len(tickets)).tolist()]
        batches = [shuffled[at : at + BATCH_TICKETS] for at in range(0, len(shuffled), BATCH_TICKETS)]
        return [game for batch in batches if (game := self._build(batch, now_ms))]

    def _build(self, batch: Sequence[Ticket], now_ms: int) -> Game | None:
        """The match around the oldest ticket of the batch, if it fills."""
        teams: list[list[int]] = [[], []]
        for ticket in sorted(batch, key=lambda ticket: (self._joined_ms[ticket[0]], ticket[0])):
            newest_seconds = (now_ms - int(self._joined_ms[ticket[0]])) / 1000  # they come by age
            for team in sorted(teams, key=len):
                if len(team) + len(ticket) > self._size:
                    continue
                team.extend(ticket)
                if self._are_near(teams, newest_seconds):
                    break
                del team[-len(ticket) :]
            if all(len(team) == self._size for team in teams):
                return Game((tuple(teams[0]), tuple(teams[1])))
        return None

    def _are_near(self, teams: Sequence[Sequence[int]], newest_seconds: float) -> bool:
        if not all(teams):
            return True
        apart = abs(float(self._ratings[list(teams[0])].mean() - self._ratings[list(teams[1])].mean()))
        return apart <= next(points for after, points in APART if newest_seconds >= after)
