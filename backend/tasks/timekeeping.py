"""Celery's processes hear from PostgreSQL what time it is: beat, workers, and the processes that run their tasks.

Rounds hear it, too, but not the process that drops what comes too late, nor the one that says when that is. They run
for weeks, and one that had heard it only once would drop every task as soon as PostgreSQL goes by another clock.
"""

import logging
import threading
import time
from typing import Any

from celery.signals import beat_init, worker_init, worker_process_init
from django.conf import settings
from django.db import connection

from caroud import wiring
from datastore.patience import limit_patience

logger = logging.getLogger(__name__)

#: Seconds. Longer loses more tasks where PostgreSQL's clock is set; shorter costs a connection more often.
HEAR_EVERY_SECONDS = 5.0


@worker_init.connect
@beat_init.connect
def begin(**_: Any) -> None:
    """Hear the time before the first task; wait for PostgreSQL not for ever, here and in what is forked from here."""
    limit_patience(settings.DATABASE_ANSWER_SECONDS)
    _hear()
    go_on()


@worker_process_init.connect
def go_on(**_: Any) -> None:
    """Go on hearing it in this process; a thread is not forked with the rest."""
    threading.Thread(target=_keep_hearing, name="timekeeping", daemon=True).start()


def _keep_hearing() -> None:
    while True:
        time.sleep(HEAR_EVERY_SECONDS)
        try:
            _hear()
        except Exception:
            logger.exception("the time could not be heard; this process counts on from the last")


def _hear() -> None:
    wiring.link().look()
    connection.close()  # none is kept, and none is forked
