"""The engine: from waiting tickets to who plays whom, decided purely.

Names are fetched when first used: who needs only a `SearchWindow`, as web processes do, does not load numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matchmaking.engine.density import Density, estimate_density
    from matchmaking.engine.pairing import Pairing, find_matches
    from matchmaking.engine.patience import Patience
    from matchmaking.engine.search_window import SearchWindow, WhoseWait
    from matchmaking.engine.tickets import WaitingTickets

__all__ = [
    "Density",
    "Pairing",
    "Patience",
    "SearchWindow",
    "WaitingTickets",
    "WhoseWait",
    "estimate_density",
    "find_matches",
]

_HOMES = {
    "Density": "density",
    "Pairing": "pairing",
    "Patience": "patience",
    "SearchWindow": "search_window",
    "WaitingTickets": "tickets",
    "WhoseWait": "search_window",
    "estimate_density": "density",
    "find_matches": "pairing",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
