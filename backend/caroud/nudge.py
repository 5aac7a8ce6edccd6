"""Ask Celery for a round at once. A lost nudge costs one round interval, never a match."""

import logging

from kombu.exceptions import KombuError, OperationalError

from celery_app import app

logger = logging.getLogger(__name__)

#: Seconds. A nudge older than this has been overtaken by the clock's round.
_EXPIRES_SECONDS = 2


def ask_for_round(queue: str) -> None:
    """Send `find_matches` for one queue; a broker that is away is logged, not raised."""
    try:
        app.send_task("tasks.rounds.find_matches", args=(queue,), expires=_EXPIRES_SECONDS, ignore_result=True)
    except (OperationalError, KombuError, OSError) as error:
        logger.warning("no round could be asked for, the clock's next one serves: %s", type(error).__name__)
