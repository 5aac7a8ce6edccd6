"""A game server says that a player has left its match, and asks for another one; or no longer."""

import logging

from django.db import transaction

from errors import Conflict, Invalid, StoreUnavailable
from matchmaking.engine.demands import BackfillPriority
from matchmaking.history import instant
from matchmaking.match import MatchId, MatchStatus, PlayerId
from matchmaking.models import MatchRecord, OpenSeat, SeatStatus
from matchmaking.open_seats import asked_seats, leave_match, offer_seat
from matchmaking.rules import Rules
from matchmaking.services.report_result import check_caller
from matchmaking.services.seat_newcomers import tell_players
from matchmaking.services.settle_match import find_record
from matchmaking.stores.port import TicketStore
from players.tokens import FleetCaller, ServerCaller
from servers.stores.port import ServerPool

logger = logging.getLogger(__name__)


def open_seat(
    *,
    store: TicketStore,
    pool: ServerPool,
    rules: Rules,
    caller: ServerCaller | FleetCaller,
    match_id: MatchId,
    leaver: PlayerId,
    now_ms: int,
) -> list[OpenSeat]:
    """The leaver plays no longer, and the seat is offered to those who wait. Sent twice it is one request; one that was
    withdrawn, or that nobody took in time, is made anew. Answers all seats that were asked for in the match.

    Raises `Conflict` where the queue fills no seats or the match does not run.
    """
    record = find_record(match_id=match_id)
    check_caller(caller, record, pool)
    queue = rules.known.get(record.queue)
    if queue is None or queue.backfill is BackfillPriority.OFF:
        raise Conflict(f'the queue {record.queue!r} fills no seats: its rules say backfill = "off"', queue=record.queue)
    with transaction.atomic():
        record = MatchRecord.objects.select_for_update().prefetch_related("participants").get(id=match_id)
        if record.status not in (MatchStatus.CREATED, MatchStatus.IN_PROGRESS):
            raise Conflict(f"this match does not run: {record.status}", match_status=record.status, ranks=record.ranks)
        participant = next((one for one in record.participants.all() if str(one.player_id) == leaver), None)
        if participant is None:
            raise Invalid("leaver: is not a player of this match", field="leaver")
        if participant.left_at is None:
            leave_match(record, participant, now_ms)
            logger.info("a player has left a match", extra={"match": match_id, "player": leaver, "queue": record.queue})
        offer_seat(record, participant, now_ms, lifetime_ms=queue.backfill_ttl_ms)
    try:
        tell_players(store=store, match_id=match_id, now_ms=now_ms)
    except StoreUnavailable as error:
        logger.warning("who plays in a match is told later: %s", error, extra={"match": match_id})
    return asked_seats(match_id)


def withdraw_seats(
    *,
    pool: ServerPool,
    caller: ServerCaller | FleetCaller,
    match_id: MatchId,
    leaver: PlayerId | None,
    now_ms: int,
) -> list[OpenSeat]:
    """Offer the seats of a match no longer, or that of one leaver. Seats that are filled stay so."""
    record = find_record(match_id=match_id)
    check_caller(caller, record, pool)
    with transaction.atomic():
        record = MatchRecord.objects.select_for_update().prefetch_related("participants").get(id=match_id)
        seats = OpenSeat.objects.filter(match=record, status=SeatStatus.OPEN, ends_at__gt=instant(now_ms))
        if leaver is not None:
            if not OpenSeat.objects.filter(match=record, leaver_id=leaver).exists():
                raise Invalid("leaver: no seat was asked for in place of this player", field="leaver")
            seats = seats.filter(leaver_id=leaver)
        seats.update(status=SeatStatus.WITHDRAWN)
    return asked_seats(match_id)


def find_seats(*, pool: ServerPool, caller: ServerCaller | FleetCaller, match_id: MatchId) -> list[OpenSeat]:
    """The seats that were asked for in a match, for its server."""
    record = find_record(match_id=match_id)
    check_caller(caller, record, pool)
    return asked_seats(match_id)
