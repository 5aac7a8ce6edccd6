"""Claimed matches into history, and only then to their players: at once by the round, again by the sweep."""

import logging
from collections.abc import Sequence
from itertools import groupby

from django.db import DataError, IntegrityError, InterfaceError, OperationalError

from crash_points import crash_point
from errors import StoreUnavailable
from matchmaking.history import OlderEpoch, Refused, record_matches
from matchmaking.match import Match, MatchStatus, OutboxEntry
from matchmaking.services.seat_newcomers import seat_or_give_back
from matchmaking.stores.port import TicketStore

logger = logging.getLogger(__name__)

#: Outbox entries a sweep takes at a time.
SWEEP_BATCH = 1000


def record_and_announce(*, store: TicketStore, matches: Sequence[Match], epoch: int, now_ms: int) -> list[Match]:
    """Write matches and announce them; take back those that history refuses. Answers the announced ones.

    What fails has to wait for the sweep: its players go on waiting, and are told then.
    """
    if not matches:
        return []
    try:
        return _record(store, matches, epoch, now_ms)
    except (OperationalError, InterfaceError, IntegrityError, DataError, StoreUnavailable) as error:
        logger.warning("history has to wait for the sweep: %d matches, %s", len(matches), _first_line(error))
        return []


def sweep_outbox(*, store: TicketStore, now_ms: int) -> int:
    """Write and announce what rounds could not. Answers how many; lets an unavailable PostgreSQL be known."""
    entries = sorted(store.outbox(SWEEP_BATCH), key=lambda entry: entry.epoch)
    announced = 0
    for epoch, group in groupby(entries, key=lambda entry: entry.epoch):
        of_epoch = list(group)
        _bury(store, [entry for entry in of_epoch if entry.match is None and entry.newcomers is None])
        matches = [entry.match for entry in of_epoch if entry.match is not None]
        try:
            announced += len(_record(store, matches, epoch, now_ms))
        except (IntegrityError, DataError):
            announced += _record_one_by_one(store, of_epoch, now_ms)
        for newcomers in [entry.newcomers for entry in of_epoch if entry.newcomers is not None]:
            announced += seat_or_give_back(store=store, newcomers=newcomers, epoch=epoch, now_ms=now_ms)
    return announced


def _record(store: TicketStore, matches: Sequence[Match], epoch: int, now_ms: int) -> list[Match]:
    try:
        crash_point("before the insert")
        asked = [match for match in matches if match.acceptance_ms]
        tickets = store.tickets_of(asked) if asked else {}
        refused = record_matches(matches, epoch=epoch, tickets=tickets, now_ms=now_ms)
    except OlderEpoch:
        refused = [Refused(match, frozenset()) for match in matches]
    back = {one.match.id for one in refused}
    written = [match for match in matches if match.id not in back]
    crash_point("before the notice")
    store.acknowledge([match.id for match in written])
    crash_point("after the notice")
    for one in refused:
        store.withdraw([one.match], now_ms, gone=one.live_elsewhere)
        logger.warning(
            "a claim is taken back: %s",
            "a player is in another match" if one.live_elsewhere else "the stores were switched since",
            extra={"match": one.match.id},
        )
    return written


def _record_one_by_one(store: TicketStore, entries: Sequence[OutboxEntry], now_ms: int) -> int:
    """Write each entry alone, so that one that PostgreSQL refuses holds up no other."""
    announced = 0
    for entry in entries:
        if entry.match is None:
            continue
        try:
            announced += len(_record(store, [entry.match], entry.epoch, now_ms))
        except (IntegrityError, DataError) as error:
            logger.error("PostgreSQL refuses a match: %s", _first_line(error), extra={"match": entry.match_id})
            _bury(store, [entry])
    return announced


def _bury(store: TicketStore, entries: Sequence[OutboxEntry]) -> None:
    """Lay aside what can never be written, and free its players and its seat."""
    if not entries:
        return
    store.acknowledge([], dead=entries)
    for entry in entries:
        if entry.match is not None:
            store.end(entry.match, MatchStatus.ABANDONED)
        logger.error(
            "a match cannot be written to history and lies in matchmaking:outbox_dead", extra={"match": entry.match_id}
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
