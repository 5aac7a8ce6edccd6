"""Claimed newcomers into their match, and only then told: at once by the round, again by the sweep."""

import logging

from django.db import transaction

from crash_points import crash_point
from errors import StoreUnavailable
from matchmaking.history import instant, match_of
from matchmaking.match import MatchId, MatchStatus, Newcomers
from matchmaking.models import MatchRecord, OpenSeat
from matchmaking.open_seats import leavers_of, live_elsewhere, unseat_newcomers, untold_matches
from matchmaking.seating import seat_newcomers
from matchmaking.stores.port import Change, TicketStore

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
    changed = tell_players(store=store, match_id=newcomers.match_id, newcomers=newcomers, now_ms=now_ms)
    if changed is Change.CHANGED:
        log_newcomers(newcomers)
    elif changed is Change.GIVEN_BACK:
        logger.warning("newcomers were given back before they were written", extra={"match": newcomers.match_id})
    return changed is Change.CHANGED


def tell_players(*, store: TicketStore, match_id: MatchId, newcomers: Newcomers | None = None, now_ms: int) -> Change:
    """Tell the ticket store who plays in a match now. The match's row is held meanwhile, so that of two changes the
    later one has the last word, and none comes after its end.

    `GIVEN_BACK` where the claim of the newcomers is no more (who wrote them stood still for long): they wait, and are
    taken out of the match again. `UNKNOWN` where the store has lost the match: it is told again once it has it back.
    """
    with transaction.atomic():
        record = _locked(match_id)
        changed = _change(store, record, newcomers)
        if newcomers and changed is Change.GIVEN_BACK:
            unseat_newcomers(newcomers)
            _change(store, _locked(match_id), None)
        OpenSeat.objects.filter(match=record, told_at=None).update(told_at=instant(now_ms))
        return changed


def _locked(match_id: MatchId) -> MatchRecord:
    return MatchRecord.objects.select_for_update().prefetch_related("participants").get(id=match_id)


def _change(store: TicketStore, record: MatchRecord, newcomers: Newcomers | None) -> Change:
    status = MatchStatus(record.status)
    return store.change_players(match_of(record), status, left=leavers_of(record), newcomers=newcomers)


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
