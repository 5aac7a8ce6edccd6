"""What the engine makes of the tickets that wait: pairs, or groups of teams, as proposals."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, repeat
from typing import overload
from weakref import WeakKeyDictionary

import numpy as np

from matchmaking import engine  # what it names is loaded, with numba, by the process that runs the first round
from matchmaking.engine.demands import MatchFormat
from matchmaking.engine.density import Density, estimate_density
from matchmaking.engine.patience import Patience
from matchmaking.engine.search_window import SearchWindow
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.match import Entrant, MatchId, PlayerId, Proposal
from matchmaking.rules import QueueRules
from matchmaking.stores.port import TicketStore

#: Matched players from whom it is estimated how densely others arrive.
RECENT_PLAYERS = 1000
#: Milliseconds for which an estimate serves; rounds may come every few.
_ESTIMATE_LASTS_MS = 500
#: The last estimate of each store, by queue: when, and what.
_estimates: "WeakKeyDictionary[TicketStore, dict[str, tuple[int, Density]]]" = WeakKeyDictionary()

#: Rows of the snapshot, team by team, and the region of the match, "" where no ticket names one.
Group = tuple[Sequence[Sequence[int]], str]


def propose(
    *,
    tickets: WaitingTickets,
    rules: QueueRules,
    now_ms: int,
    new_id: Callable[[], str],
    density: Density | None = None,
) -> Sequence[Proposal]:
    """The engine's matches as proposals, who waited longest first. `density` is for a queue that is patient."""
    if len(tickets.player_ids) < 2:
        return []
    if rules.format.is_duel:
        return _propose_pairs(tickets, rules, now_ms, new_id, density)
    return _propose_groups(tickets, rules, now_ms, new_id)


def find_density(*, store: TicketStore, rules: QueueRules, tickets: WaitingTickets, now_ms: int) -> Density | None:
    """How densely players arrive in the queue, from those matched last and those who wait; None where nobody asks."""
    if rules.search_window.patience is None or len(tickets.player_ids) < 2:
        return None
    known = _estimates.setdefault(store, {})
    at_ms, density = known.get(rules.name, (0, None))
    if density is None or not 0 <= now_ms - at_ms < _ESTIMATE_LASTS_MS:
        recent = store.recent(rules.name, RECENT_PLAYERS)
        ratings = np.concatenate((recent.ratings, tickets.ratings))
        density = estimate_density(ratings, np.concatenate((recent.at_ms, tickets.joined_ms)), now_ms)
        known[rules.name] = (now_ms, density)
    return density


def _propose_pairs(
    tickets: WaitingTickets, rules: QueueRules, now_ms: int, new_id: Callable[[], str], density: Density | None
) -> Sequence[Proposal]:
    pairing = engine.find_matches(
        tickets, rules.search_window, now_ms, density=density, latency=rules.latency, rematch=rules.rematch
    )
    pairs = pairing.pairs
    oldest = tickets.joined_ms[pairs].min(axis=1).argsort(kind="stable")
    regions = [pairing.regions[place] or None for place in oldest.tolist()] if pairing.regions else repeat(None)
    return MadeWhenAsked(_proposals(tickets, pairs[oldest], regions, new_id), len(pairs))


def _proposals(
    tickets: WaitingTickets, pairs: np.ndarray, regions: Iterable[str | None], new_id: Callable[[], str]
) -> Iterator[Proposal]:
    players, marks = tickets.player_ids, tickets.marks
    for (a, b), region in zip(pairs.tolist(), regions, strict=False):
        one, other = Entrant(PlayerId(players[a]), marks[a]), Entrant(PlayerId(players[b]), marks[b])
        yield Proposal(MatchId(new_id()), ((one,), (other,)), region)


class MadeWhenAsked(Sequence[Proposal]):
    """A list whose items are made when they are first looked at, so that the first are claimed while the last are
    written out."""

    def __init__(self, items: Iterator[Proposal], length: int) -> None:
        self._items = items
        self._length = length
        self._made: list[Proposal] = []

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> Proposal: ...

    @overload
    def __getitem__(self, place: slice) -> list[Proposal]: ...

    def __getitem__(self, place: int | slice) -> Proposal | list[Proposal]:
        last = place.indices(self._length)[1] if isinstance(place, slice) else range(self._length)[place] + 1
        self._made += islice(self._items, max(0, last - len(self._made)))
        return self._made[place]


def _propose_groups(
    tickets: WaitingTickets, rules: QueueRules, now_ms: int, new_id: Callable[[], str]
) -> list[Proposal]:
    grouping = engine.find_groups(
        tickets,
        format=rules.format,
        window=rules.search_window,
        latency=rules.latency,
        rematch=rules.rematch,
        party=rules.party,
        balance=rules.balance,
        now_ms=now_ms,
    )
    entrants = _entrants(tickets)
    joined_ms = tickets.joined_ms.tolist()
    by_age = sorted(grouping.matches, key=lambda match: min(joined_ms[row] for team in match.teams for row in team))
    return [
        Proposal(
            MatchId(new_id()), tuple(tuple(entrants[row] for row in team) for team in match.teams), match.region or None
        )
        for match in by_age
    ]


def _entrants(tickets: WaitingTickets) -> list[Entrant]:
    return [Entrant(PlayerId(p), mark) for p, mark in zip(tickets.player_ids, tickets.marks, strict=True)]


def warm_up() -> None:
    """Let the engine compile itself: the first round of a process takes seconds where nothing is cached."""
    for rules in _every_kind():
        tickets = WaitingTickets(
            player_ids=["a", "b", "c", "d"],
            ratings=np.array([1200.0, 1201.0, 1202.0, 1203.0]),
            joined_ms=np.zeros(4, dtype=np.int64),
            marks=("", "", "", ""),
            parties=("", "", "p", "p"),
            traits=("l=eu:40", "b=x", "r=a", "d=90"),
        )
        density = estimate_density(tickets.ratings, tickets.joined_ms, 1000)
        propose(tickets=tickets, rules=rules, now_ms=1000, new_id=str, density=density)


def _every_kind() -> Iterator[QueueRules]:
    yield QueueRules(name="duel", search_window=SearchWindow(patience=Patience()))
    yield QueueRules(name="teams", format=MatchFormat(teams=2, team_size=2))
    yield QueueRules(name="free-for-all", format=MatchFormat(teams=4, team_size=1))
