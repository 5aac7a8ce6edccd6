"""Where the demo tells what it sees: a terminal, a file, or a pipe whose reader may go away."""

import os
import signal
import sys

from rich.console import Console


class PatientConsole(Console):
    """A console that ends the demo as Ctrl-C does once nobody reads on: players, servers and stack go quietly."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        # What is still in Python's buffer would be written at the exit, in vain and with a traceback.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)
