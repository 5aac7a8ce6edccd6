"""Which store is in charge of the queues that Redis serves: one row in PostgreSQL, the arbiter of both.

While `is_fallen_back`, PostgreSQL stands in for Redis. Each switch makes the epoch one larger; a match is claimed
under an epoch, and history takes it only under the same one. So a process that has not noticed a switch can claim,
but nobody is told of it.

Who reads the row is told what time it is, too: all processes read it often, so that they agree (`datastore/clock.py`).
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection

from datastore.clock import shared_clock

#: Any number that no other lock of the database has.
_LOCK = 0x636172_6F7564

_COLUMNS = "is_fallen_back, epoch, changed_ms, redis_incarnation, recovered_ms"
_NOW_MS = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_READ = f"SELECT {_COLUMNS}, {_NOW_MS} FROM matchmaking_charge WHERE id = 1"  # noqa: S608 - a constant
_FIRST = """
INSERT INTO matchmaking_charge (id, is_fallen_back, epoch, changed_ms, redis_incarnation, recovered_ms)
VALUES (1, false, 1, 0, '', 0) ON CONFLICT (id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class InCharge:
    """The row, as it was read."""

    is_fallen_back: bool
    epoch: int
    changed_ms: int
    redis_incarnation: str
    recovered_ms: int


def read_charge(*, lock: str = "") -> InCharge:
    """The row now. `lock` is "FOR SHARE" or "FOR UPDATE", inside a transaction."""
    row = _read(lock)
    if row is None:
        _execute(_FIRST)
        row = _read(lock)
    assert row is not None  # noqa: S101 - it was just made
    return InCharge(*row)


def fall_back(now_ms: int) -> InCharge:
    """PostgreSQL stands in for Redis from now on, if it does not already."""
    return _switch(True, now_ms)


def go_home(now_ms: int) -> InCharge:
    """Redis is in charge again."""
    return _switch(False, now_ms)


def note_redis(incarnation: str, now_ms: int) -> None:
    """This Redis holds what it should, with the epoch that begins here; tickets that were last asked for before
    `now_ms` may have ended in data that is lost, and have to be asked for once more."""
    _execute(
        "UPDATE matchmaking_charge SET redis_incarnation = %s, recovered_ms = %s, epoch = epoch + 1 WHERE id = 1",
        [incarnation, now_ms],
    )


def try_alone() -> bool:
    """Whether nobody else is recovering a store or coming home; holds until the transaction ends. Does not wait."""
    row = _execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
    return bool(row and row[0])


def _switch(is_fallen_back: bool, now_ms: int) -> InCharge:
    read_charge()
    _execute(
        "UPDATE matchmaking_charge SET is_fallen_back = %s, epoch = epoch + 1, changed_ms = %s "
        "WHERE id = 1 AND is_fallen_back <> %s",
        [is_fallen_back, now_ms, is_fallen_back],
    )
    return read_charge()


def _read(lock: str) -> tuple[Any, ...] | None:
    asked_ns = shared_clock.steady_ns()
    row = _execute(f"{_READ} {lock}")
    if row is None:
        return None
    *columns, said_ms = row
    shared_clock.hear(said_ms, asked_ns=asked_ns, answered_ns=shared_clock.steady_ns())
    return tuple(columns)


def _execute(sql: str, params: list[Any] | None = None) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone() if cursor.description else None
