"""Asking for a round never holds up whoever joins, whatever the broker does."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_topologies import TunedRedis, a_redis
from tests.unit.test_settings import start

#: Asks as 200 joins do, and tells for how many seconds they were held up.
ASK = """
import time
from caroud import nudge
began = time.monotonic()
for _ in range(200): nudge.ask_for_round("ranked")
print(time.monotonic() - began)
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[TunedRedis]:
    with a_redis(tmp_path) as server:
        yield server


def seconds_held_up(broker: TunedRedis) -> float:
    done = start(f"exec({ASK!r})", REDIS_URL="redis://127.0.0.1:1/0", CELERY_BROKER_URL=broker.url)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_many_joins_at_once_ask_for_a_round(broker: TunedRedis) -> None:
    assert seconds_held_up(broker) < 0.2
    assert 1 <= broker.asked("LLEN", "{celery}:rounds") < 200


def test_a_broker_that_is_dead_holds_up_no_join(broker: TunedRedis) -> None:
    broker.kill()

    assert seconds_held_up(broker) < 0.2


@pytest.mark.takes(5)
def test_a_broker_that_is_silent_holds_up_no_join(broker: TunedRedis) -> None:
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        assert seconds_held_up(broker) < 0.2
    finally:
        os.kill(broker.pid, signal.SIGCONT)
