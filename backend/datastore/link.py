"""Which of two stores this process asks: the first, or the one that stands in for it.

PostgreSQL says which store is in charge for everybody (`is_fallen_back`); the breaker says whether this process reaches
the first one. A process that cannot reach it makes the other one take charge, for all.
"""

import logging
import time
from collections.abc import Callable

from datastore.breaker import Breaker
from errors import StoreUnavailable

logger = logging.getLogger(__name__)


class Link:
    """Safe for threads. `probe` writes to the first store, and raises `StoreUnavailable`; `is_fallen_back` and
    `fall_back` read and switch what PostgreSQL says, and raise `StoreUnavailable` where it is away."""

    def __init__(
        self,
        *,
        probe: Callable[[], None],
        is_fallen_back: Callable[[], bool],
        fall_back: Callable[[], None],
        breaker: Breaker | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probe = probe
        self._read = is_fallen_back
        self._fall_back = fall_back
        self._breaker = breaker or Breaker()
        self._monotonic = monotonic
        self._fallen_back = False
        self._only_follows = False
        self._since = monotonic()

    @property
    def is_fallen_back(self) -> bool:
        """Whether the stand-in is asked, as far as this process knows."""
        return self._fallen_back

    def only_follow(self) -> None:
        """This process, a worker, does not decide: where it cannot reach the first store, its call fails."""
        self._only_follows = True

    def prefers_first(self) -> bool:
        """Whether a call goes to the first store. Where this process cannot reach it while it is in charge, the other
        one takes charge first."""
        if self._fallen_back:
            return False
        if self._only_follows or self._breaker.state(self._monotonic()) == "closed":
            return True
        self._take_over()
        return False

    def failed(self, error: StoreUnavailable) -> None:
        """A call to the first store failed. Returns where the stand-in is to be asked instead; raises `error` where
        the first store answers a probe: then only this call went wrong, and can be repeated."""
        if self._only_follows:
            raise error
        try:
            self._probe()
        except StoreUnavailable:
            if self._breaker.open(self._monotonic()):
                logger.warning("redis is away: %s; the breaker is open", error.reason)
            self._take_over()
            return
        raise error

    def look(self) -> None:
        """See what PostgreSQL says, and whether the first store is back. The watch calls this twice a second."""
        try:
            fallen_back = self._read()
        except StoreUnavailable:
            return
        now = self._monotonic()
        is_closed = self._breaker.state(now) == "closed"
        if not is_closed and (not fallen_back or self._breaker.may_probe(now)):
            self.reaches_first()
        self._note(fallen_back)

    def reaches_first(self) -> bool:
        """Probe now; opens or closes the breaker by it."""
        try:
            self._probe()
        except StoreUnavailable:
            self._breaker.open(self._monotonic())
            return False
        if self._breaker.close():
            logger.warning("redis answers again; the breaker is closed")
        return True

    def fallen_back_seconds(self) -> float:
        """For how long the stand-in has been asked; 0 where it is not."""
        return self._monotonic() - self._since if self._fallen_back else 0.0

    def _take_over(self) -> None:
        self._fall_back()
        self._note(True)

    def _note(self, fallen_back: bool) -> None:
        if fallen_back == self._fallen_back:
            return
        self._fallen_back, self._since = fallen_back, self._monotonic()
        if fallen_back:
            logger.warning("⚠️ PostgreSQL stands in for Redis")
        else:
            logger.warning("redis is in charge again")
