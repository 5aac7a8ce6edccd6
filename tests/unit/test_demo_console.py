"""The demo's output may be cut off, as by `make demo | head -3`: it ends quietly, as by Ctrl-C."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BACKEND = Path(__file__).parents[2] / "backend"
ENDLESS = """
import asyncio
import signal
signal.signal(signal.SIGINT, signal.{interrupt})
from demo.console import PatientConsole
console = PatientConsole()

async def others():
    await asyncio.sleep(60)

async def talk():
    async with asyncio.TaskGroup() as group:
        group.create_task(others())
        while True:
            console.print("another line")
            await asyncio.sleep(0)

def alone():
    while True:
        console.print("another line")

try:
    {call}
except KeyboardInterrupt:
    raise SystemExit(130)
"""


@pytest.mark.parametrize("call", ["asyncio.run(talk())", "alone()"])
@pytest.mark.parametrize("interrupt", ["default_int_handler", "SIG_IGN"])  # the latter in the background of a shell
def test_whoever_reads_no_more_ends_it_without_a_word(call: str, interrupt: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run(
        [sys.executable, "-c", ENDLESS.format(call=call, interrupt=interrupt)],
        cwd=BACKEND,
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)

    assert (done.returncode, done.stderr.decode()) == (130, "")
