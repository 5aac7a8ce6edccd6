"""Wait until the named Celery workers answer: `python -m devstack.await_workers rounds reaping`.

A process of its own, because it needs the settings of the stack that it asks.
"""

import sys

from celery_app import app

#: Seconds for the answers to one question.
_ANSWER_SECONDS = 0.5


def await_workers(names: set[str]) -> None:
    """Ask until each of `names` has answered; for ever, so let whoever calls set the limit."""
    missing = set(names)
    while missing:
        answers = app.control.ping(timeout=_ANSWER_SECONDS)
        missing -= {host.split("@")[0] for answer in answers for host in answer}


if __name__ == "__main__":
    await_workers(set(sys.argv[1:]))
