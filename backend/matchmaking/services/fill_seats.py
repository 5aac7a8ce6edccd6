"""A round's look at the open seats of running matches: who takes them, and who is left for new matches."""

import logging
from collections.abc import Callable, Collection, Sequence

import numpy as np
from django.db import InterfaceError, OperationalError

from crash_points import crash_point
from errors import StoreUnavailable
from matchmaking import engine  # what it names is loaded, with numba, by the process that runs the first round
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.match import Entrant, MatchId, Newcomers, PlayerId, Proposal, SeatProposal
from matchmaking.open_seats import offered_seats
from matchmaking.rules import QueueRules
from matchmaking.services.seat_newcomers import log_newcomers, seat_or_give_back, tell_players
from matchmaking.stores.port import TicketStore

logger = logging.getLogger(__name__)


def fill_seats(
    *,
    store: TicketStore,
    rules: QueueRules,
    tickets: WaitingTickets,
    epoch: int,
    now_ms: int,
    new_id: Callable[[], str],
    proposals: Collection[Proposal] = (),
) -> WaitingTickets:
    """Seat waiting players in running matches of the queue, but not those whom new matches are proposed for. Answers
    the tickets that nothing was proposed for; all of them where no seat is offered.

    1. Read the seats that are offered, of matches that the store knows.
    2. Let the engine decide.
    3. Claim, record, announce; what fails has to wait for the sweep.
    """
    if not len(tickets.player_ids):
        return tickets
    offered = offered_seats(rules.name, now_ms)
    if not offered:
        return tickets
    tickets = _without(tickets, proposals) if proposals else tickets
    known = {one.match.id for one in store.find_matches([MatchId(seats.match_id) for seats in offered])}
    filling = engine.fill_seats(
        tickets,
        [seats for seats in offered if seats.match_id in known],
        window=rules.search_window,
        latency=rules.latency,
        now_ms=now_ms,
    )
    if not filling.fills:
        return tickets
    seatings = [
        SeatProposal(
            MatchId(new_id()),
            MatchId(fill.match_id),
            fill.team + 1,
            tuple(Entrant(PlayerId(tickets.player_ids[row]), tickets.marks[row]) for row in fill.rows),
        )
        for fill in filling.fills
    ]
    _claim(store, rules, seatings, epoch, now_ms)
    return _rows_of(tickets, filling.waiting)


def _claim(store: TicketStore, rules: QueueRules, proposals: Sequence[SeatProposal], epoch: int, now_ms: int) -> None:
    claims = store.claim_seats(rules.name, proposals, now_ms, epoch=epoch)
    crash_point("after seats are claimed")
    for newcomers in claims.newcomers:
        try:
            if claims.are_recorded:
                log_newcomers(newcomers)
                tell_players(store=store, match_id=newcomers.match_id, now_ms=now_ms)
            else:
                seat_or_give_back(store=store, newcomers=newcomers, epoch=epoch, now_ms=now_ms)
        except (OperationalError, InterfaceError, StoreUnavailable) as error:
            _say_later(newcomers, error)


def _say_later(newcomers: Newcomers, error: Exception) -> None:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    logger.warning("newcomers have to wait for the sweep: %s", reason, extra={"match": newcomers.match_id})


def _without(tickets: WaitingTickets, proposals: Collection[Proposal]) -> WaitingTickets:
    """The tickets that no match is proposed for."""
    gone = {entrant.player_id for proposal in proposals for team in proposal.teams for entrant in team}
    return _rows_of(tickets, [row for row, player in enumerate(tickets.player_ids) if player not in gone])


def _rows_of(tickets: WaitingTickets, rows: Sequence[int]) -> WaitingTickets:
    kept = np.array(rows, dtype=np.int64)

    def some(column: Sequence[str]) -> Sequence[str]:
        return [column[row] for row in rows] if column else ()

    return WaitingTickets(
        player_ids=some(tickets.player_ids),
        ratings=tickets.ratings[kept],
        joined_ms=tickets.joined_ms[kept],
        marks=some(tickets.marks),
        parties=some(tickets.parties),
        traits=some(tickets.traits),
    )
