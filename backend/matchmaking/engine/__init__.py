"""The engine: from waiting tickets to who plays whom, decided purely.

Names are fetched when first used: who needs only a `SearchWindow`, as web processes do, does not load numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matchmaking.engine.backfill import OpenSeats, fill_seats
    from matchmaking.engine.density import Density, estimate_density
    from matchmaking.engine.pairing import Pairing, find_matches
    from matchmaking.engine.patience import Patience
    from matchmaking.engine.search_window import SearchWindow, WhoseWait
    from matchmaking.engine.teams.grouping import GroupedMatch, Grouping, find_groups
    from matchmaking.engine.tickets import WaitingTickets

__all__ = [
    "Density",
    "GroupedMatch",
    "Grouping",
    "OpenSeats",
    "Pairing",
    "Patience",
    "SearchWindow",
    "WaitingTickets",
    "WhoseWait",
    "estimate_density",
    "fill_seats",
    "find_groups",
    "find_matches",
]

_HOMES = {
    "Density": "density",
    "GroupedMatch": "teams.grouping",
    "Grouping": "teams.grouping",
    "OpenSeats": "backfill",
    "Pairing": "pairing",
    "Patience": "patience",
    "SearchWindow": "search_window",
    "WaitingTickets": "tickets",
    "WhoseWait": "search_window",
    "estimate_density": "density",
    "fill_seats": "backfill",
    "find_groups": "teams.grouping",
    "find_matches": "pairing",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
