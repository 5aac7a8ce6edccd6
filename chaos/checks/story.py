"""The log, sorted: what each player was told about each ticket, and which calls nobody knows the outcome of."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from chaos.records import NO_ANSWER, Evidence, Fault, Row, Told

#: Seconds. A call without an answer may still be carried out so much later: what a stalled line holds back.
LATE_SECONDS = 45.0
#: Seconds that a round, or a request, may take between reading the clock and acting: times of PostgreSQL are
#: those of the beginning.
CLOCK_SECONDS = 3.0


@dataclass(slots=True)
class TicketStory:
    """One decision to join, from its first call to the next one."""

    player: str
    number: int
    told: list[Told] = field(default_factory=list)
    #: When the player first asked for the next one; infinite for the last.
    next_asked: float = float("inf")

    @property
    def asked(self) -> float:
        return self.told[0].asked

    @property
    def waited(self) -> list[Told]:
        """The answers that said: you wait."""
        return [told for told in self.told if told.status == "waiting"]

    def endings(self, known: set[str]) -> dict[str, Told]:
        """What the ticket became, by the answers; `known` are the matches of earlier tickets."""
        found: dict[str, Told] = {}
        for told in self.told:
            if told.match and told.match not in known:
                found.setdefault(f"matched {told.match}", told)
            elif told.status in ("left", "expired") and not told.is_replay:
                found.setdefault(told.status, told)
        return found


def is_unknown(told: Told) -> bool:
    """Nobody can tell whether the call was carried out."""
    return told.http == NO_ANSWER or told.http == 503


def unknown_before(answers: list[Told], call: str, told: Told) -> bool:
    """Whether a call of that kind, whose outcome nobody knows, may have been carried out shortly before `told`."""
    return any(
        other.call == call and is_unknown(other) and told.told - LATE_SECONDS < other.told and other.asked < told.told
        for other in answers
    )


class Story:
    """All of it, in the order in which it was told."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.by_player: dict[str, list[Told]] = defaultdict(list)
        for told in evidence.told:
            self.by_player[told.player].append(told)
        self.tickets: dict[str, list[TicketStory]] = {
            player: _tickets(player, answers) for player, answers in self.by_player.items()
        }
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.rows_of: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(evidence.rows, key=lambda row: row.created):
            self.rows[row.match].append(row)
            for player in row.players:
                self.rows_of[player].append(row)
        for player, rows in self.rows_of.items():
            rows.sort(key=lambda row: row.span(player)[0])
        self.told_of: dict[str, list[Told]] = defaultdict(list)
        for told in evidence.told:
            if told.match:
                self.told_of[told.match].append(told)

    def row(self, match: str) -> Row | None:
        return self.rows[match][0] if match in self.rows else None

    def times_kept(self, match: str) -> int:
        """How often it is in PostgreSQL."""
        return len(self.rows.get(match, ()))


def _tickets(player: str, answers: list[Told]) -> list[TicketStory]:
    stories: dict[int, TicketStory] = {}
    for told in answers:
        stories.setdefault(told.ticket, TicketStory(player, told.ticket)).told.append(told)
    ordered = [stories[number] for number in sorted(stories)]
    for story, after in pairwise(ordered):
        story.next_asked = after.told[0].asked
    return ordered


def faulty_seconds(faults: list[Fault], begin: float, end: float) -> float:
    """How much of the time between was under a fault."""
    total, reached = 0.0, begin
    for fault in sorted(faults, key=lambda fault: fault.began):
        from_, to = max(fault.began, reached), min(fault.ended, end)
        if to > from_:
            total += to - from_
            reached = to
    return total


def is_under_fault(faults: list[Fault], begin: float, end: float) -> bool:
    """Whether any fault was active in between."""
    return any(fault.began <= end and fault.ended >= begin for fault in faults)
