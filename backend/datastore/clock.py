"""The service's time: PostgreSQL's, kept between two looks by the steady clock of this process.

Web, workers and beat run on several hosts, and compare moments that others wrote: when a ticket was asked for, when a
server was heard. A host whose clock is wrong by minutes would end the tickets and matches of all others. So nobody asks
the host: every process counts on from what PostgreSQL last said, by a clock that never jumps.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

_NS_IN_MS = 1_000_000


class SharedClock:
    """Until PostgreSQL has said what time it is, the host's time when this began.

    Safe for threads: of two that hear at once either is right. So there is no lock, with which held a process could be
    forked.
    """

    def __init__(self, *, steady_ns: Callable[[], int], host_ns: Callable[[], int]) -> None:
        self._steady_ns = steady_ns
        #: What the steady clock lacks.
        self._ahead_ns = host_ns() - steady_ns()

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return (self._steady_ns() + self._ahead_ns) // _NS_IN_MS

    def now(self) -> datetime:
        """The same, in UTC."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def steady_ns(self) -> int:
        """For `hear`: when was PostgreSQL asked, when had it answered?"""
        return self._steady_ns()

    def hear(self, said_ms: int, *, asked_ns: int, answered_ns: int) -> None:
        """PostgreSQL said this between asking and answer: move as little as agrees with it, so that a slow answer,
        which says little, moves nothing."""
        earliest, latest = said_ms * _NS_IN_MS - answered_ns, (said_ms + 1) * _NS_IN_MS - asked_ns
        self._ahead_ns = min(max(self._ahead_ns, earliest), latest)


#: The one of this process; children that are forked count on from it.
shared_clock = SharedClock(steady_ns=time.monotonic_ns, host_ns=time.time_ns)
