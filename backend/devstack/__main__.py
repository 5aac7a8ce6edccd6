"""`python -m devstack`, which is `make run`: see `devstack.command`."""

import os
import signal
import sys

# Loading the rest takes half a second in which nothing runs yet: whoever interrupts it gets a quiet end.
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: os._exit(0))

from devstack.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
