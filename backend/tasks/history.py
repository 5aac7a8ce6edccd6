"""History: what rounds could not write to PostgreSQL."""

from celery import shared_task

from caroud import wiring
from matchmaking.services.record_matches import sweep_outbox


@shared_task(name="tasks.history.persist_matches")
def persist_matches() -> None:
    """Write matches from the outbox until it is empty."""
    while sweep_outbox(store=wiring.ticket_store(), now_ms=wiring.clock()):
        pass
