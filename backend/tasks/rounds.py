"""Rounds: on the clock, and at once after a join."""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_init
from django.conf import settings
from kombu.exceptions import KombuError, OperationalError

from caroud import wiring
from caroud.recovery import charge_of_a_whole_redis
from matchmaking.models import Ticket
from matchmaking.services import find_matches as service
from matchmaking.services.propose import warm_up
from matchmaking.ticket import TicketStatus
from tasks.absence import logged_absence

logger = logging.getLogger(__name__)


@shared_task(name="tasks.rounds.ask_for_rounds")
def ask_for_rounds() -> None:
    """A round of every queue that the rules hold now, each a task; by priority."""
    _ask_for_each(find_matches)


@shared_task(name="tasks.rounds.ask_for_rounds_in_postgresql")
def ask_for_rounds_in_postgresql() -> None:
    """The same of PostgreSQL's own queues."""
    _ask_for_each(find_matches_in_postgresql)


def _ask_for_each(task: Any) -> None:
    try:
        for rules in wiring.rules().by_priority():
            task.apply_async(args=(rules.name,), expires=2 * settings.ROUND_INTERVAL_SECONDS)
    except (OperationalError, KombuError, OSError) as error:
        logger.warning("rounds have to wait: %s", type(error).__name__)


@shared_task(name="tasks.rounds.find_matches")
def find_matches(queue: str) -> None:
    """One or more rounds of one queue in Redis; none while PostgreSQL stands in for it, or is away itself, and none of
    a queue that this process does not know: it was closed, or is so new that the next task finds it."""
    rules = wiring.rules().queues.get(queue)
    if rules is None:
        return
    with logged_absence(f"a round of {queue}"):
        charge = charge_of_a_whole_redis()
        if charge is not None:
            report = service.find_matches(
                store=wiring.redis_tickets(),
                rules=rules,
                charge=charge,
                clock=wiring.clock,
                new_id=wiring.new_id,
            )
            if report.rounds == service.ROUNDS_IN_A_ROW:  # somebody may have asked for more, and had none begun
                find_matches.apply_async(args=(queue,), expires=2 * settings.ROUND_INTERVAL_SECONDS)


@shared_task(name="tasks.rounds.find_matches_in_postgresql")
def find_matches_in_postgresql(queue: str) -> None:
    """One or more rounds of one of PostgreSQL's own queues."""
    rules = wiring.rules().queues.get(queue)
    if rules is None:
        return
    with logged_absence(f"a round of {queue} in PostgreSQL"):
        if not Ticket.objects.filter(queue=queue, status=TicketStatus.WAITING, is_fallback=False).exists():
            return
        service.find_matches(
            store=wiring.postgres_tickets(),
            rules=rules,
            charge=None,
            clock=wiring.clock,
            new_id=wiring.new_id,
        )


@worker_init.connect
def follow(**_: Any) -> None:
    """Web processes decide which store is in charge; workers do as PostgreSQL says."""
    wiring.link().only_follow()


@worker_init.connect
def compile_engine(sender: Any, **_: Any) -> None:
    """Compile before the first round, in the process that its pool is forked from: some seconds at the first start."""
    if "rounds" in sender.app.amqp.queues.consume_from:
        warm_up()
