"""History: what rounds could not write to PostgreSQL."""

from celery import shared_task

from caroud import wiring
from matchmaking.services.record_matches import sweep_outbox
from tasks.absence import logged_absence


@shared_task(name="tasks.history.persist_matches")
def persist_matches() -> None:
    """Write and announce matches from the outbox until it is empty."""
    with logged_absence("the outbox"):
        while sweep_outbox(store=wiring.redis_tickets(), now_ms=wiring.clock()):
            pass
