"""What a check answers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, and the lines of the log that show it."""

    invariant: str
    text: str
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant: how many things were looked at, and what broke it."""

    invariant: str
    promise: str
    looked_at: str
    violations: tuple[Violation, ...]

    @property
    def holds(self) -> bool:
        return not self.violations


Violations = Iterator[Violation]


def verdict(invariant: str, promise: str, looked_at: str, violations: Iterable[Violation]) -> Verdict:
    """A verdict of the violations that are about `invariant`."""
    return Verdict(invariant, promise, looked_at, tuple(v for v in violations if v.invariant == invariant))
