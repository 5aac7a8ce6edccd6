"""What a person sees: the evening as it goes, and the tables at its end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from demo.checks import Verdict
from demo.figures import Figures, QueueFigures, Spread

#: How much is done, and a line that says more.
Done = Callable[[], tuple[float, str]]

#: Seconds between two pictures on a terminal, and between two lines where there is none.
_PICTURE_SECONDS, _LINE_SECONDS = 0.25, 5.0
#: Offences of one promise that are shown; the rest is counted.
_OFFENCES_SHOWN = 5


@asynccontextmanager
async def watched(console: Console, title: str, total: float, done: Done) -> AsyncIterator[None]:
    """Show `done()`, how much of `total` and a line, while the block runs: a bar on a terminal, else lines."""
    show = _show_bar if console.is_terminal else _show_lines
    watching = asyncio.create_task(show(console, title, total, done))
    try:
        yield
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _show_bar(console: Console, title: str, total: float, done: Done) -> None:
    columns = (TextColumn("[bold]{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[line]}"))
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        task = progress.add_task(title, total=total, line="")
        try:
            while True:
                completed, line = done()
                progress.update(task, completed=completed, line=line, refresh=True)
                await asyncio.sleep(_PICTURE_SECONDS)
        finally:
            completed, line = done()
            progress.update(task, completed=completed, line=line, refresh=True)


async def _show_lines(console: Console, title: str, total: float, done: Done) -> None:
    began_seconds = time.monotonic()
    while True:
        console.print(f"{title}: {done()[1]}", soft_wrap=True, highlight=False)
        passed_seconds = time.monotonic() - began_seconds
        await asyncio.sleep(_LINE_SECONDS - passed_seconds % _LINE_SECONDS)


def show_figures(console: Console, figures: Figures) -> None:
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in _figure_rows(figures):
        table.add_row(name, value)
    console.print(table)
    console.print(_by_queue(figures.queues))


def _by_queue(queues: list[QueueFigures]) -> Table:
    table = Table("queue", title="by queue: wait in it, p50 / p95; gap of ratings, mean / p95", title_justify="left")
    for title in ("players", "joins", "matches", "parties'", "wait, s", "rating gap"):
        table.add_column(title, justify="right")
    for one in queues:
        counts = (one.players, one.joins, one.matches, one.matches_with_parties)
        waited = _joined(one.wait_seconds.p50, one.wait_seconds.p95, decimals=2)
        gaps = _joined(one.rating_gap_mean, one.rating_gap_p95)
        table.add_row(one.queue, *(f"{count:,}" for count in counts), waited, gaps)
    return table


def show_verdicts(console: Console, verdicts: list[Verdict]) -> None:
    table = Table("what always holds", "looked at", "")
    for verdict in verdicts:
        table.add_row(verdict.name, verdict.looked_at, "[green]OK" if verdict.holds else "[bold red]BROKEN")
    console.print(table)
    for verdict in verdicts:
        _show_offences(console, verdict)


def _show_offences(console: Console, verdict: Verdict) -> None:
    if verdict.holds:
        return
    console.print(f"BROKEN: {verdict.name}, {len(verdict.offences)} times", style="bold red", markup=False)
    for offence in verdict.offences[:_OFFENCES_SHOWN]:
        console.print(f"  {offence}", soft_wrap=True, highlight=False, markup=False)
    if len(verdict.offences) > _OFFENCES_SHOWN:
        console.print(f"  and {len(verdict.offences) - _OFFENCES_SHOWN} more")


def _figure_rows(figures: Figures) -> list[tuple[str, str]]:
    rows = [
        ("players", f"{figures.players:,}"),
        ("played", f"{figures.played_seconds:.0f} s"),
        ("joins", f"{figures.joins:,}"),
        ("left without a match", f"{figures.tickets_left:,}"),
        ("matches", f"{figures.matches:,}"),
        ("matches abandoned / still open", f"{figures.matches_abandoned:,} / {figures.matches_still_open:,}"),
        ("wait players saw, p50 / p95 / p99", _of_spread(figures.wait_seconds, 1, "s")),
        ("wait in the queue, p50 / p95 / p99", _of_spread(figures.wait_in_queue_seconds, 1, "s")),
        ("rating gap of a match, mean / p95", _joined(figures.rating_gap_mean, figures.rating_gap_p95)),
        ("rating and true strength, correlation", _or_dash(figures.rating_strength_correlation, 2)),
        ("SQL transactions a match, all work", _or_dash(figures.sql_transactions_per_match)),
        ("rows written a match, all work", _or_dash(figures.rows_written_per_match)),
        ("HTTP calls", f"{figures.calls_per_second:,.0f}/s"),
        ("answer time, p50 / p95 / p99", _of_spread(figures.call_seconds, 1000, "ms")),
        ("answers by status", ", ".join(f"{status}: {n:,}" for status, n in figures.calls_by_status.items())),
    ]
    return [(name, value) for name, value in rows if value != "-"]


def _of_spread(spread: Spread, factor: float, unit: str) -> str:
    decimals = 2 if factor == 1 else 0
    values = (spread.p50, spread.p95, spread.p99)
    return _joined(*(None if value is None else value * factor for value in values), decimals=decimals) + f" {unit}"


def _joined(*values: float | None, decimals: int = 1) -> str:
    return " / ".join(_or_dash(value, decimals) for value in values)


def _or_dash(value: float | None, decimals: int = 1) -> str:
    return "-" if value is None else f"{value:,.{decimals}f}"
