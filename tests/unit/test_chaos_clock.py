"""The wrong clocks of `make chaos` are seen by the whole process, at once, and by no other."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.clock import Clocks

#: Says, for each true time that it is sent, by how many seconds two of its clocks are wrong, and that the steady one
#: is not.
_PROGRAM = """
import sys, time
from datetime import datetime
steady = time.monotonic()
for line in sys.stdin:
    true = float(line)
    wrong = [round(time.time() - true), round(datetime.now().timestamp() - true)]
    print(*wrong, time.monotonic() - steady < 60, flush=True)
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="a C compiler makes the clocks")
def test_a_clock_jumps_ahead_and_back_for_its_program_alone(tmp_path: Path) -> None:
    clocks = Clocks(tmp_path, ["web", "beat"])
    assert clocks.environment("web") == {}
    assert clocks.make()
    assert clocks.environment("postgres") == {}
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, **clocks.environment("web")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for web, beat, seen in ((0.0, 0.0, 0), (600.0, -50.0, 600), (-300.0, 0.0, -300), (0.0, 7.0, 0)):
            clocks.set("web", web)
            clocks.set("beat", beat)
            program.stdin.write(f"{time.time()}\n")
            program.stdin.flush()
            assert program.stdout.readline().split() == [str(seen), str(seen), "True"]
        program.stdin.close()
