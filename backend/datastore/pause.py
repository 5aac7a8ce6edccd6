"""What asks Redis though it can do without: after a failure it leaves Redis alone for a moment."""

from collections.abc import Callable

#: Seconds. Too small: each call pays a timeout again while Redis is silent. Too large: what does without Redis
#: goes on doing so after it is back.
PAUSE_SECONDS = 2.0


class Pause:
    """Remembers, for this process, that Redis did not answer just now."""

    def __init__(self, monotonic: Callable[[], float], seconds: float = PAUSE_SECONDS) -> None:
        self._monotonic = monotonic
        self._seconds = seconds
        self._until = float("-inf")

    @property
    def is_on(self) -> bool:
        return self._monotonic() < self._until

    def begin(self) -> None:
        self._until = self._monotonic() + self._seconds
