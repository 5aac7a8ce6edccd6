"""`python -m chaos.seen_from web PROGRAM ARGUMENT …`: run a program with the addresses that one side is given.

So web and workers reach the same stores through proxies of their own, and can lose them apart.
"""

import os
import sys

#: What each side has of its own, as CHAOS_<SIDE>_<NAME> in the environment of the stack.
SIDED_VARIABLES = ("REDIS_URL", "CELERY_BROKER_URL", "DATABASE_URL")


def environment_of(side: str, environment: dict[str, str]) -> dict[str, str]:
    """`environment` as `side` sees it."""
    own = {name: environment[f"CHAOS_{side.upper()}_{name}"] for name in SIDED_VARIABLES}
    return {name: value for name, value in environment.items() if not name.startswith("CHAOS_")} | own


def main(side: str, *argv: str) -> None:
    """Become the program; comes back only with an error."""
    os.execve(argv[0], argv, environment_of(side, dict(os.environ)))


if __name__ == "__main__":
    main(*sys.argv[1:])
