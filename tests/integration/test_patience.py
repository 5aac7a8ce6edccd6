"""PostgreSQL that hangs is an error in time, and the next connection is a new one."""

import socket
import time
from collections.abc import Iterator

import psycopg2
import pytest
from django.db import OperationalError, connection
from psycopg2 import extensions

from datastore.patience import limit_patience


@pytest.fixture(autouse=True)
def _patient_afterwards() -> Iterator[None]:
    yield
    extensions.set_wait_callback(None)


def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    limit_patience(0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        begin = time.monotonic()
        with pytest.raises(psycopg2.OperationalError, match="has not answered"):
            psycopg2.connect(f"postgres://x:y@127.0.0.1:{port}/z")
    assert time.monotonic() - begin < 2


@pytest.mark.django_db(transaction=True)
def test_a_statement_that_takes_too_long_is_given_up_and_the_next_one_is_answered() -> None:
    limit_patience(0.2)
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    connection.close_if_unusable_or_obsolete()

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
