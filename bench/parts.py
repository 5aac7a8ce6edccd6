"""The parts of the bench, each with the servers that it needs; gone afterwards."""

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from devstack.embedded import PostgresServer, RedisServer, free_port
from devstack.stack import temporary_stack


@contextlib.contextmanager
def _stack_of_our_own() -> Iterator[Any]:
    with temporary_stack() as stack:
        os.environ.update(stack.environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = "caroud.settings"
        yield stack


def _engine(quick: bool) -> Any:
    from bench import engine  # noqa: PLC0415 - each part loads what it needs, and Django only once

    return engine.run()


def _teams(quick: bool) -> Any:
    from bench import teams  # noqa: PLC0415

    return teams.run(quick=quick)


def _rounds(quick: bool) -> Any:
    with _set_up_on_stores_alone() as redis_url:
        from bench import rounds  # noqa: PLC0415

        sizes = (1_000,) if quick else (1_000, 10_000, 100_000)
        return rounds.run(redis_url=redis_url, sizes=sizes)


def _joins(quick: bool) -> Any:
    from bench import joins  # noqa: PLC0415

    with _stores_alone() as (environment, _):
        return joins.run(environment=environment, repeats=1 if quick else 3)


@contextlib.contextmanager
def _stores_alone() -> Iterator[tuple[dict[str, str], RedisServer]]:
    """A Redis and a PostgreSQL without workers: a round would take the players out whose calls are measured."""
    with tempfile.TemporaryDirectory(prefix="caroud-bench-") as folder:
        redis = RedisServer(Path(folder) / "redis", free_port(), secrets.token_hex(8))
        postgres = PostgresServer(Path(folder) / "postgres", free_port(), secrets.token_hex(8))
        with redis, postgres:
            environment = {
                **os.environ,
                "REDIS_URL": redis.url,
                "CELERY_BROKER_URL": redis.url,
                "DATABASE_URL": postgres.url,
                "SECRET_KEY": secrets.token_hex(32),
                "FLEET_KEY": secrets.token_hex(16),
            }
            migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
            subprocess.run(migrate, cwd=Path(__file__).parents[1] / "backend", env=environment, check=True)
            yield environment, redis


@contextlib.contextmanager
def _set_up_on_stores_alone() -> Iterator[str]:
    """Django in this process, on stores without anybody else; the URL of the Redis."""
    with _stores_alone() as (environment, redis):
        os.environ.update(environment, DJANGO_SETTINGS_MODULE="caroud.settings", LOG_LEVEL="WARNING")
        import django  # noqa: PLC0415

        django.setup()
        yield redis.url


def _stores(quick: bool) -> Any:
    from bench import stores  # noqa: PLC0415

    with _stores_alone() as (environment, _):
        crowds = (100,) if quick else stores.CROWDS
        calls = stores.run(environment=environment, repeats=1 if quick else 3, crowds=crowds)
    with _set_up_on_stores_alone() as redis_url:
        rounds = stores.run_rounds(redis_url=redis_url, sizes=(1_000,) if quick else (1_000, 10_000))
    return {"calls": calls, "rounds": rounds}


def _outage(quick: bool) -> Any:
    from bench import outage  # noqa: PLC0415

    with _stores_alone() as (environment, redis):
        return outage.run(environment=environment, redis=redis)


def _latency(quick: bool) -> Any:
    from bench import crowd  # noqa: PLC0415

    with _stack_of_our_own() as stack:
        crowd.run_crowd(stack, 100)
        return crowd.run_latency(stack, pairs=50 if quick else 500)


def _crowd(quick: bool) -> Any:
    from bench import crowd  # noqa: PLC0415

    sizes = (100,) if quick else (1_000, 1_000, 1_000, 10_000)
    with _stack_of_our_own() as stack:
        crowd.run_crowd(stack, 100)  # warms it up: imports, scripts, connections
        return [crowd.run_crowd(stack, size) for size in sizes]


#: By name, in the order in which they run.
MEASURES: Mapping[str, Callable[[bool], Any]] = {
    "engine": _engine,
    "teams": _teams,
    "rounds": _rounds,
    "joins": _joins,
    "latency": _latency,
    "crowd": _crowd,
    "stores": _stores,
    "outage": _outage,
}
