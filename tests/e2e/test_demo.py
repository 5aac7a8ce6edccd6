"""The README's second command: real players and servers over HTTP, on a stack started as `make run` starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]


@pytest.mark.xdist_group("stack")
@pytest.mark.timeout(240)
def test_the_demo_ends_with_no_broken_promise(tmp_path: Path) -> None:
    figures = tmp_path / "demo.json"
    command = [sys.executable, "-m", "demo", "--players", "16", "--seconds", "8", "--json", str(figures)]

    done = subprocess.run(
        command,
        cwd=REPO,
        env={**os.environ, "PYTHONPATH": str(REPO / "backend")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "BROKEN" not in done.stdout
    assert "no 5xx answer" in done.stdout
    assert json.loads(figures.read_text())
