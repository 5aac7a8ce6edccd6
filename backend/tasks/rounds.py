"""Rounds: on the clock, and at once after a join."""

import logging
from collections.abc import Sequence
from typing import Any

from celery import shared_task
from celery.signals import worker_init
from django.conf import settings
from kombu.exceptions import KombuError, OperationalError

from caroud import wiring
from caroud.recovery import charge_of_a_whole_redis
from matchmaking.charge import InCharge
from matchmaking.rules import QueueRules
from matchmaking.services import find_matches as service
from matchmaking.services.propose import warm_up
from tasks.absence import logged_absence

logger = logging.getLogger(__name__)

#: Between two rounds of a task, where they are as long themselves: a player waits so much longer, and a storm of joins
#: is answered faster by a tenth.
LONGEST_PAUSE_SECONDS = 0.02


@shared_task(name="tasks.rounds.ask_for_rounds")
def ask_for_rounds() -> None:
    """A round of every queue that the rules hold now, each a task; by priority. The rounds of queues in which nobody
    waits are run here: they cost less than their tasks would, behind which a join's round would have to wait."""
    with logged_absence("rounds"):
        charge = charge_of_a_whole_redis()
        if charge is None or charge.is_fallen_back:
            return
        by_priority = wiring.rules().by_priority()
        waited_in = wiring.redis_tickets().waited_in([rules.name for rules in by_priority])
        _ask_for(find_matches, [rules.name for rules in by_priority if rules.name in waited_in])
        for rules in by_priority:
            if rules.name not in waited_in:
                _run(rules, charge)


@shared_task(name="tasks.rounds.ask_for_rounds_in_postgresql")
def ask_for_rounds_in_postgresql() -> None:
    """The same of PostgreSQL's own queues, where a queue in which nobody waits needs no round."""
    with logged_absence("rounds in PostgreSQL"):
        names = [rules.name for rules in wiring.rules().by_priority()]
        waited_in = wiring.postgres_tickets().waited_in(names)
        _ask_for(find_matches_in_postgresql, [name for name in names if name in waited_in])


def _ask_for(task: Any, queues: Sequence[str]) -> None:
    try:
        for queue in queues:
            task.apply_async(args=(queue,), expires=2 * settings.ROUND_INTERVAL_SECONDS)
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
            _run(rules, charge)


def _run(rules: QueueRules, charge: InCharge) -> None:
    report = service.find_matches(
        store=wiring.redis_tickets(),
        rules=rules,
        charge=charge,
        clock=wiring.clock,
        new_id=wiring.new_id,
        longest_pause_seconds=LONGEST_PAUSE_SECONDS,
    )
    if report.rounds == service.ROUNDS_IN_A_ROW:  # somebody may have asked for more, and had none begun
        find_matches.apply_async(args=(rules.name,), expires=2 * settings.ROUND_INTERVAL_SECONDS)


@shared_task(name="tasks.rounds.find_matches_in_postgresql")
def find_matches_in_postgresql(queue: str) -> None:
    """One or more rounds of one of PostgreSQL's own queues."""
    rules = wiring.rules().queues.get(queue)
    if rules is None:
        return
    with logged_absence(f"a round of {queue} in PostgreSQL"):
        if not wiring.postgres_tickets().waited_in([queue]):
            return
        service.find_matches(
            store=wiring.postgres_tickets(),
            rules=rules,
            charge=None,
            clock=wiring.clock,
            new_id=wiring.new_id,
            longest_pause_seconds=LONGEST_PAUSE_SECONDS,
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
