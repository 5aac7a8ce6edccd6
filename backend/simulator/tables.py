"""A study as tables on the terminal."""

from collections.abc import Sequence

from rich.table import Table

from simulator.figures import Figures
from simulator.study import PolicyResult, Study

#: (head, figure, how it is written): where two play.
_DUEL = (
    ("players", "players", "{:,.0f}"),
    ("wait s", "wait_mean", "{:.3g}"), ("p50", "wait_p50", "{:.3g}"), ("p95", "wait_p95", "{:.3g}"),
    ("p99", "wait_p99", "{:.3g}"),
    ("gap", "gap_mean", "{:.3g}"), ("p95", "gap_p95", "{:.3g}"), ("p99", "gap_p99", "{:.3g}"),
    ("favourite", "favourite_mean", "{:.3f}"), (">0.70", "favourite_lopsided", "{:.1%}"),
    (">60 s", "unmatched_60s", "{:.1%}"), ("unmatched", "unmatched", "{:.1%}"),
)  # fmt: skip
#: And what is told beside it where teams do, before the share of who waited too long.
_TEAMS = (("within", "spread_mean", "{:.3g}"), ("premade", "premade", "{:.1%}"), (">60 s", "unmatched_60s", "{:.1%}"),
          (">300 s", "unmatched_300s", "{:.1%}"), ("unmatched", "unmatched", "{:.1%}"))  # fmt: skip
REGION_HEADS = ("policy, region", "players", "wait p50 s", "p95", "worst-off p95 ms", "unmatched")


def columns(study: Study) -> Sequence[tuple[str, str, str]]:
    """Of its tables: head, name of the figure, format."""
    return _DUEL if study.is_duel else (*_DUEL[:-2], *_TEAMS)


def heads(study: Study) -> list[str]:
    return [head for head, _, _ in columns(study)]


def titled(study: Study) -> str:
    """With its seeds, where there are several."""
    if len(study.seeds) == 1:
        return study.title
    return f"{study.title}; mean and ± standard deviation of seeds {', '.join(map(str, study.seeds))}"


def overview(study: Study) -> Table:
    """All players, a line each policy."""
    table = Table(title=f"{titled(study)}: all players", title_justify="left")
    _columns(table, "policy", *heads(study), *(["x limit"] if study.limit else []))
    for result in study.results:
        table.add_row(result.policy, *cells(study, result, "all"), *([multiple(result)] if study.limit else []))
    return table


def by_band(study: Study) -> Table:
    """A line each policy and band."""
    table = Table(title=f"{titled(study)}: by band", title_justify="left")
    _columns(table, "policy, band", *heads(study))
    for result in study.results:
        for band in result.bands:
            if band != "all":
                table.add_row(f"{result.policy}, {band}", *cells(study, result, band))
        table.add_section()
    return table


def by_region(study: Study) -> Table | None:
    """A line each policy and region; None where nobody tells of any."""
    table = Table(title=f"{titled(study)}: by region", title_justify="left")
    _columns(table, *REGION_HEADS)
    for row in region_rows(study):
        table.add_row(*row)
    return table if table.row_count else None


def cells(study: Study, result: PolicyResult, band: str) -> list[str]:
    """As the heads name them; "-" where nobody is."""
    return [_cell(result, band, figure, form) for _, figure, form in columns(study)]


def multiple(result: PolicyResult) -> str:
    if result.multiple is None:
        return ""
    spread = "" if result.multiple_spread is None else f" ±{result.multiple_spread:.2f}"
    return f"{result.multiple:.2f}{spread}"


def region_rows(study: Study) -> list[list[str]]:
    """As REGION_HEADS names them."""
    return [
        [
            f"{result.policy}, {name}",
            f"{figures.players:,.0f}",
            *(_text(value, "{:.3g}") for value in (figures.wait_p50, figures.wait_p95)),
            _text(figures.worst_latency_p95, "{:.0f}"),
            _text(figures.unmatched, "{:.1%}"),
        ]
        for result in study.results
        for name, figures in result.regions.items()
    ]


def _cell(result: PolicyResult, band: str, figure: str, form: str) -> str:
    text = _text(_value(result.bands[band], figure), form)
    if band not in result.spreads or figure == "players" or text == "-":
        return text
    return f"{text} ±{_text(_value(result.spreads[band], figure), form.replace('.3g', '.2g')).removesuffix(' %')}"


def _value(figures: Figures, name: str) -> float:
    return float(getattr(figures, name))


def _text(value: float, form: str) -> str:
    if value != value:
        return "-"
    if form.endswith("g}") and abs(value) >= 100:
        return f"{value:,.0f}"
    return form.format(value).replace("%", " %")


def _columns(table: Table, first: str, *others: str) -> None:
    table.add_column(first, no_wrap=True)
    for head in others:
        table.add_column(head, justify="right", no_wrap=True)
