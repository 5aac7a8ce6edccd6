"""Who reads who is in charge hears what time it is."""

import time

import pytest
from django.db import connection

from caroud import wiring
from datastore.clock import shared_clock
from matchmaking.charge import read_charge

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
