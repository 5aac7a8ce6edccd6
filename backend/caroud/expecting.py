"""What a web process does beside its requests to know what waiting players may expect: a thread that looks."""

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connection

from caroud import wiring
from errors import NotInCharge, StoreUnavailable

logger = logging.getLogger(__name__)

#: Seconds between two looks at what is due.
LOOK_EVERY_SECONDS = 0.5


def start() -> None:
    """Look from now on, in this process."""
    threading.Thread(target=_look_on, name="expecting", daemon=True).start()


def _look_on() -> None:
    away: set[str] = set()
    while True:
        _try("what history says", _refresh_history, away)
        _try("who waits", _refresh, away)
        connection.close_if_unusable_or_obsolete()
        time.sleep(LOOK_EVERY_SECONDS)


def _refresh_history() -> None:
    wiring.expectations().refresh_history()


def _refresh() -> None:
    wiring.expectations().refresh(wiring.rules().queues, wiring.clock())


def _try(what: str, look: Callable[[], None], away: set[str]) -> None:
    """Players are told what was known, and nothing once that is too old. Said once, when it begins."""
    try:
        look()
        away.discard(what)
    except (StoreUnavailable, NotInCharge, DatabaseError, InterfaceError) as error:
        if what not in away:
            logger.warning("%s cannot be looked up: %s", what, (str(error).splitlines() or [type(error).__name__])[0])
        away.add(what)
    except Exception:
        logger.exception("%s cannot be looked up", what)
