"""Where the demo plays: on the stack that it is told, on the one that runs, or on one of its own."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import psycopg2

from demo.api import Unreachable
from demo.history import History
from devstack.access import running_stack
from devstack.errors import StartFailed
from devstack.stack import temporary_stack

#: Seconds for the first answer.
_ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Reach:
    """What it takes to play on a stack."""

    api_url: str
    fleet_key: str
    database_url: str


@contextmanager
def reached_stack(api_url: str | None, *, say: Callable[[str], None]) -> Iterator[Reach]:
    """The stack to play on, checked. One of our own is taken down afterwards. Raises `Unreachable`."""
    if api_url is not None:
        yield _checked(_named_stack(api_url))
        return
    running = running_stack()
    if running is not None:
        say(f"playing on the running stack, {running.api_url}")
        yield _checked(Reach(running.api_url, running.fleet_key, running.database_url))
        return
    say("no stack is running: starting one, gone afterwards")
    try:
        with temporary_stack(say=say) as own:
            yield _checked(Reach(own.api_url, own.fleet_key, own.database_url))
    except StartFailed as error:
        raise Unreachable(str(error)) from error


def _named_stack(api_url: str) -> Reach:
    """`api_url` with the keys of the environment, or of the running stack where that is the same."""
    api_url = api_url.rstrip("/") + "/"
    running = running_stack()
    known = {} if running is None or running.api_url != api_url else running.environment
    fleet_keys = os.environ.get("FLEET_KEY") or known.get("FLEET_KEY", "")
    database_url = os.environ.get("DATABASE_URL") or known.get("DATABASE_URL", "")
    for name, value in (("FLEET_KEY", fleet_keys), ("DATABASE_URL", database_url)):
        if not value:
            raise Unreachable(f"{name} is not set: with --api the demo needs FLEET_KEY and DATABASE_URL of that stack")
    return Reach(api_url, fleet_keys.split(",")[0].strip(), database_url)


def _checked(reach: Reach) -> Reach:
    try:
        answer = httpx.get(reach.api_url + "matchmaking/stats/", timeout=_ANSWER_SECONDS, trust_env=False)
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"{reach.api_url} does not answer as it should: {_first_line(error)}") from error
    try:
        History(reach.database_url).count_players([])
    except psycopg2.Error as error:
        raise Unreachable(f"DATABASE_URL does not lead to the stack's PostgreSQL: {_first_line(error)}") from error
    return reach


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
