"""Named places at which a test can make this process die, as `kill -9` would, or stand still: `make chaos` uses them.

Costs nothing unless CAROUD_CRASH_POINTS_FILE is set when the process starts, which no installation does.
"""

import fcntl
import os
import time
from pathlib import Path

#: What the shell reports for a process that ended by signal 9.
_KILLED = 137
_STALLS = " for "
_file = os.environ.get("CAROUD_CRASH_POINTS_FILE", "")


def crash_point(name: str) -> None:
    """Die here if the file names this point now, one a line; the line is taken out, so that it happens once.

    A line `name for 0.3` lets the process stand still for so many seconds instead.
    """
    if _file and (line := _take(Path(_file), name)):
        seconds = line.partition(_STALLS)[2]
        if not seconds:
            os._exit(_KILLED)
        time.sleep(float(seconds))


def _take(path: Path, name: str) -> str:
    """The line of this name, which was taken out by us alone; "" where there is none."""
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            lines = file.read().splitlines()
            line = next((each for each in lines if each.partition(_STALLS)[0] == name), "")
            if line:
                lines.remove(line)
                file.seek(0)
                file.truncate()
                file.write("".join(f"{each}\n" for each in lines))
            return line
    except FileNotFoundError:
        return ""
