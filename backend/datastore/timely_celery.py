"""Celery by the service's time, and not by that of each host.

By the host's, a beat whose clock is put back would send nothing until it has caught up, and where the clocks of beat
and worker differ by a second, the worker drops each task as one that comes too late.
"""

from datetime import datetime

from celery import Celery, Task
from celery.worker.request import Request
from celery.worker.state import revoked as revoked_tasks

from datastore.clock import shared_clock


class TimelyRequest(Request):  # type: ignore[misc]
    """A task that a worker was given; comes too late by the service's time."""

    def maybe_expire(self) -> bool:
        expires: datetime | None = self.expires
        is_late = expires is not None and shared_clock.now() > expires
        if is_late:
            revoked_tasks.add(self.id)
        return is_late


class TimelyTask(Task):  # type: ignore[misc]
    abstract = True
    Request = TimelyRequest


class TimelyCelery(Celery):  # type: ignore[misc]
    """`now` is what the timetable goes by, and what a task's end of use is counted from."""

    task_cls = TimelyTask

    def now(self) -> datetime:
        return shared_clock.now()
