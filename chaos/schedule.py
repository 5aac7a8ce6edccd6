"""Which fault comes when, for how long, and whom it hits: all from the seed. Pure."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Seconds of play before the first fault, and after the last one's end, so that its recovery is seen.
_BEFORE, _AFTER = 5.0, 18.0
#: Seconds between a fault's end and the next one.
_BETWEEN = (3.0, 5.5)
#: Kinds that take longer than this come once in so many seconds: they are most of what the others need.
_LONG_SECONDS, _LONG_APART_SECONDS = 15.0, 240.0
#: A run shorter than this is a look, not a proof: everything is quicker.
_SHORT_RUN_SECONDS = 120.0
_SHORT_BEFORE, _SHORT_AFTER = 2.0, 7.0
_SHORT_BETWEEN = (2.0, 3.0)
_SHORT_LONGEST = 2.5


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault. `choice`, from 0 to 1, chooses the victim and whatever else is to be chosen."""

    kind: str
    at: float
    seconds: float
    choice: float

    def pick(self, from_: Sequence[str]) -> str:
        return from_[int(self.choice * len(from_))]


def make_schedule(*, seed: int, seconds: float, kinds: Mapping[str, tuple[float, float]]) -> list[Planned]:
    """Kinds in a shuffled order, each once before any comes again, as many as fit. `kinds`: how long each may last."""
    dice = random.Random(f"{seed} schedule")
    is_short = seconds < _SHORT_RUN_SECONDS
    at = _SHORT_BEFORE if is_short else _BEFORE
    last = seconds - (_SHORT_AFTER if is_short else _AFTER)
    planned: list[Planned] = []
    waiting: list[str] = []
    long_again_at = 0.0
    misses = 0
    while kinds and at < last and misses < 2 * len(kinds):
        if not waiting:
            waiting = dice.sample(sorted(kinds), len(kinds))
        kind = waiting.pop()
        least, most = kinds[kind]
        lasts = dice.uniform(least, most)
        is_long = most > _LONG_SECONDS
        if is_short:
            lasts = min(lasts, max(_SHORT_LONGEST, least))
        if at + lasts > last or (is_long and (is_short or at < long_again_at)):
            misses += 1
            continue
        misses = 0
        planned.append(Planned(kind, round(at, 3), round(lasts, 3), dice.random()))
        at += lasts + dice.uniform(*(_SHORT_BETWEEN if is_short else _BETWEEN))
        if is_long:
            long_again_at = at + _LONG_APART_SECONDS
    return planned
