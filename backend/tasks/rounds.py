"""Rounds: on the clock, and at once after a join."""

from celery import shared_task

from caroud import wiring
from matchmaking.services import find_matches as service


@shared_task(name="tasks.rounds.find_matches")
def find_matches(queue: str) -> None:
    """One or more rounds of one queue."""
    service.find_matches(
        store=wiring.ticket_store(), rules=wiring.queue_rules(queue), clock=wiring.clock, new_id=wiring.new_id
    )
