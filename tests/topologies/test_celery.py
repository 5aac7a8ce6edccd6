"""Real workers and beats through what happens to a broker: failover, silence, and the end."""

import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
from celery import Celery
from django.db import connection

from celery_app import app
from datastore.broker import broker_settings
from matchmaking.models import MatchRecord
from tests.redis_topologies import TunedRedis, a_redis, primary_and_replica, until
from tests.tcp_proxy import TcpProxy
from tests.topologies.conftest import PREFIX, Service
from tests.topologies.stack import Stack

# Other processes write: their rows are seen, and emptied afterwards. What starts workers is of one group, the stacks of
# `make run` too: beside a second one, times that are promised are not kept on two cores.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("stack"), pytest.mark.takes(40)]


SHORT_LIMITS = "tests.topologies.short_limits"
ROUNDS = "{celerycaroud}:rounds"
LAST_ROUND = f"{PREFIX}matchmaking:last_round"
#: Seconds in which a worker is up; the first round of a machine compiles the engine.
START_SECONDS = 40.0


def last_round(server: TunedRedis) -> int:
    return int(server.asked("GET", LAST_ROUND) or 0)


def wait_for_rounds(server: TunedRedis, *, seconds: float, count: int = 3) -> float:
    """Wait for rounds that begin from now on; answers after how many seconds there were so many."""
    seen, began = {last_round(server)}, time.monotonic()

    def is_enough() -> bool:
        seen.add(last_round(server))
        return len(seen) > count

    until(is_enough, what="no rounds", seconds=seconds)
    return time.monotonic() - began


def through(proxy: TcpProxy, server: TunedRedis) -> str:
    return server.url.replace(f":{server.port}/", f":{proxy.port}/")


def test_a_planned_failover_leaves_the_worker_alive_and_at_work_within_five_seconds(tmp_path: Path) -> None:
    with primary_and_replica(tmp_path) as (old, new), TcpProxy(old.port) as proxy:
        url = through(proxy, old)
        with Stack.on(tmp_path, url, url) as stack:
            worker, beat = stack.worker("rounds", "rounds"), stack.beat("beat")
            wait_for_rounds(old, seconds=START_SECONDS)

            new.asked("REPLICAOF", "NO", "ONE")
            proxy.target = new.port
            old.asked("REPLICAOF", "127.0.0.1", new.port)
            ask_for_rounds(new, 1)
            away_for = until(lambda: new.asked("LLEN", ROUNDS) == 0, what="nobody consumes", seconds=15)

            assert away_for < 5.0, away_for
            wait_for_rounds(new, seconds=10)  # the lease of a round that was cut off lives for five
            assert worker.is_alive and beat.is_alive


def test_worker_and_beat_resume_within_15_s_when_their_connections_fall_silent(tmp_path: Path) -> None:
    with a_redis(tmp_path) as server, TcpProxy(server.port) as proxy:
        url = through(proxy, server)
        with Stack.on(tmp_path, url, url) as stack:
            worker, beat = stack.worker("rounds", "rounds"), stack.beat("beat")
            wait_for_rounds(server, seconds=START_SECONDS)

            assert proxy.freeze() > 1
            away_for = wait_for_rounds(server, seconds=20)

            assert away_for < 15.0, away_for
            assert worker.is_alive and beat.is_alive


def test_a_lost_acknowledgement_costs_a_consumer_none_of_its_places(tmp_path: Path) -> None:
    with a_redis(tmp_path) as server, TcpProxy(server.port) as proxy:
        url = through(proxy, server)
        options = broker_settings(url, key_prefix="")["broker_transport_options"] | {"socket_timeout": 0.3}
        with app.connection_for_write(url, transport_options=options) as link, link.SimpleQueue("rounds") as queue:
            queue.consumer.qos(prefetch_count=1)
            queue.put("first")
            message = queue.get(timeout=5)
            assert not message.channel.qos.can_consume()

            proxy.freeze()
            with pytest.raises(BrokenPipeError):
                message.ack()

            assert message.channel.qos.can_consume()
            proxy.reset()


def test_a_full_broker_breaks_the_connection_of_an_acknowledgement_and_not_the_worker(tmp_path: Path) -> None:
    with a_redis(tmp_path) as server:
        options = broker_settings(server.url, key_prefix="")["broker_transport_options"]
        with (
            app.connection_for_write(server.url, transport_options=options) as link,
            link.SimpleQueue("rounds") as queue,
        ):
            queue.consumer.qos(prefetch_count=1)
            queue.put("first")
            message = queue.get(timeout=5)

            server.asked("CONFIG", "SET", "maxmemory", 1)
            with pytest.raises(BrokenPipeError, match="the broker is full"):
                message.ack()
            with pytest.raises(link.connection_errors, match="the broker is full"):
                queue.put("second")

            assert message.channel.qos.can_consume()
            server.asked("CONFIG", "SET", "maxmemory", 0)


def test_sigterm_lets_a_worker_finish_the_round_in_hand(tmp_path: Path, service_on: Callable[..., Service]) -> None:
    with a_redis(tmp_path) as server, Stack.on(tmp_path, server.url, server.url) as stack:
        worker, beat = stack.worker("rounds", "rounds"), stack.beat("beat")
        service = service_on(server.url)  # which marks this Redis: the worker compares it with history once more
        wait_for_rounds(server, seconds=START_SECONDS)
        with locked(MatchRecord._meta.db_table):
            for _ in range(2):
                service.join(str(uuid.uuid4()), now_ms=time.time_ns() // 1_000_000)
            # Claimed, and not in PostgreSQL: the worker is in the middle of its round.
            until(lambda: service.tickets.outbox(1), what="no round claims", seconds=15)
            worker.process.send_signal(signal.SIGTERM)
            time.sleep(1.0)
            assert worker.is_alive
        began = time.monotonic()
        code = worker.process.wait(15)

        assert code == 0
        assert time.monotonic() - began < 10.0
        assert service.tickets.outbox(1) == []
        assert MatchRecord.objects.count() == 1
        assert beat.terminate(seconds=5)[0] == 0


def test_sigterm_waits_for_a_round_that_hangs_no_longer_than_its_time_limit(
    tmp_path: Path, service_on: Callable[..., Service]
) -> None:
    with a_redis(tmp_path) as server, Stack.on(tmp_path, server.url, server.url) as stack:
        worker = stack.worker("rounds", "rounds", app=SHORT_LIMITS)
        stack.beat("beat", app=SHORT_LIMITS)
        service = service_on(server.url)  # which marks this Redis: the worker compares it with history once more
        wait_for_rounds(server, seconds=START_SECONDS)
        with locked(MatchRecord._meta.db_table):
            for _ in range(2):
                service.join(str(uuid.uuid4()), now_ms=time.time_ns() // 1_000_000)
            until(lambda: service.tickets.outbox(1), what="no round claims", seconds=15)
            _, took = worker.terminate(seconds=30)

        assert took < 7.0, took
        assert service.tickets.outbox(1) != []


def ask_for_rounds(broker: TunedRedis, count: int) -> None:
    with Celery("asks", set_as_current=False) as asks:
        asks.conf.update(broker_settings(broker.url, key_prefix=PREFIX))
        for _ in range(count):
            asks.send_task("tasks.rounds.find_matches", args=("ranked",), queue="rounds", ignore_result=True)


class locked:
    """A table that nobody can write to, from another session."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __enter__(self) -> None:
        database_url, _, _ = os.environ["DATABASE_URL"].rpartition("/")
        self._session = psycopg2.connect(f"{database_url}/{connection.settings_dict['NAME']}")
        with self._session.cursor() as cursor:
            cursor.execute(f'LOCK TABLE "{self._table}" IN ACCESS EXCLUSIVE MODE')

    def __exit__(self, *_: object) -> None:
        self._session.rollback()
        self._session.close()
