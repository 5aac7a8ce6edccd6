"""A real beat and a real worker follow the file of the rules."""

from pathlib import Path

import pytest

from tests.redis_topologies import a_redis, until
from tests.topologies.conftest import PREFIX
from tests.topologies.stack import Stack

# Other processes write: their rows are seen, and emptied afterwards.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("stack"), pytest.mark.takes(7)]

#: Seconds in which a worker is up; the first round of a machine compiles the engine.
START_SECONDS = 40.0


def test_a_queue_that_is_added_has_rounds_and_one_that_is_taken_out_has_none_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "queues.toml"
    file.write_text("[queues.ranked]\n[queues.casual]\n", encoding="utf-8")
    with (
        a_redis(tmp_path / "redis") as server,
        Stack.on(tmp_path, server.url, server.url, QUEUES_FILE=str(file)) as stack,
    ):

        def last_round(queue: str) -> int:
            return int(server.asked("GET", f"{PREFIX}matchmaking:last_round:{queue}") or 0)

        worker = stack.worker("rounds", "rounds")
        stack.beat("beat")
        until(lambda: last_round("casual") > 0, what="no round", seconds=START_SECONDS)
        assert last_round("duel") == 0

        file.write_text("[queues.ranked]\n[queues.duel]\n", encoding="utf-8")

        until(lambda: last_round("duel") > 0, what="no round of the new queue", seconds=10)
        closed_at = last_round("casual")
        first = last_round("duel")
        until(lambda: last_round("duel") > first + 2_000, what="no more rounds of the new queue", seconds=10)
        assert last_round("casual") == closed_at
        assert worker.is_alive
        assert "the rules have changed: new: duel; closed: casual" in worker.text()
