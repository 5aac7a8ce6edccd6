"""GCRA in the memory of one process: the stage in front of Redis, and the spare while Redis is away."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from datastore.rates import Rate

#: Callers remembered per rate and process, about 300 bytes each. Beyond it the longest unseen are forgotten, which
#: gives them a fresh share.
CALLERS_KEPT = 50_000
#: Of a rate and its burst, what one process lets through before it asks Redis. A quarter: a client that polls as it
#: is told never costs a second round trip, and four processes together cannot let through more than the rate.
SHARE = 4


@dataclass(slots=True)
class _Seen:
    """One caller, as this process knows him. Microseconds of the process's clock."""

    #: When the calls let through here will have worn off, at a share of the rate.
    share_turns_us: int = 0
    #: The same at the whole rate, of those that Redis has not been told of.
    untold_turns_us: int = 0
    #: The same at the whole rate, of those while Redis was away.
    alone_turns_us: int = 0
    #: Until then Redis remembers him, and every call is counted there.
    shared_until_us: int = 0


class LocalTurns:
    """What one process knows of the callers of one rate. Safe for threads."""

    def __init__(self, rate: Rate, kept: int = CALLERS_KEPT) -> None:
        self._interval_us = rate.interval_us
        self._room_us = rate.room_us
        self._kept = kept
        self._callers: OrderedDict[str, _Seen] = OrderedDict()
        self._lock = Lock()

    def take_share(self, caller: str, now_us: int) -> bool:
        """Let the call through without Redis, if the caller has not used up this process's share."""
        with self._lock:
            seen = self._seen(caller)
            if now_us < seen.shared_until_us:
                return False
            # A share of the rate is a longer interval; a share of the burst, in it, is the same room.
            turns_us = max(seen.share_turns_us, now_us) + self._interval_us * SHARE
            if turns_us > now_us + self._room_us:
                return False
            seen.share_turns_us = turns_us
            seen.untold_turns_us = max(seen.untold_turns_us, now_us) + self._interval_us
            return True

    def untold_us(self, caller: str, now_us: int) -> int:
        """What calls that Redis was not told of still take to wear off; they count as told from now on."""
        with self._lock:
            seen = self._seen(caller)
            ahead_us = max(0, seen.untold_turns_us - now_us)
            seen.untold_turns_us = 0
            return ahead_us

    def remember_shared(self, caller: str, until_us: int) -> None:
        """Every call of this caller goes to Redis until then."""
        with self._lock:
            self._seen(caller).shared_until_us = until_us

    def take_alone(self, caller: str, now_us: int) -> tuple[bool, int]:
        """(is there room, µs ahead of the clock): the whole rate, kept by this process alone."""
        with self._lock:
            seen = self._seen(caller)
            turns_us = max(seen.alone_turns_us, now_us)
            has_room = turns_us + self._interval_us <= now_us + self._room_us
            if has_room:
                seen.alone_turns_us = turns_us = turns_us + self._interval_us
            return has_room, turns_us - now_us

    def _seen(self, caller: str) -> _Seen:
        seen = self._callers.get(caller)
        if seen is None:
            seen = self._callers[caller] = _Seen()
            if len(self._callers) > self._kept:
                self._callers.popitem(last=False)
        else:
            self._callers.move_to_end(caller)
        return seen
