"""Named places at which a test can make this process die, as `kill -9` would: `make chaos` uses them.

Costs nothing unless CAROUD_CRASH_POINTS_FILE is set when the process starts, which no installation does.
"""

import fcntl
import os
from pathlib import Path

#: What the shell reports for a process that ended by signal 9.
_KILLED = 137
_file = os.environ.get("CAROUD_CRASH_POINTS_FILE", "")


def crash_point(name: str) -> None:
    """Die here if the file names this point now, one a line; the line is taken out, so that it happens once."""
    if _file and _take(Path(_file), name):
        os._exit(_KILLED)


def _take(path: Path, name: str) -> bool:
    """Whether `name` stood in the file and was taken out by us alone."""
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            names = file.read().splitlines()
            if name not in names:
                return False
            names.remove(name)
            file.seek(0)
            file.truncate()
            file.write("".join(f"{each}\n" for each in names))
            return True
    except FileNotFoundError:
        return False
