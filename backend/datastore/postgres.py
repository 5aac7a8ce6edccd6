"""PostgreSQL for the stores: statements through Django's connection, the driver's errors as `StoreUnavailable`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction

from errors import StoreUnavailable

#: What PostgreSQL answers where it undid a transaction so that another one could go on (class 40 of its codes).
_ROLLED_BACK = "40"

Params = Mapping[str, Any]


class Crossed(StoreUnavailable):
    """Two transactions waited for one another and PostgreSQL undid this one: it can be tried again."""


@contextmanager
def postgres_errors() -> Iterator[None]:
    """Turn "not there" and "cannot now" into `StoreUnavailable`; our own faults stay faults."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()  # the next call connects anew
        if str(getattr(error.__cause__, "pgcode", None)).startswith(_ROLLED_BACK):
            raise Crossed("postgresql", _first_line(error)) from error
        raise StoreUnavailable("postgresql", _first_line(error)) from error


@contextmanager
def one_transaction() -> Iterator[None]:
    """All statements inside are done, or none. Locks last until its end."""
    with postgres_errors(), transaction.atomic():
        yield


def fetch_all(sql: str, params: Params) -> list[tuple[Any, ...]]:
    """The rows of one statement."""
    with postgres_errors(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def fetch_one(sql: str, params: Params) -> tuple[Any, ...] | None:
    """The first row of one statement, or None."""
    with postgres_errors(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def execute(sql: str, params: Params) -> int:
    """Run one statement; answers how many rows it wrote."""
    with postgres_errors(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
