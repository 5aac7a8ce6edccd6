"""A crash point kills the process that passes it, once, and only where a test asks for it."""

import os
import subprocess
import sys
import time
from pathlib import Path

from chaos.faults import CRASH_POINTS, STALL_POINT

BACKEND = Path(__file__).parents[2] / "backend"


def pass_point(name: str, *, file: Path | None) -> int:
    """The exit code of a process that passes the point."""
    environment = {key: value for key, value in os.environ.items() if key != "CAROUD_CRASH_POINTS_FILE"}
    environment["PYTHONPATH"] = str(BACKEND)
    if file is not None:
        environment["CAROUD_CRASH_POINTS_FILE"] = str(file)
    code = f"from crash_points import crash_point; crash_point({name!r}); print('went on')"
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False).returncode


def test_a_named_point_kills_once(tmp_path: Path) -> None:
    file = tmp_path / "points"
    file.write_text("before the notice\nafter claim\n")

    assert pass_point("after claim", file=file) == 137
    assert file.read_text() == "before the notice\n"
    assert pass_point("after claim", file=file) == 0


def test_a_named_point_can_stand_still_instead(tmp_path: Path) -> None:
    file = tmp_path / "points"
    file.write_text("before claim for 0.5\n")
    began = time.monotonic()

    assert pass_point("before claim", file=file) == 0
    assert time.monotonic() - began >= 0.5
    assert file.read_text() == ""


def test_without_a_file_every_point_is_passed(tmp_path: Path) -> None:
    assert pass_point("after claim", file=None) == 0
    assert pass_point("after claim", file=tmp_path / "none") == 0


def test_the_points_that_chaos_names_are_in_the_code() -> None:

    code = "\n".join(path.read_text() for path in (BACKEND / "matchmaking").rglob("*.py"))
    assert [point for point in (*CRASH_POINTS, STALL_POINT) if f'crash_point("{point}")' not in code] == []
