"""Who meets whom: the pure decision of one round, two players a match."""

from dataclasses import dataclass

import numpy as np

from matchmaking.engine.band import find_accepted, find_choices, find_crowds, follow_choices
from matchmaking.engine.line import Line, line_up
from matchmaking.engine.search_window import SearchWindow
from matchmaking.engine.tickets import WaitingTickets

#: (up to so many tickets, the band: how many places apart on the line opponents may stand). Too small loses
#: pairs in a thin queue, where a wide window looks past others. Too large costs: each place more doubles the
#: memory, and the time where tickets are thin. Measured by bench/engine.py.
BANDS = ((300, 10), (2_000, 8))
#: The band of more tickets than that: 32 bytes of memory a ticket.
BAND_OF_MANY = 6


@dataclass(frozen=True, slots=True)
class Pairing:
    """Who plays whom, as rows of `WaitingTickets`.

    `pairs` (m, 2) intp, the lower-rated of a pair first; `unmatched` intp, ascending.
    """

    pairs: np.ndarray
    unmatched: np.ndarray


def find_matches(tickets: WaitingTickets, window: SearchWindow, now_ms: int) -> Pairing:
    """Pair tickets that accept each other: as many as can be, then the closest, then who waited longest.

    Two tickets accept each other if the difference of their ratings is within the reach of both. The best
    pairing has the most pairs; of those, the smallest sum of gaps, to the thousandth of a rating point; of
    those, the longest sum of waits.

    1. Line the tickets up by rating.
    2. See which neighbours, up to `band` places apart, accept each other.
    3. See where everyone around does: in such a crowd almost nothing is left to decide.
    4. Walk up the line; for each set of tickets left free for those ahead, choose the best opponent behind.
    5. Walk back from the end and read off the choices.

    The best of all pairings whose opponents stand within `band` places. Ratings have to be finite. The order
    in which tickets come changes nothing.
    """
    line = line_up(tickets, window, now_ms)
    return _read_pairing(line, find_opponents(line, _band_for(len(line.tickets))))


def find_opponents(line: Line, band: int) -> np.ndarray:
    """For each place on the line the place of its opponent, or -1: steps 2 to 5."""
    accepted = find_accepted(line.ratings, line.reaches, band)
    crowded = find_crowds(accepted, band)
    choices = find_choices(line.thousandths, line.waited_ms, accepted, crowded, band)
    opponents: np.ndarray = follow_choices(choices)
    return opponents


def _band_for(count: int) -> int:
    return next((band for most, band in BANDS if count <= most), BAND_OF_MANY)


def _read_pairing(line: Line, opponents: np.ndarray) -> Pairing:
    lower = np.flatnonzero(opponents > np.arange(len(opponents)))
    places = np.column_stack((lower, opponents[lower]))
    is_turned = line.ratings[places[:, 0]] > line.ratings[places[:, 1]]
    places[is_turned] = places[is_turned][:, ::-1]
    return Pairing(pairs=line.tickets[places], unmatched=np.sort(line.tickets[opponents < 0]))
