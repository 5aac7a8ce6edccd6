"""`python -m chaos.seen_from workers beat COMMAND …`: run a program, here beat, with the addresses that its side is
given and with a wall clock of its own.

So web and workers reach the same stores through proxies of their own, and can lose them apart; and so each may see
another time.
"""

import os
import sys
from pathlib import Path

from chaos.clock import Clocks

#: What each side has of its own, as CHAOS_<SIDE>_<NAME> in the environment of the stack.
SIDED_VARIABLES = ("REDIS_URL", "CELERY_BROKER_URL", "DATABASE_URL")
#: Where the clocks are.
CLOCKS_VARIABLE = "CHAOS_CLOCKS"


def environment_of(side: str, program: str, environment: dict[str, str]) -> dict[str, str]:
    """`environment` as a program of `side` sees it."""
    own = {name: environment[f"CHAOS_{side.upper()}_{name}"] for name in SIDED_VARIABLES}
    own |= Clocks(Path(environment[CLOCKS_VARIABLE]), [program]).environment(program)
    return {name: value for name, value in environment.items() if not name.startswith("CHAOS_")} | own


def main(side: str, program: str, *argv: str) -> None:
    """Become the program; comes back only with an error."""
    os.execve(argv[0], argv, environment_of(side, program, dict(os.environ)))


if __name__ == "__main__":
    main(*sys.argv[1:])
