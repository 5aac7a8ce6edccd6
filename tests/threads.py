"""Races: calls in real threads that start together."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls, each in a thread of its own behind one barrier; answers in the order of the calls."""
    barrier, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            answers[place] = call()
        finally:
            connection.close()  # a thread's connection to PostgreSQL, where it made one

    threads = [threading.Thread(target=run, args=(place, call)) for place, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
