"""How often a caller may call: a rate, and what one call under it was told."""

import math
import re
from dataclasses import dataclass


class RateError(ValueError):
    """The text of a rate cannot be meant."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`calls` at once, and one more whenever `seconds / calls` have passed (GCRA)."""

    calls: int
    seconds: int

    @property
    def interval_us(self) -> int:
        """Microseconds that one call takes to wear off."""
        return max(1, self.seconds * 1_000_000 // self.calls)

    @property
    def room_us(self) -> int:
        """Microseconds that counted calls may reach ahead of the clock."""
        return self.interval_us * self.calls


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a call may go on, and what is left of the caller's rate after it."""

    is_allowed: bool
    rate: Rate
    #: Microseconds until everything that was counted has worn off.
    ahead_us: int
    #: False where this process decided for itself, from the calls that it has seen alone.
    is_shared: bool

    @property
    def remaining(self) -> int:
        """Calls that would be let through now."""
        return max(0, (self.rate.room_us - self.ahead_us) // self.rate.interval_us)

    @property
    def wait_seconds(self) -> int:
        """Whole seconds until the next call fits; 0 where one fits now."""
        return max(0, math.ceil((self.ahead_us + self.rate.interval_us - self.rate.room_us) / 1_000_000))

    @property
    def reset_seconds(self) -> int:
        """Whole seconds until the whole burst is free again."""
        return math.ceil(self.ahead_us / 1_000_000)


#: Says that nothing is counted.
OFF = "off"


def rate_of(text: str) -> Rate | None:
    """`calls/seconds` as a rate; None for `off`. Raises `RateError`."""
    if text.strip().lower() == OFF:
        return None
    found = re.fullmatch(r"\s*([1-9]\d{0,6})\s*/\s*([1-9]\d{0,4})\s*", text)
    if found is None:
        raise RateError(f"is {text!r} and has to be calls/seconds, such as 60/60, or {OFF}")
    return Rate(calls=int(found[1]), seconds=int(found[2]))
