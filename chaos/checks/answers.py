"""I6: the same Idempotency-Key, the same answer. 5xx: nothing but a 503, and that with Retry-After."""

from collections import Counter, defaultdict

from chaos.checks.story import Story, is_under_fault
from chaos.checks.verdict import Verdict, Violation, Violations, verdict
from chaos.records import Beat, Seen, Told

#: Seconds between two looks at the mode, and some more.
_LOOK_SECONDS = 2.0
#: Seconds for which keys are not looked at once Redis has not answered (`datastore.pause`), and some more.
_PAUSE_SECONDS = 2.5


def keys_have_one_answer(story: Story) -> Verdict:
    """A call repeated with its key has one effect and one answer."""
    by_key: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for told in story.evidence.told:
        if told.key and told.is_acknowledged:
            by_key[told.player, told.key].append(told)
    repeated = [answers for answers in by_key.values() if len(answers) > 1]
    found = [violation for answers in repeated for violation in _differing(story, answers)]
    return verdict("I6", "the same key, the same answer", f"{len(repeated):,} repeated keys", found)


def _differing(story: Story, answers: list[Told]) -> Violations:
    first = answers[0]
    for other in answers[1:]:
        is_same = (first.http, first.status, first.match) == (other.http, other.status, other.match)
        if not is_same and not _is_without_keys(story, first.asked, other.told):
            text = f"key {first.key}: {first.call} was answered {_said(first)}, then {_said(other)}"
            yield Violation("I6", text, (first.line, other.line))


def _is_without_keys(story: Story, begin: float, end: float) -> bool:
    """Keys are kept in Redis: under a fault, just after it, and while PostgreSQL stands in, they are not looked at."""
    modes = story.evidence.modes
    has_fallen_back = any(
        mode.mode == "fallback" and begin - _LOOK_SECONDS < mode.at < end + _LOOK_SECONDS for mode in modes
    )
    return has_fallen_back or is_under_fault(story.evidence.faults, begin - _PAUSE_SECONDS, end)


def _said(told: Told) -> str:
    return f"{told.http} {told.status} {told.match}".strip()


def nothing_fails(story: Story) -> Verdict:
    """No 5xx but a 503, which says when to come again."""
    calls: list[Told | Beat | Seen] = [*story.evidence.told, *story.evidence.beats, *story.evidence.seen]
    return verdict("5xx", "no 5xx but a 503 with Retry-After", f"{len(calls):,} calls", _failures(calls))


def _failures(calls: list[Told | Beat | Seen]) -> Violations:
    kinds: Counter[str] = Counter()
    lines: dict[str, list[int]] = defaultdict(list)
    for call in calls:
        if call.http >= 500 and not (call.http == 503 and call.retry_after):
            kind = f"{call.http} to {call.call}" + (" without Retry-After" if call.http == 503 else "")
            kinds[kind] += 1
            lines[kind].append(call.line)
    for kind, times in kinds.most_common():
        yield Violation("5xx", f"{times} x {kind}", tuple(lines[kind][:5]))
