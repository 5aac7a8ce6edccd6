"""Tickets side by side in order of rating: neighbours on the line are the opponents worth looking at."""

from dataclasses import dataclass

import numpy as np

from matchmaking.engine.density import Density
from matchmaking.engine.search_window import SearchWindow
from matchmaking.engine.tickets import WaitingTickets

#: Rating points. Ratings further out are ordered as if they stood here, so that their thousandths are finite.
FARTHEST_RATING = 1e300


@dataclass(frozen=True, slots=True)
class Line:
    """Parallel columns in the order of the line.

    `tickets` intp, where each stands in `WaitingTickets`; `ratings` and `reaches` float64, rating points;
    `thousandths` float64, ratings in whole thousandths of a point, in which sums of gaps are exact;
    `waited_ms` int64; `worths` float64, rating points: half of the gap that a ticket puts up with now (see `Patience`),
    empty where any gap in reach will do.
    """

    tickets: np.ndarray
    ratings: np.ndarray
    thousandths: np.ndarray
    reaches: np.ndarray
    waited_ms: np.ndarray
    worths: np.ndarray


def line_up(tickets: WaitingTickets, window: SearchWindow, now_ms: int, density: Density | None = None) -> Line:
    """The line by (rating in thousandths, joined, player): the same however the tickets came in."""
    thousandths = np.rint(np.clip(tickets.ratings, -FARTHEST_RATING, FARTHEST_RATING) * 1000)
    order = np.lexsort((tickets.joined_ms, thousandths))
    _settle_ties(order, tickets, thousandths)
    waited_ms = now_ms - tickets.joined_ms[order]
    ratings = tickets.ratings[order]
    worths = np.empty(0)
    if window.patience is not None and density is not None:
        worths = window.patience.worths(ratings, waited_ms / 1000, density)
    return Line(
        tickets=order,
        ratings=ratings,
        thousandths=thousandths[order],
        reaches=window.reaches(waited_ms / 1000),
        waited_ms=waited_ms,
        worths=worths,
    )


def _settle_ties(order: np.ndarray, tickets: WaitingTickets, thousandths: np.ndarray) -> None:
    """Reorder by player, in place, those alike in rating and arrival. They are few; to sort all is slow."""
    rating, joined = thousandths[order], tickets.joined_ms[order]
    is_like_next = (rating[1:] == rating[:-1]) & (joined[1:] == joined[:-1])
    is_tied = np.zeros(len(order), dtype=bool)
    is_tied[1:] |= is_like_next
    is_tied[:-1] |= is_like_next
    tied = zip(rating[is_tied].tolist(), joined[is_tied].tolist(), order[is_tied].tolist(), strict=True)
    in_order = sorted(tied, key=lambda tie: (tie[0], tie[1], tickets.player_ids[tie[2]]))
    order[is_tied] = [ticket for _, _, ticket in in_order]
