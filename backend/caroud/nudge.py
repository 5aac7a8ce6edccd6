"""Ask for a round at once. A lost nudge costs one round interval, never a match.

Rounds of Redis are Celery's; the message is sent from a thread of its own, for a broker that is away or silent would
hold up the join for seconds. While PostgreSQL stands in for Redis there may be no broker, so whoever asks about a
ticket runs the round that is due.
"""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from kombu.exceptions import KombuError, OperationalError

from caroud import wiring
from celery_app import app
from errors import NotInCharge, StoreUnavailable
from matchmaking.services import find_matches as service

logger = logging.getLogger(__name__)

#: Seconds. A nudge older than this has been overtaken by the clock's round.
_EXPIRES_SECONDS = 2

_TASKS = {"redis": "tasks.rounds.find_matches", "postgres": "tasks.rounds.find_matches_in_postgresql"}

_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nudge")
#: Task and queue of each nudge that is on its way; another join has nothing to add to it.
_on_its_way: set[tuple[str, str]] = set()

_warming = threading.Lock()
_is_warm = threading.Event()
#: Monotonic seconds at which this process last ran a round of a queue.
_last_round: dict[str, float] = {}


def ask_for_round(queue: str, *, backend: str = "") -> None:
    """Have a round run, soon."""
    if not backend and wiring.link().is_fallen_back:
        run_overdue_round(queue)
        return
    nudge = (_TASKS[backend or settings.MATCHMAKING_BACKEND], queue)
    if nudge not in _on_its_way:
        _on_its_way.add(nudge)
        _sender.submit(_send, nudge)


def _send(nudge: tuple[str, str]) -> None:
    """Send the task; a broker that is away is logged, not raised."""
    task, queue = nudge
    try:
        app.send_task(task, args=(queue,), expires=_EXPIRES_SECONDS, ignore_result=True)
    except (OperationalError, KombuError, OSError) as error:
        logger.warning("no round could be asked for, the clock's next one serves: %s", type(error).__name__)
    finally:
        _on_its_way.discard(nudge)


def run_overdue_round(queue: str) -> None:
    """Run a round of a queue that PostgreSQL holds for Redis, if this process has run none for an interval. Whoever
    else runs one at this moment does it for both."""
    now, rules = time.monotonic(), wiring.rules().queues.get(queue)
    if (
        rules is None
        or not wiring.link().is_fallen_back
        or now - _last_round.get(queue, 0.0) < settings.ROUND_INTERVAL_SECONDS
    ):
        return
    if not _is_warm.is_set():
        threading.Thread(target=warm_up, daemon=True).start()
        return
    _last_round[queue] = now
    try:
        service.find_matches(
            store=wiring.stand_in_tickets(),
            rules=rules,
            charge=None,
            clock=wiring.clock,
            new_id=wiring.new_id,
        )
    except (NotInCharge, StoreUnavailable) as error:
        logger.warning("no round of %s: %s", queue, error)


def warm_up() -> None:
    """Load the engine, which takes longer than a player should wait for an answer. Once in a process."""
    with _warming:
        if not _is_warm.is_set():
            service.warm_up()
            _is_warm.set()
