"""Why a ticket waits, for staff: everything that its player is told, and what stands between it and the nearest."""

from collections.abc import Iterator
from dataclasses import dataclass

from errors import Unknown
from matchmaking.expectations.eta import Eta
from matchmaking.expectations.others import Line, Seen, obstacles
from matchmaking.expectations.reason import Reason, Surroundings
from matchmaking.match import PlayerId
from matchmaking.rules import QueueRules, Rules
from matchmaking.services.keep_expectations import Asker, Expectations

#: Other tickets that are looked at one by one.
NEAREST = 5


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another ticket of the queue."""

    player_id: PlayerId
    rating: float
    gap: float
    waited_ms: int
    #: See `obstacles`; empty where a round could match the two.
    blocked_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One ticket in one of its queues."""

    queue: str
    rating: float
    waited_ms: int
    #: Rating points, either way.
    reach: float
    #: Other players who wait, those in this ticket's window, and those of them in whose windows it is.
    others: int
    in_reach: int
    accepting: int
    nearest: tuple[Neighbour, ...]
    eta: Eta
    reason: Reason


def explain_ticket(*, expectations: Expectations, rules: Rules, player_id: PlayerId, now_ms: int) -> list[Explanation]:
    """In each queue that it waits in, from a fresh look at all of them; the ticket is not kept alive by it. Raises
    `Unknown` where the player has no waiting ticket. Reads whole queues: for staff, not for players."""
    found = list(_explanations(expectations, rules, player_id, now_ms))
    if not found:
        raise Unknown("this player has no waiting ticket")
    return found


def _explanations(expectations: Expectations, rules: Rules, player_id: PlayerId, now_ms: int) -> Iterator[Explanation]:
    for queue in rules.queues.values():
        around = expectations.look_around(queue, now_ms)
        row = around.line.row_of(player_id) if around else None
        if around is not None and row is not None:
            expectations.refresh_recent(queue.name, now_ms)
            yield _explain(expectations, queue, around, row, now_ms)


def _explain(expectations: Expectations, rules: QueueRules, around: Surroundings, row: int, now_ms: int) -> Explanation:
    line, tickets, window = around.line, around.line.tickets, rules.search_window
    asker = Asker(tickets.player_ids[row], rules.name, float(tickets.ratings[row]), "", int(tickets.joined_ms[row]))
    waited_ms = max(0, now_ms - asker.joined_ms)
    seen = Seen(asker.rating, waited_ms, line.own_rows(asker.player_id))
    reach = window.reach(waited_ms / 1000)
    return Explanation(
        queue=rules.name,
        rating=asker.rating,
        waited_ms=waited_ms,
        reach=reach,
        others=line.count(seen),
        in_reach=len(line.within(seen, reach)),
        accepting=len(line.accepting_rows(seen, window, now_ms)),
        nearest=tuple(_neighbour(line, row, other, rules, now_ms) for other in line.nearest(seen, NEAREST)),
        eta=expectations.eta(asker, now_ms),
        reason=expectations.reason(asker, around, rules, now_ms),
    )


def _neighbour(line: Line, row: int, other: int, rules: QueueRules, now_ms: int) -> Neighbour:
    tickets = line.tickets
    return Neighbour(
        player_id=PlayerId(tickets.player_ids[other]),
        rating=float(tickets.ratings[other]),
        gap=abs(float(tickets.ratings[other]) - float(tickets.ratings[row])),
        waited_ms=max(0, now_ms - int(tickets.joined_ms[other])),
        blocked_by=tuple(obstacles(line, row, other, rules, now_ms)),
    )
