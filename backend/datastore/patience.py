"""How long this process waits for PostgreSQL: psycopg2 itself waits for ever.

A server that hangs (a stopped process, a dead path) sends nothing, not even an error, and each request that asks it
would hold a thread until none is left for the calls that need Redis alone.
"""

import select
import time
from typing import Any

import psycopg2
from psycopg2 import extensions


def limit_patience(seconds: float) -> None:
    """From now on no statement and no connect of this process waits longer; the connection is given up then.

    Not for migrations: they may take long.
    """
    extensions.set_wait_callback(lambda connection: _wait(connection, time.monotonic() + seconds, seconds))


def _wait(connection: Any, deadline: float, seconds: float) -> None:
    """What psycopg2 calls for each thing that it waits for; after an error from here it closes the connection."""
    while True:
        state = connection.poll()
        if state == extensions.POLL_OK:
            return
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        left_ms = max(0.0, deadline - time.monotonic()) * 1000
        if not poll.poll(left_ms):
            raise psycopg2.OperationalError(f"PostgreSQL has not answered for {seconds:g} s")
