"""Rates of callers, counted in Redis over all processes; in memory where that is enough or all there is.

Two ways of counting:

- `take`: every call is counted in Redis, at once. Exactly the rate, however many processes.
- `take_cheaply`, for calls that come a thousand times a second: a process lets a caller through by itself while he
  stays below a share of his rate. Beyond it, it tells Redis what it has let through, and from then on every call of
  his is counted there until his whole burst is free again. A caller who is fast enough to matter is held to exactly
  the rate; before that, he gains at most that share for each process.

While Redis is away each process holds callers to the rate alone. The limiter never refuses a call because of a store.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import redis

from datastore.keys import Keys
from datastore.local_turns import LocalTurns
from datastore.pause import Pause
from datastore.rates import Rate, Turn
from datastore.scripts import Scripts
from errors import StoreUnavailable

logger = logging.getLogger(__name__)


class RateLimiter:
    """Counts calls by `name` of the limit and by caller."""

    def __init__(self, client: redis.Redis, keys: Keys, monotonic: Callable[[], float]) -> None:
        self._scripts = Scripts(client, Path(__file__).parent / "lua")
        self._keys = keys
        self._monotonic = monotonic
        self._pause = Pause(monotonic)
        self._local: dict[tuple[str, Rate], LocalTurns] = {}

    def take(self, name: str, caller: str, rate: Rate) -> Turn:
        """Count one call in Redis."""
        return self._take_shared(name, caller, rate, self._now_us())

    def take_cheaply(self, name: str, caller: str, rate: Rate) -> Turn:
        """Count one call here, or in Redis once the caller has used up the share of this process."""
        now_us = self._now_us()
        if self._of(name, rate).take_share(caller, now_us):
            return Turn(is_allowed=True, rate=rate, ahead_us=0, is_shared=False)
        return self._take_shared(name, caller, rate, now_us)

    def _take_shared(self, name: str, caller: str, rate: Rate, now_us: int) -> Turn:
        local = self._of(name, rate)
        if not self._pause.is_on:
            args = (rate.interval_us, rate.room_us, local.untold_us(caller, now_us))
            try:
                has_room, ahead_us = self._scripts.call("take_turn", [self._keys.turns(name, caller)], args)
            except StoreUnavailable as error:
                self._pause.begin()
                logger.warning("rates are counted by each process alone for a moment: %s", error)
            else:
                local.remember_shared(caller, now_us + ahead_us)
                return Turn(is_allowed=has_room == 1, rate=rate, ahead_us=ahead_us, is_shared=True)
        is_allowed, ahead_us = local.take_alone(caller, now_us)
        return Turn(is_allowed=is_allowed, rate=rate, ahead_us=ahead_us, is_shared=False)

    def _of(self, name: str, rate: Rate) -> LocalTurns:
        found = self._local.get((name, rate))
        if found is None:
            found = self._local.setdefault((name, rate), LocalTurns(rate))
        return found

    def _now_us(self) -> int:
        return int(self._monotonic() * 1_000_000)
