"""The service's time is PostgreSQL's: hosts whose clocks are wrong agree, and a clock that jumps moves nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from celery_app import app
from datastore.clock import SharedClock, shared_clock
from datastore.timely_celery import TimelyRequest

#: Nanoseconds in a millisecond.
MS = 1_000_000
HOUR_MS = 3_600_000
NOW_MS = 1_800_000_000_000


class Host:
    """A process that began at `NOW_MS` by a clock that is wrong by so much."""

    def __init__(self, wrong_by_ms: int = 0) -> None:
        self.steady_ms, self.wrong_by_ms = 5_000, wrong_by_ms
        self.clock = SharedClock(
            steady_ns=lambda: self.steady_ms * MS,
            host_ns=lambda: (NOW_MS + self.steady_ms - 5_000 + self.wrong_by_ms) * MS,
        )

    def hears(self, said_ms: int, *, after_ms: int = 0) -> None:
        """PostgreSQL says a time, and the answer takes so long."""
        asked_ns = self.clock.steady_ns()
        self.steady_ms += after_ms
        self.clock.hear(said_ms, asked_ns=asked_ns, answered_ns=self.clock.steady_ns())


def test_a_jump_of_the_hosts_clock_moves_nothing() -> None:
    host = Host()
    host.wrong_by_ms, host.steady_ms = HOUR_MS, host.steady_ms + 10
    assert host.clock.now_ms() == NOW_MS + 10
    assert host.clock.now() == datetime.fromtimestamp((NOW_MS + 10) / 1000, UTC)


@pytest.mark.parametrize("wrong_by_ms", [-HOUR_MS, -3, 3, HOUR_MS])
def test_hosts_whose_clocks_were_wrong_from_the_start_agree_once_postgresql_has_said_what_time_it_is(
    wrong_by_ms: int,
) -> None:
    host = Host(wrong_by_ms)
    host.hears(NOW_MS)
    assert abs(host.clock.now_ms() - NOW_MS) <= 1


def test_a_slow_answer_moves_the_clock_no_further_than_it_proves() -> None:
    host = Host(wrong_by_ms=300)
    host.hears(NOW_MS + 100, after_ms=1_000)  # any of our 700 to 1,700 may have been when it was said
    assert host.clock.now_ms() == NOW_MS + 1_000 + 101
    right = Host()
    right.hears(NOW_MS + 400, after_ms=1_000)
    assert right.clock.now_ms() == NOW_MS + 1_000


def test_the_timetable_and_what_comes_too_late_go_by_the_services_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_clock, "_ahead_ns", shared_clock._ahead_ns + HOUR_MS * MS)
    now = datetime.now(UTC) + timedelta(hours=1)
    assert abs(app.now() - now) < timedelta(seconds=5)
    request = object.__new__(app.Task.Request)
    assert isinstance(request, TimelyRequest)
    request._expires, request._request_dict = now + timedelta(minutes=1), {}
    request.id = "a task"
    assert not request.maybe_expire()
    request._expires = now - timedelta(minutes=1)  # an hour from now, by the host's clock
    assert request.maybe_expire()
