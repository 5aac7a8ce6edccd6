"""What a queue promises its players, in words such as `wait_p95<=20` or `top 1 %:gap_p95<=150`, and whether it held."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

from simulator.figures import Figures
from simulator.study import Study

_LEVEL = re.compile(r"\s*(?:(?P<band>[^:<>=]+?)\s*:)?\s*(?P<figure>\w+)\s*(?P<sign><=|>=)\s*(?P<bound>[0-9.]+)\s*")
BANDS = ("all", "bottom 10 %", "middle", "top 10 %", "top 1 %", "newcomers")
FIGURES = tuple(field.name for field in fields(Figures))


class LevelError(ValueError):
    """The words say no service level; the message says why."""


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """A bound that a figure of a band keeps."""

    band: str
    figure: str
    is_ceiling: bool
    bound: float

    def __str__(self) -> str:
        return f"{self.band}: {self.figure} {'<=' if self.is_ceiling else '>='} {self.bound:g}"

    def holds(self, value: float) -> bool:
        """A figure that nobody made (NaN) does not hold."""
        return value <= self.bound if self.is_ceiling else value >= self.bound


def level_of(words: str) -> ServiceLevel:
    said = _LEVEL.fullmatch(words)
    if not said:
        raise LevelError(f"{words!r}: write it as wait_p95<=20 or 'top 1 %:gap_p95<=150'")
    band = said["band"] or "all"
    if band not in BANDS:
        raise LevelError(f"{words!r}: {band!r} is not one of {', '.join(BANDS)}")
    if said["figure"] not in FIGURES:
        raise LevelError(f"{words!r}: {said['figure']!r} is not one of {', '.join(FIGURES)}")
    try:
        return ServiceLevel(band, said["figure"], said["sign"] == "<=", float(said["bound"]))
    except ValueError as error:
        raise LevelError(f"{words!r}: {said['bound']!r} is no number") from error


def missed_levels(levels: Sequence[ServiceLevel], studies: Sequence[Study], policies: Sequence[str]) -> list[str]:
    """A line for each level that one of these policies missed in a study."""
    missed = []
    for study in studies:
        for result in study.results:
            for level in levels if result.policy in policies else ():
                value = getattr(result.bands[level.band], level.figure)
                if not level.holds(value):
                    missed.append(f"{study.title}, {result.policy}: {level}, and is {value:.4g}")
    return missed
