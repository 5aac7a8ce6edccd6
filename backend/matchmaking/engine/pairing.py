"""Who meets whom: the pure decision of one round, two players a match."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matchmaking.engine.band import find_accepted, find_choices, find_crowds, follow_choices, refuse_far_regions
from matchmaking.engine.demands import LatencyLimit, RematchRule
from matchmaking.engine.density import Density
from matchmaking.engine.line import Line, line_up
from matchmaking.engine.regions import Regions, choose_regions, find_regions
from matchmaking.engine.search_window import SearchWindow, WhoseWait
from matchmaking.engine.terms import NO_TERMS, Terms, find_terms, line_traits
from matchmaking.engine.tickets import WaitingTickets

#: (up to so many tickets, the band: how many places apart on the line opponents may stand). Too small loses
#: pairs in a thin queue, where a wide window looks past others. Too large costs: each place more doubles the
#: memory, and the time where tickets are thin. Measured by bench/engine.py.
BANDS = ((300, 10), (2_000, 8))
#: The band of more tickets than that: 32 bytes of memory a ticket.
BAND_OF_MANY = 6


#: What the rules say where they say nothing.
_ANYWHERE, _FORGET_ALL = LatencyLimit(), RematchRule()


@dataclass(frozen=True, slots=True)
class Pairing:
    """Who plays whom, as rows of `WaitingTickets`.

    `pairs` (m, 2) intp, the lower-rated of a pair first; `unmatched` intp, ascending; `regions` as `pairs`, "" where
    a pair has told of none: empty where no ticket has.
    """

    pairs: np.ndarray
    unmatched: np.ndarray
    regions: Sequence[str] = ()


def find_matches(
    tickets: WaitingTickets,
    window: SearchWindow,
    now_ms: int,
    *,
    density: Density | None = None,
    latency: LatencyLimit = _ANYWHERE,
    rematch: RematchRule = _FORGET_ALL,
) -> Pairing:
    """Pair tickets that accept each other: as many as can be, then the closest, then who waited longest.

    Two tickets accept each other if the difference of their ratings is within the reach of both, a recent opponent
    counting as further away, and an uncertain rating widening the reach; if neither has blocked the other; and if a
    region is near enough to both. With a patient window, and a `density` of arrivals known, a pair has also to be
    close enough not to be left for someone closer. The best pairing has the most pairs; of those, the smallest sum
    of gaps, to the thousandth of a rating point; of those, the longest sum of waits.

    1. Line the tickets up by rating, and see what their traits say.
    2. See which neighbours, up to `band` places apart, accept each other.
    3. See where everyone around does: in such a crowd almost nothing is left to decide.
    4. Walk up the line; for each set of tickets left free for those ahead, choose the best opponent behind.
    5. Walk back from the end and read off the choices.

    The best of all pairings whose opponents stand within `band` places. Ratings have to be finite. The order
    in which tickets come changes nothing.
    """
    line = line_up(tickets, window, now_ms, density)
    band = _band_for(len(line.tickets))
    known = line_traits(tickets, line)
    terms = find_terms(known, tickets, line, rematch, band) if known else NO_TERMS
    regions = find_regions(known, line, latency) if known else None
    accepted = see_accepted(line, window, band, terms, regions)
    return _read_pairing(line, find_opponents(line, accepted, band, terms), regions)


def see_accepted(
    line: Line, window: SearchWindow, band: int, terms: Terms = NO_TERMS, regions: Regions | None = None
) -> np.ndarray:
    """For each place a bitmask: bit d-1 is set if its ticket and the one d places back accept each other."""
    longer = window.whose_wait is WhoseWait.LONGER
    accepted: np.ndarray = find_accepted(
        line.ratings, line.reaches, line.worths, terms.excess, terms.malus, window.ceiling, longer, band
    )
    if len(terms.forbidden):
        accepted &= ~terms.forbidden
    if regions is not None and len(regions.is_near):
        refuse_far_regions(accepted, regions.is_near, band)
    return accepted


def find_opponents(line: Line, accepted: np.ndarray, band: int, terms: Terms = NO_TERMS) -> np.ndarray:
    """For each place on the line the place of its opponent, or -1: steps 3 to 5."""
    alike = accepted
    if len(terms.malus):
        # Where somebody counts as further away, a neighbour's neighbour may be the nearer one: that is no crowd.
        alike = np.where((terms.malus > 0).any(axis=1), 0, accepted)
    crowded = find_crowds(alike, band)
    choices = find_choices(line.thousandths, line.waited_ms, accepted, crowded, terms.malus, band)
    opponents: np.ndarray = follow_choices(choices)
    return opponents


def _band_for(count: int) -> int:
    return next((band for most, band in BANDS if count <= most), BAND_OF_MANY)


def _read_pairing(line: Line, opponents: np.ndarray, regions: Regions | None) -> Pairing:
    lower = np.flatnonzero(opponents > np.arange(len(opponents)))
    places = np.column_stack((lower, opponents[lower]))
    is_turned = line.ratings[places[:, 0]] > line.ratings[places[:, 1]]
    places[is_turned] = places[is_turned][:, ::-1]
    return Pairing(
        pairs=line.tickets[places],
        unmatched=np.sort(line.tickets[opponents < 0]),
        regions=choose_regions(regions, places) if regions is not None else (),
    )
