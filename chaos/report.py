"""The end of a run: tables for people, JSON for machines."""

import linecache
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos.checks.liveness import Resume, resumes
from chaos.checks.story import Story
from chaos.checks.verdict import Verdict, Violation
from chaos.records import Beat, Evidence, Fault, Seen, Told

#: Violations of one invariant that are shown, and characters of each line of the log.
_SHOWN, _LINE_LENGTH = 3, 260
#: Seconds after a fault that count as its time in the table of faults.
_AFTER_SECONDS = 2.0


def totals(evidence: Evidence, seconds: float) -> dict[str, Any]:
    """The run in figures."""
    calls: list[Told | Beat | Seen] = [*evidence.told, *evidence.beats, *evidence.seen]
    acknowledged = sum(told.is_acknowledged for told in evidence.told)
    acknowledged += sum(200 <= beat.http < 300 for beat in evidence.beats)
    acknowledged += sum(200 <= seen.http < 300 for seen in evidence.seen)
    answered = sorted(told.told - told.asked for told in evidence.told if told.http)
    refused = sorted(told.told - told.asked for told in evidence.told if told.http == 503)
    happened = [fault for fault in evidence.faults if fault.has_happened]
    return {
        "acknowledged_operations": acknowledged,
        "acknowledged_per_second": round(acknowledged / seconds, 1),
        "calls": len(calls),
        "answers_503": sum(call.http == 503 for call in calls),
        "answers_lost": sum(call.http == 0 for call in calls),
        "matches": len(evidence.rows),
        "faults": len(happened),
        "kinds_of_fault": len({fault.kind for fault in happened}),
        "answer_p50_ms": _percentile_ms(answered, 0.50),
        "answer_p99_ms": _percentile_ms(answered, 0.99),
        "answer_503_p99_ms": _percentile_ms(refused, 0.99),
    }


def _percentile_ms(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1) if ordered else None


def rows_of_faults(evidence: Evidence) -> list[dict[str, Any]]:
    """For each kind: how often, how long, the longest resume, what callers were told meanwhile and just after."""
    by_kind: dict[str, list[Resume]] = defaultdict(list)
    for resume in resumes(Story(evidence)):
        by_kind[resume.fault.kind].append(resume)
    calls: list[Told | Beat] = sorted([*evidence.told, *evidence.beats], key=_when)
    rows = []
    for kind, found in sorted(by_kind.items()):
        during = [call for resume in found for call in _calls_around(calls, resume.fault)]
        slowest = max((call.told - call.asked for call in during if call.http), default=0.0)
        rows.append(
            {
                "kind": kind,
                "count": len(found),
                "longest_seconds": round(max(r.fault.ended - r.fault.began for r in found), 2),
                "longest_resume_seconds": _longest_resume(found),
                "answers_503": sum(call.http == 503 for call in during),
                "slowest_answer_seconds": round(slowest, 2),
            }
        )
    return rows


def _when(call: Told | Beat) -> float:
    return call.told


def _calls_around(calls: list[Told | Beat], fault: Fault) -> list[Told | Beat]:
    """Those that were answered while the fault was there, or just after."""
    first, last = (bisect_left(calls, at, key=_when) for at in (fault.began, fault.ended + _AFTER_SECONDS))
    return calls[first:last]


def _longest_resume(found: list[Resume]) -> float | None:
    known = [resume.seconds for resume in found]
    return None if None in known else round(max(seconds for seconds in known if seconds is not None), 2)


def show(console: Console, figures: dict[str, Any], verdicts: list[Verdict], log: Path) -> None:
    """`figures`, as `tree` made them, in tables; then what was broken, with the lines that show it."""
    console.print(_faults_table(figures["faults"]))
    table = Table("figure", "value", title="totals", title_justify="left")
    for name, value in figures["totals"].items():
        table.add_row(name, f"{value:,}" if isinstance(value, int | float) else str(value))
    console.print(table)
    table = Table("invariant", "promise", "looked at", "holds", title="invariants", title_justify="left")
    for found in figures["invariants"]:
        said = "yes" if found["holds"] else f"BROKEN {found['violation_count']} times"
        forgiven = " (forgiven)" if found["is_forgiven"] and not found["holds"] else ""
        table.add_row(found["invariant"], found["promise"], found["looked_at"], said + forgiven)
    console.print(table)
    for verdict in verdicts:
        for violation in verdict.violations[:_SHOWN]:
            _show_violation(console, violation, log)
        if len(verdict.violations) > _SHOWN:
            console.print(f"… and {len(verdict.violations) - _SHOWN} more of {verdict.invariant}")


def _faults_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="faults", title_justify="left")
    for heading in ("kind", "count", "longest, s", "longest resume, s", "503s", "slowest answer, s"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for row in rows:
        table.add_row(*("-" if value is None else str(value) for value in row.values()))
    return table


def _show_violation(console: Console, violation: Violation, log: Path) -> None:
    console.print(f"{violation.invariant}: {violation.text}", markup=False, highlight=False, soft_wrap=True)
    for line in violation.lines[:4]:
        text = linecache.getline(str(log), line).strip()[:_LINE_LENGTH]
        console.print(f"    {line}: {text}", markup=False, highlight=False, soft_wrap=True)


def tree(
    *, evidence: Evidence, verdicts: list[Verdict], seconds: float, seed: int, replay: str, forgiven: set[str]
) -> dict[str, Any]:
    """The same for `var/chaos.json`."""
    return {
        "seed": seed,
        "replay": replay,
        "seconds": seconds,
        "totals": totals(evidence, seconds),
        "faults": rows_of_faults(evidence),
        "invariants": [
            {
                "invariant": verdict.invariant,
                "promise": verdict.promise,
                "looked_at": verdict.looked_at,
                "holds": verdict.holds,
                "is_forgiven": verdict.invariant in forgiven,
                "violations": [{"text": v.text, "lines": list(v.lines)} for v in verdict.violations[:50]],
                "violation_count": len(verdict.violations),
            }
            for verdict in verdicts
        ],
    }
