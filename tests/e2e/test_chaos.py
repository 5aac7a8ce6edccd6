"""The short form of `make chaos`: a real stack, faults of every sort that a minute has room for, no broken promise."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
#: Of each sort one: a store that dies, a line that lies, a process that is killed in the middle, callers in a hurry.
KINDS = (
    *("redis_kill_short", "redis_drop_replies", "redis_maxmemory", "redis_script_flush"),
    *("postgres_kill", "crash_after_claim", "crash_before_notice", "leave_storm"),
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Open to the account that PostgreSQL may have to run as."""
    with tempfile.TemporaryDirectory(prefix="caroud-chaos-") as made:
        yield Path(made)


@pytest.mark.takes(50)
@pytest.mark.xdist_group("stack")
@pytest.mark.timeout(240)
def test_nobody_is_lost_in_half_a_minute_of_bad_weather(folder: Path) -> None:
    figures, seed = folder / "chaos.json", secrets.randbelow(1_000_000)
    command = [
        sys.executable,
        "-m",
        "chaos",
        "--seconds",
        "22",
        "--seed",
        str(seed),
        "--players",
        "20",
        "--squads",
        "8",
    ]
    command += ["--servers", "3", "--seats", "3", "--kinds", ",".join(KINDS)]
    command += ["--folder", str(folder / "run"), "--json", str(figures)]

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

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    told = json.loads(figures.read_text())
    assert told["seed"] == seed
    assert f"--seed {seed}" in told["replay"]
    assert told["totals"]["faults"] >= 3
    assert told["totals"]["matches"] > 10
