"""Rounds: on the clock, and at once after a join."""

from typing import Any

from celery import shared_task
from celery.signals import worker_init

from caroud import wiring
from matchmaking.charge import read_charge
from matchmaking.services import find_matches as service


@shared_task(name="tasks.rounds.find_matches")
def find_matches(queue: str) -> None:
    """One or more rounds of one queue."""
    service.find_matches(
        store=wiring.ticket_store(),
        rules=wiring.queue_rules(queue),
        charge=read_charge(),
        clock=wiring.clock,
        new_id=wiring.new_id,
    )


@worker_init.connect
def compile_engine(sender: Any, **_: Any) -> None:
    """Compile before the first round, in the process that its pool is forked from: some seconds at the first start."""
    if "rounds" in sender.app.amqp.queues.consume_from:
        service.warm_up()
