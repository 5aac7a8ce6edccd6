"""Run a command once nothing is left of its last run: `python -m devstack.run_alone web PROGRAM ARGUMENT …`

Granian's workers outlive a killed parent and keep serving on the same port, beside the workers of the next one.
So each run notes its process group in `<name>.pid`, and the next one ends that group before it begins.
"""

import os
import signal
import sys
from pathlib import Path

from devstack.private_file import write_private
from devstack.remains import MARK, find_remains, read_pid


def end_last_run(pid_file: Path, var_dir: Path) -> None:
    """Kill the processes of the group in `pid_file`, as far as they belong to the stack of `var_dir`."""
    group = read_pid(pid_file)
    if group is None or group == os.getpgrp():
        return
    for pid in find_remains(var_dir):
        try:
            # Their parent is dead already, so there is nobody to ask them politely.
            if os.getpgid(pid) == group:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def main(name: str, *argv: str) -> None:
    """Become the command; comes back only with an error."""
    var_dir = Path(os.environ[MARK])
    pid_file = var_dir / f"{name}.pid"
    end_last_run(pid_file, var_dir)
    write_private(pid_file, f"{os.getpgrp()}\n")
    os.execv(argv[0], argv)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
