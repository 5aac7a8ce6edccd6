"""Tickets for the engine's tests: builders with sensible defaults, and Hypothesis strategies."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from matchmaking.engine import Pairing, SearchWindow, WaitingTickets

#: The moment at which every round of these tests runs. Milliseconds since the epoch.
NOW_MS = 1_795_464_000_000

#: Narrow, and soon much wider: who waits decides who meets.
THIN_WINDOW = SearchWindow(base=10, step=30, every_seconds=10, max_extra=90)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One row of `WaitingTickets`; `waited` in seconds."""

    player_id: str
    rating: float
    waited: float


def a_ticket(player_id: str = "player", *, rating: float = 1500.0, waited: float = 0.0) -> Ticket:
    return Ticket(player_id, rating, waited)


def waiting(tickets: list[Ticket]) -> WaitingTickets:
    """The tickets as columns, in the order given."""
    return WaitingTickets(
        player_ids=[ticket.player_id for ticket in tickets],
        ratings=np.array([ticket.rating for ticket in tickets], dtype=np.float64),
        joined_ms=np.array([NOW_MS - round(ticket.waited * 1000) for ticket in tickets], dtype=np.int64),
    )


def players_met(tickets: list[Ticket], pairing: Pairing) -> set[frozenset[str]]:
    """Who plays whom, by player."""
    return {frozenset((tickets[a].player_id, tickets[b].player_id)) for a, b in pairing.pairs}


def pools(*, min_size: int = 0, max_size: int, rating_steps: int = 300) -> st.SearchStrategy[list[Ticket]]:
    """Pools full of ties: ratings in half points, a few lengths of wait, players in no order of arrival."""
    ratings = st.integers(0, rating_steps).map(lambda half: 1500 + half / 2)
    waits = st.sampled_from([-5, 0, 9.999, 10, 20, 60])
    rows = st.lists(st.tuples(ratings, waits), min_size=min_size, max_size=max_size)
    return rows.flatmap(
        lambda rows: st.permutations(range(len(rows))).map(
            lambda ids: [
                a_ticket(f"player-{id:02}", rating=rating, waited=waited)
                for id, (rating, waited) in zip(ids, rows, strict=True)
            ]
        )
    )
