"""A study as tables on the terminal."""

from rich.table import Table

from simulator.figures import Figures
from simulator.study import Study

HEADS = ("players", "wait s", "p50", "p95", "p99", "gap", "p95", "p99", "favourite", ">0.70", ">60 s", "unmatched")


def overview(study: Study) -> Table:
    """All players, a line each policy."""
    table = Table(title=f"{study.title}: all players", title_justify="left")
    _columns(table, "policy", *HEADS, "x limit")
    for result in study.results:
        multiple = "" if result.multiple is None else f"{result.multiple:.2f}"
        table.add_row(result.policy, *cells(result.bands["all"]), multiple)
    return table


def by_band(study: Study) -> Table:
    """A line each policy and band."""
    table = Table(title=f"{study.title}: by band", title_justify="left")
    _columns(table, "policy, band", *HEADS)
    for result in study.results:
        for band, figures in result.bands.items():
            if band != "all":
                table.add_row(f"{result.policy}, {band}", *cells(figures))
        table.add_section()
    return table


def cells(figures: Figures) -> list[str]:
    """As HEADS names them; "-" where nobody is."""
    texts = [
        f"{figures.players:,}",
        *(f"{value:.3g}" for value in (figures.wait_mean, figures.wait_p50, figures.wait_p95, figures.wait_p99)),
        *(f"{value:.3g}" for value in (figures.gap_mean, figures.gap_p95, figures.gap_p99)),
        f"{figures.favourite_mean:.3f}",
        *(f"{100 * value:.1f} %" for value in (figures.favourite_lopsided, figures.unmatched_60s, figures.unmatched)),
    ]
    return ["-" if "nan" in text else text for text in texts]


def _columns(table: Table, first: str, *others: str) -> None:
    table.add_column(first, no_wrap=True)
    for head in others:
        table.add_column(head, justify="right", no_wrap=True)
