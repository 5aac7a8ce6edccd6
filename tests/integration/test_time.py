"""Who reads who is in charge hears what time it is; Celery's processes hear it again and again."""

import time
import weakref
from typing import Any
from unittest import mock

import pytest
from celery.signals import beat_init, worker_init, worker_process_init
from django.db import ProgrammingError, connection

from caroud import watch, wiring
from celery_app import app
from datastore.clock import shared_clock
from matchmaking.charge import read_charge
from tasks import timekeeping

pytestmark = pytest.mark.django_db

_HOUR_NS = 3_600_000_000_000


def postgresql_ms() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT round(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
        (now_ms,) = cursor.fetchone() or (0,)
    return int(now_ms)


@pytest.mark.parametrize("wrong_by_ns", [_HOUR_NS, -_HOUR_NS])
def test_a_process_that_began_at_another_time_agrees_with_postgresql_from_its_first_look_on(
    monkeypatch: pytest.MonkeyPatch, wrong_by_ns: int
) -> None:
    monkeypatch.setattr(shared_clock, "_ahead_ns", time.time_ns() + wrong_by_ns - time.monotonic_ns())
    assert abs(wiring.clock() - postgresql_ms()) > 3_500_000
    read_charge()
    before, ours, after = postgresql_ms(), wiring.clock(), postgresql_ms()
    assert before - 2_000 <= ours <= after + 2_000


class Enough(BaseException):
    """Ends a loop that has no end."""


def test_celerys_processes_go_on_hearing_the_time_also_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    link, looks = wiring.link(), [RuntimeError("a fault"), None]
    look = link.look

    def look_or_fail() -> None:
        if fault := looks.pop(0):
            raise fault
        look()

    def sleep(seconds: float) -> None:
        if not looks:
            raise Enough
        monkeypatch.setattr(shared_clock, "_ahead_ns", time.time_ns() + _HOUR_NS - time.monotonic_ns())

    monkeypatch.setattr(link, "look", look_or_fail)
    monkeypatch.setattr(timekeeping, "connection", mock.Mock())  # that of the test goes on
    monkeypatch.setattr(timekeeping.time, "sleep", sleep)
    with pytest.raises(Enough):
        timekeeping._keep_hearing()
    monkeypatch.undo()

    assert abs(wiring.clock() - postgresql_ms()) < 2_000


@pytest.mark.parametrize("signal", [beat_init, worker_init, worker_process_init], ids=str)
def test_each_kind_of_celerys_processes_keeps_hearing_the_time(signal: Any) -> None:
    receivers = [receiver() if isinstance(receiver, weakref.ref) else receiver for _, receiver in signal.receivers]
    assert {timekeeping.begin, timekeeping.go_on} & set(receivers)
    assert timekeeping.__name__ in app.conf.include


def test_a_database_that_is_not_migrated_yet_does_not_end_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring.link(), "look", mock.Mock(side_effect=ProgrammingError("no such table")))
    monkeypatch.setattr(watch.nudge, "warm_up", mock.Mock(side_effect=Enough))  # what comes next
    with pytest.raises(Enough):
        watch._watch()
