"""Claimed newcomers into their match, and only then told: at once by the round, again by the sweep."""

import logging

from django.db import transaction

from crash_points import crash_point
from errors import StoreUnavailable
from matchmaking.history import instant, match_of
from matchmaking.match import MatchId, MatchStatus, Newcomers
from matchmaking.models import MatchRecord, OpenSeat
from matchmaking.open_seats import leavers_of, live_elsewhere, untold_matches
from matchmaking.seating import seat_newcomers
from matchmaking.stores.port import TicketStore

logger = logging.getLogger(__name__)

#: Matches of which the store is told at a time.
TELL_BATCH = 200


def seat_or_give_back(*, store: TicketStore, newcomers: Newcomers, epoch: int, now_ms: int) -> bool:
    """Write newcomers into their match and announce them; where history refuses them, they wait again. True where they
    got in. Repeating it finishes what was cut off."""
    crash_point("before newcomers are written")
    if not seat_newcomers(newcomers, now_ms, epoch=epoch):
        store.give_back([newcomers], now_ms, gone=live_elsewhere(newcomers))
        logger.info("a seat is not open any more: its newcomers wait on", extra={"match": newcomers.match_id})
        return False
    crash_point("before newcomers are announced")
    tell_players(store=store, match_id=newcomers.match_id, claim_id=newcomers.claim_id, now_ms=now_ms)
    log_newcomers(newcomers)
    return True


def tell_players(*, store: TicketStore, match_id: MatchId, claim_id: MatchId | None = None, now_ms: int) -> None:
    """Tell the ticket store who plays in a match now. The match's row is held meanwhile, so that of two changes the
    later one has the last word, and none comes after its end."""
    with transaction.atomic():
        record = MatchRecord.objects.select_for_update().prefetch_related("participants").get(id=match_id)
        store.change_players(match_of(record), MatchStatus(record.status), left=leavers_of(record), claim_id=claim_id)
        OpenSeat.objects.filter(match=record, told_at=None).update(told_at=instant(now_ms))


def tell_untold(*, store: TicketStore, now_ms: int) -> None:
    """Tell the ticket store of changes that it has not heard of."""
    for match_id in untold_matches(TELL_BATCH):
        try:
            tell_players(store=store, match_id=match_id, now_ms=now_ms)
        except StoreUnavailable as error:
            logger.warning("who plays in a match is told later: %s", error, extra={"match": match_id})
            return


def log_newcomers(newcomers: Newcomers) -> None:
    """The line that operators look for."""
    ids = {"match": newcomers.match_id, "queue": newcomers.queue, "player": [p.id for p in newcomers.players]}
    names = ", ".join(player.username for player in newcomers.players)
    logger.info("✅ Seat filled: %s in team %d", names, newcomers.team, extra=ids)
