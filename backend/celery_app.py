"""The Celery app and its timetable, nothing else. Tasks are in `tasks/`, what they do is in `*/services/`."""

import os

from django.conf import settings

from datastore.broker import broker_settings
from datastore.broker_faults import mend_kombu
from datastore.timely_celery import TimelyCelery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caroud.settings")

#: Seconds between two looks for expired tickets and pruned players.
EXPIRE_EVERY_SECONDS = 5.0
#: Seconds between two looks for silent servers: short beside the heartbeat's life.
REAP_EVERY_SECONDS = 2.0
#: Seconds between two sweeps of the outbox; a round writes its own matches at once.
PERSIST_EVERY_SECONDS = 2.0
#: Seconds between two looks for matches without a result.
SETTLE_EVERY_SECONDS = 15.0
#: Seconds between two looks for matches that were not accepted in time: players wait for it with a timer before them.
SETTLE_UNANSWERED_EVERY_SECONDS = 1.0
#: Seconds between rounds of PostgreSQL's own queues, by the backend. Beside Redis they are a trial of a few,
#: whose joins ask for a round anyway.
POSTGRESQL_ROUND_SECONDS = {"redis": 2.0, "postgres": settings.ROUND_INTERVAL_SECONDS}
#: Seconds between two looks for parties and invites whose time is over: short beside an invite's life.
EXPIRE_PARTIES_EVERY_SECONDS = 60.0
#: Seconds between two clean-ups of refresh tokens that nobody can use any more.
FORGET_EVERY_SECONDS = 3600.0
#: Seconds between two looks at what history says of the queues. Each reads up to 10,000 matches a queue.
WORK_OUT_EVERY_SECONDS = 60.0

mend_kombu()
app = TimelyCelery("caroud", include=["tasks.rounds", "tasks.reaping", "tasks.history", "tasks.timekeeping"])
app.conf.update(
    **broker_settings(settings.CELERY_BROKER_URL, key_prefix=settings.REDIS_KEY_PREFIX),
    result_backend=None,
    task_ignore_result=True,
    # Every task can be repeated, so a task is done when it has ended, not when it was taken.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # A worker that is told to stop ends the task it has: within 15 seconds, even a task that hangs.
    task_soft_time_limit=7,
    task_time_limit=10,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0.2},
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=10_000,
    worker_send_task_events=True,
    worker_hijack_root_logger=False,
    beat_max_loop_interval=0.1,
    beat_schedule_filename=os.environ.get("BEAT_SCHEDULE_FILE", "celerybeat-schedule"),
    timezone="UTC",
    # Reaping never waits behind rounds.
    task_default_queue="reaping",
    task_routes={"tasks.rounds.*": {"queue": "rounds"}, "tasks.history.*": {"queue": "history"}},
)


def _every(seconds: float, task: str) -> dict[str, object]:
    """One line of the timetable; a run that comes too late is dropped, for the next is due anyway."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds * 2}}


app.conf.beat_schedule = {
    "ask for rounds": _every(settings.ROUND_INTERVAL_SECONDS, "tasks.rounds.ask_for_rounds"),
    "ask for rounds in PostgreSQL": _every(
        POSTGRESQL_ROUND_SECONDS[settings.MATCHMAKING_BACKEND], "tasks.rounds.ask_for_rounds_in_postgresql"
    ),
    "expire tickets": _every(EXPIRE_EVERY_SECONDS, "tasks.reaping.expire_tickets"),
    "reap stale servers": _every(REAP_EVERY_SECONDS, "tasks.reaping.reap_stale_servers"),
    "settle overdue matches": _every(SETTLE_EVERY_SECONDS, "tasks.reaping.settle_overdue_matches"),
    "settle unanswered matches": _every(SETTLE_UNANSWERED_EVERY_SECONDS, "tasks.reaping.settle_unanswered_matches"),
    "expire parties": _every(EXPIRE_PARTIES_EVERY_SECONDS, "tasks.reaping.expire_parties"),
    "forget expired tokens": _every(FORGET_EVERY_SECONDS, "tasks.reaping.forget_expired_tokens"),
    "persist matches": _every(PERSIST_EVERY_SECONDS, "tasks.history.persist_matches"),
    "work out history": _every(WORK_OUT_EVERY_SECONDS, "tasks.history.work_out_history"),
}
