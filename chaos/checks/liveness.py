"""I10: matching resumes within seconds of each fault's end."""

from bisect import bisect_left
from dataclasses import dataclass

from chaos.checks.story import Story, faulty_seconds
from chaos.checks.verdict import Verdict, Violation, Violations, verdict
from chaos.records import Fault


@dataclass(frozen=True, slots=True)
class Resume:
    """How long after a fault's end a pair that had joined after it was told of its match."""

    fault: Fault
    #: Seconds; None where no such match came.
    seconds: float | None
    #: Of these, or of the time until the end of play: seconds in which no other fault was active.
    quiet_seconds: float


def matching_resumes(story: Story) -> Verdict:
    """Two players who join after a fault's end are told of a match within the limit, not counting other faults."""
    faults = [fault for fault in story.evidence.faults if fault.has_happened]
    return verdict("I10", "matching resumes after each fault", f"{len(faults)} faults", _too_late(story))


def resumes(story: Story) -> list[Resume]:
    """For every fault that happened."""
    matches = sorted(_joined_and_told(story))
    joined = [match[0] for match in matches]
    # The earliest moment at which any match of this or a later join was told.
    earliest: list[float] = []
    for _, told in reversed(matches):
        earliest.append(min(told, earliest[-1]) if earliest else told)
    earliest.reverse()
    found = []
    for fault in story.evidence.faults:
        if not fault.has_happened:
            continue
        place = bisect_left(joined, fault.ended)
        told_at = earliest[place] if place < len(earliest) else None
        until = told_at if told_at is not None else max(story.evidence.play_ended, fault.ended)
        quiet = until - fault.ended - faulty_seconds(story.evidence.faults, fault.ended, until)
        found.append(Resume(fault, None if told_at is None else told_at - fault.ended, quiet))
    return found


def _joined_and_told(story: Story) -> list[tuple[float, float]]:
    """For each match: when the first of its players asked to join, and when both had been told of it."""
    asked: dict[str, list[float]] = {}
    told: dict[str, list[float]] = {}
    for tickets in story.tickets.values():
        known: set[str] = set()
        for ticket in tickets:
            for answer in ticket.told:
                if answer.match and answer.match not in known:
                    known.add(answer.match)
                    asked.setdefault(answer.match, []).append(ticket.asked)
                    told.setdefault(answer.match, []).append(answer.told)
    return [(min(asked[match]), max(told[match])) for match in asked if len(asked[match]) > 1]


def _too_late(story: Story) -> Violations:
    limit = story.evidence.limits.resume_seconds
    for resume in resumes(story):
        if resume.quiet_seconds > limit:
            seconds = "never" if resume.seconds is None else f"{resume.seconds:.1f} s"
            text = (
                f"{resume.fault.kind}: matching resumed after {seconds} ({resume.quiet_seconds:.1f} s without a fault)"
            )
            yield Violation("I10", text, (resume.fault.line,))
