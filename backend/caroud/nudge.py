"""Ask Celery for a round at once. A lost nudge costs one round interval, never a match.

The message is sent from a thread of its own: a broker that is away or silent would hold up the join for seconds.
"""

import logging
from concurrent.futures import ThreadPoolExecutor

from kombu.exceptions import KombuError, OperationalError

from celery_app import app

logger = logging.getLogger(__name__)

#: Seconds. A nudge older than this has been overtaken by the clock's round.
_EXPIRES_SECONDS = 2

_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nudge")
#: Queues whose nudge is on its way; another join has nothing to add to it.
_on_its_way: set[str] = set()


def ask_for_round(queue: str) -> None:
    """Send `find_matches` for one queue, soon; a broker that is away is logged, not raised."""
    if queue not in _on_its_way:
        _on_its_way.add(queue)
        _sender.submit(_send, queue)


def _send(queue: str) -> None:
    try:
        app.send_task("tasks.rounds.find_matches", args=(queue,), expires=_EXPIRES_SECONDS, ignore_result=True)
    except (OperationalError, KombuError, OSError) as error:
        logger.warning("no round could be asked for, the clock's next one serves: %s", type(error).__name__)
    finally:
        _on_its_way.discard(queue)
