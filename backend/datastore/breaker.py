"""A breaker remembers that a server is down, so that callers do not each wait to find out. Time is an argument."""

from enum import StrEnum
from threading import Lock


class BreakerState(StrEnum):
    """Closed: calls go through. Open: none does. Half-open: one caller may try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Opens at a failure, lets one probe through after `open_seconds`, closes when that succeeds.

    `now` is monotonic seconds. Too short an `open_seconds` wastes probes; too long keeps a server out that is back.
    """

    def __init__(self, *, open_seconds: float = 1.0) -> None:
        self._open_seconds = open_seconds
        self._lock = Lock()
        self._opened_at: float | None = None
        self._probed_at: float | None = None

    def state(self, now: float) -> BreakerState:
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if now - self._opened_at >= self._open_seconds else BreakerState.OPEN

    def open(self, now: float) -> bool:
        """The server failed. Whether this opened the breaker (and is news)."""
        with self._lock:
            was_closed = self._opened_at is None
            self._opened_at, self._probed_at = now, None
            return was_closed

    def close(self) -> bool:
        """The server answered. Whether this closed the breaker (and is news)."""
        with self._lock:
            was_open = self._opened_at is not None
            self._opened_at = self._probed_at = None
            return was_open

    def may_probe(self, now: float) -> bool:
        """Whether this caller is the one that tries. Its try has to end in `open` or `close`; one that ends in
        neither is given up after another `open_seconds`."""
        with self._lock:
            if self.state(now) is not BreakerState.HALF_OPEN:
                return False
            if self._probed_at is not None and now - self._probed_at < self._open_seconds:
                return False
            self._probed_at = now
            return True
