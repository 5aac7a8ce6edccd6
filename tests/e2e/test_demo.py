"""The README's second command: real players and servers over HTTP, on a stack started as `make run` starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.remains import find_remains
from tests.e2e.runs import START_SECONDS, until

REPO = Path(__file__).parents[2]


@pytest.mark.takes(35)
@pytest.mark.xdist_group("stack")
@pytest.mark.timeout(240)
def test_the_demo_ends_with_no_broken_promise_and_its_stack_is_gone(tmp_path: Path) -> None:
    figures, output, folder = tmp_path / "demo.json", tmp_path / "demo.out", tmp_path / "stack"
    folder.mkdir()
    command = [sys.executable, "-m", "demo", "--players", "16", "--seconds", "8", "--json", str(figures)]
    env = {**os.environ, "PYTHONPATH": str(REPO / "backend"), "TMPDIR": str(folder)}

    with output.open("wb") as file:
        demo = subprocess.Popen(command, cwd=REPO, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        until(lambda: remains(folder) or demo.poll() is not None, START_SECONDS, "a stack")
        (var_dir,) = folder.glob("*/var")
        code = demo.wait(220)
    finally:
        demo.terminate()  # it takes its stack with it
        demo.wait(60)

    told = output.read_text()
    assert code == 0, told[-6000:]
    assert "BROKEN" not in told
    assert "no 5xx answer" in told
    queues = {queue["queue"]: queue for queue in json.loads(figures.read_text())["figures"]["queues"]}
    assert {"ranked", "ladder", "duos"} <= {name for name, queue in queues.items() if queue["matches"]}
    assert queues["duos"]["matches_with_parties"]
    assert find_remains(var_dir) == []
    assert list(folder.iterdir()) == []


def remains(folder: Path) -> list[int]:
    """Processes of the stack that the demo has started in a folder of its own."""
    return [pid for var_dir in folder.glob("*/var") for pid in find_remains(var_dir)]
