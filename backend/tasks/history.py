"""History: what rounds could not write to PostgreSQL."""

from celery import shared_task

from caroud import wiring
from matchmaking.services.record_matches import sweep_outbox
from matchmaking.services.work_out_history import work_out_history as work_out
from tasks.absence import logged_absence


@shared_task(name="tasks.history.persist_matches")
def persist_matches() -> None:
    """Write and announce matches from the outbox until it is empty."""
    with logged_absence("the outbox"):
        while sweep_outbox(store=wiring.redis_tickets(), now_ms=wiring.clock()):
            pass


@shared_task(name="tasks.history.work_out_history")
def work_out_history() -> None:
    """What history says of the queues: for ETAs, and for the service levels in the figures."""
    with logged_absence("what history says"):
        work_out(kept=wiring.kept_history(), rules=wiring.rules(), now_ms=wiring.clock())
