"""Ids of tickets and matches."""

import subprocess
import sys
import uuid
from pathlib import Path

from caroud.ids import new_id
from caroud.wiring import clock

BACKEND = Path(__file__).parents[2] / "backend"


def test_an_id_is_a_uuid_of_its_time_and_random_beyond_that() -> None:
    before_ms = clock()
    ids = [new_id() for _ in range(2000)]
    after_ms = clock()

    assert len(set(ids)) == 2000
    assert [str(uuid.UUID(one)) for one in ids] == ids
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in ids} == {(7, uuid.RFC_4122)}
    assert all(before_ms <= uuid.UUID(one).int >> 80 <= after_ms for one in ids)
    assert {one[19] for one in ids} == set("89ab")
    for place in set(range(15, 36)) - {18, 19, 23}:
        assert {one[place] for one in ids} == set("0123456789abcdef")


def test_a_process_and_its_child_make_different_ids() -> None:
    """In a process of its own: this one may have threads, beside which one does not fork."""
    code = """
import os
from caroud.ids import new_id
print(new_id(), flush=True)
child = os.fork()
if child:
    os.waitpid(child, 0)
print(*[new_id() for _ in range(20)], flush=True)
os._exit(0)
"""
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=BACKEND, capture_output=True, text=True, timeout=20, check=True)

    random_parts = [one[15:] for one in answer.stdout.split()]
    assert len(random_parts) == 41
    assert len(set(random_parts)) == 41
