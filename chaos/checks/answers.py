"""I6: the same Idempotency-Key, the same answer. 5xx: nothing but a 503, and that with Retry-After."""

from collections import Counter, defaultdict

from chaos.checks.story import Story, is_under_fault
from chaos.checks.verdict import Verdict, Violation, Violations, verdict
from chaos.records import Beat, Told


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
        if not is_same and not is_under_fault(story.evidence.faults, first.asked, other.told):
            text = f"key {first.key}: {first.call} was answered {_said(first)}, then {_said(other)}"
            yield Violation("I6", text, (first.line, other.line))


def _said(told: Told) -> str:
    return f"{told.http} {told.status} {told.match}".strip()


def nothing_fails(story: Story) -> Verdict:
    """No 5xx but a 503, which says when to come again."""
    calls: list[Told | Beat] = [*story.evidence.told, *story.evidence.beats]
    return verdict("5xx", "no 5xx but a 503 with Retry-After", f"{len(calls):,} calls", _failures(calls))


def _failures(calls: list[Told | Beat]) -> Violations:
    kinds: Counter[str] = Counter()
    lines: dict[str, list[int]] = defaultdict(list)
    for call in calls:
        if call.http >= 500 and not (call.http == 503 and call.retry_after):
            kind = f"{call.http} to {call.call}" + (" without Retry-After" if call.http == 503 else "")
            kinds[kind] += 1
            lines[kind].append(call.line)
    for kind, times in kinds.most_common():
        yield Violation("5xx", f"{times} x {kind}", tuple(lines[kind][:5]))
