"""How long a loop that does nothing stands still on this machine while every core is busy: the yardstick of the longest
script, whose time goes on when the machine does something else."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def longest_pause_ms(seconds: float) -> float:
    """The longest pause of a loop on each core, ms."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        return max(pool.map(_spin, [seconds] * cores))


def _spin(seconds: float) -> float:
    now = last = time.perf_counter()
    end, longest = now + seconds, 0.0
    while now < end:
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest * 1000
