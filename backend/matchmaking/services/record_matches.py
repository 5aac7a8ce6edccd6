"""Claimed matches into history: at once by the round, again by the sweep where that failed."""

import logging
from collections.abc import Sequence

from django.db import DataError, IntegrityError, InterfaceError, OperationalError

from crash_points import crash_point
from errors import StoreUnavailable
from matchmaking.history import record_matches
from matchmaking.match import Match, OutboxEntry
from matchmaking.stores.port import TicketStore

logger = logging.getLogger(__name__)

#: Outbox entries a sweep takes at a time.
SWEEP_BATCH = 1000


def record_and_acknowledge(*, store: TicketStore, matches: Sequence[Match]) -> bool:
    """Write matches and drop them from the outbox. False where that has to wait for the sweep."""
    if not matches:
        return True
    try:
        crash_point("before the insert")
        record_matches(matches)
        crash_point("before the notice")
        store.acknowledge([match.id for match in matches])
        crash_point("after the notice")
    except (OperationalError, InterfaceError, IntegrityError, DataError, StoreUnavailable) as error:
        logger.warning("history has to wait for the sweep: %d matches, %s", len(matches), _first_line(error))
        return False
    return True


def sweep_outbox(*, store: TicketStore) -> int:
    """Write what rounds could not write. Answers how many matches; lets an unavailable PostgreSQL be known."""
    entries = store.outbox(SWEEP_BATCH)
    if not entries:
        return 0
    matches = [entry.match for entry in entries if entry.match is not None]
    dead = [entry for entry in entries if entry.match is None]
    try:
        record_matches(matches)
    except (IntegrityError, DataError):
        dead += _record_one_by_one(entries)
    buried = {entry.match_id for entry in dead}
    written = [match.id for match in matches if match.id not in buried]
    store.acknowledge(written, dead=dead)
    for entry in dead:
        logger.error(
            "a match cannot be written to history and lies in matchmaking:outbox_dead", extra={"match": entry.match_id}
        )
    return len(written)


def _record_one_by_one(entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
    """Write each entry alone, so that one that PostgreSQL refuses holds up no other; answers those."""
    refused = []
    for entry in entries:
        if entry.match is None:
            continue
        try:
            record_matches([entry.match])
        except (IntegrityError, DataError) as error:
            logger.error("PostgreSQL refuses a match: %s", _first_line(error), extra={"match": entry.match_id})
            refused.append(entry)
    return refused


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
