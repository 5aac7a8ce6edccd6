"""`make bench`: what the service costs, beside its yardsticks, in one run. Prints a table, writes JSON."""

import argparse
import contextlib
import json
import os
import platform
import resource
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from devstack.embedded import PostgresServer, RedisServer, free_port
from devstack.stack import temporary_stack

PARTS = ("engine", "teams", "rounds", "joins", "latency", "crowd", "stores", "outage")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", default=[], metavar="PART", help=f"which: {', '.join(PARTS)} (all)")
    parser.add_argument("--json", type=Path, default=Path("var/bench.json"), help="where the figures go (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it runs, not to quote")
    chosen = parser.parse_args()
    unknown = set(chosen.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    _allow_many_connections()
    # A few players call as fast as they can: the limiter is paid for, and refuses nobody.
    os.environ.update(dict.fromkeys(("RATE_LIMIT_PLAYER", "RATE_LIMIT_SERVER", "RATE_LIMIT_ADDRESS"), "1000000/1"))
    console = Console()
    figures: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    }
    for part in chosen.parts or PARTS:
        console.print(f"[bold]{part}[/] …")
        figures[part] = MEASURES[part](chosen.quick)
        _show(console, part, figures[part])
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    console.print(f"figures are in {chosen.json}")
    return 0


def _allow_many_connections() -> None:
    """10,000 clients need as many open files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(65_536, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
    with _stores_alone() as (environment, redis):
        os.environ.update(environment, DJANGO_SETTINGS_MODULE="caroud.settings", LOG_LEVEL="WARNING")
        import django  # noqa: PLC0415

        django.setup()
        from bench import rounds  # noqa: PLC0415

        sizes = (1_000,) if quick else (1_000, 10_000, 100_000)
        return rounds.run(redis_url=redis.url, sizes=sizes)


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


def _stores(quick: bool) -> Any:
    from bench import stores  # noqa: PLC0415

    with _stores_alone() as (environment, _):
        crowds = (100,) if quick else stores.CROWDS
        calls = stores.run(environment=environment, repeats=1 if quick else 3, crowds=crowds)
    with _stack_of_our_own() as stack:
        import django  # noqa: PLC0415

        django.setup()
        rounds = stores.run_rounds(redis_url=stack.redis_url, sizes=(1_000,) if quick else (1_000, 10_000))
    return {"calls": calls, "rounds": rounds}


def _outage(quick: bool) -> Any:
    from bench import outage  # noqa: PLC0415

    with _stores_alone() as (environment, redis):
        return outage.run(environment=environment, redis=redis)


def _latency(quick: bool) -> Any:
    from bench import crowd  # noqa: PLC0415

    with _stack_of_our_own() as stack:
        return crowd.run_latency(stack, pairs=50 if quick else 500)


def _crowd(quick: bool) -> Any:
    from bench import crowd  # noqa: PLC0415

    sizes = (100,) if quick else (1_000, 1_000, 1_000, 10_000)
    with _stack_of_our_own() as stack:
        return [crowd.run_crowd(stack, size) for size in sizes]


MEASURES = {
    "engine": _engine,
    "teams": _teams,
    "rounds": _rounds,
    "joins": _joins,
    "latency": _latency,
    "crowd": _crowd,
    "stores": _stores,
    "outage": _outage,
}


def _show(console: Console, title: str, figures: Any) -> None:
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in _flat(figures):
        table.add_row(name, f"{value:,.4g}" if isinstance(value, float) else str(value))
    console.print(table)


def _flat(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _flat(value, f"{path}.{name}" if path else str(name))
    elif isinstance(tree, list):
        for place, value in enumerate(tree):
            yield from _flat(value, f"{path}[{place}]")
    else:
        yield path, tree


if __name__ == "__main__":
    sys.exit(main())
