"""The report: one HTML file that needs nothing else. Wait against gap, the limit beneath, and the tables."""

import math
from collections.abc import Sequence
from html import escape

from simulator.study import Study
from simulator.tables import REGION_HEADS, cells, heads, multiple, region_rows, titled

WIDTH, HEIGHT, LEFT, BOTTOM, MARGIN = 760, 420, 70, 50, 20
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#555")
#: Seconds and points: ticks of both axes, which are logarithms.
TICKS = [mantissa * 10.0**power for power in range(-3, 4) for mantissa in (1, 2, 5)]
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1400px;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;font-size:13px;margin:1em 0}th,td{padding:.2em .6em;text-align:right;"
    "border-bottom:1px solid #ddd;white-space:nowrap}th:first-child,td:first-child{text-align:left}"
    ".scroll{overflow-x:auto}"
    "svg{max-width:100%;max-height:34em;height:auto}svg text{font:12px system-ui,sans-serif}"
)


def page(studies: Sequence[Study]) -> str:
    """The whole file."""
    parts = [_chapter(study) for study in studies]
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Matchmaking, simulated</title>"
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style><h1>Wait against gap</h1>"
        "<p>Each point is a policy on the same arrivals: farther left waits less, farther down meets closer opponents. "
        "The grey line, if two play and the limit was looked for: nobody who does not know the future gets below it. "
        "Read a point by how far it stands above the line. Where teams play, the gap is that of the teams' means.</p>"
        + "".join(parts)
        + "</html>\n"
    )


def _chapter(study: Study) -> str:
    parts = (chart(study), _overview(study), _regions(study), _bands(study))
    return f"<h2>{escape(titled(study))}</h2>" + "".join(parts)


def chart(study: Study) -> str:
    """Mean wait to the right, mean gap upwards, both as logarithms; a named point each policy; the limit's curve."""
    points = [(r.bands["all"].wait_mean, r.bands["all"].gap_mean, r.policy) for r in study.results]
    points = [(wait, gap, name) for wait, gap, name in points if wait > 0 and gap > 0]
    if not points:
        return "<p>Nobody was matched.</p>"
    limit = [(point.wait_mean, point.gap_mean) for point in study.limit if point.wait_mean > 0 and point.gap_mean > 0]
    axes = _Axes([wait for wait, *_ in points], [gap for _, gap, _ in points])
    curve = " ".join(f"{axes.x(wait):.1f},{axes.y(gap):.1f}" for wait, gap in limit)
    line = f"<polyline points='{curve}' fill='none' stroke='#999' stroke-width='2' clip-path='url(#plot)'/>"
    shapes = "".join(_point(axes, *point, COLOURS[at % len(COLOURS)]) for at, point in enumerate(points))
    label = escape(f"Mean wait and mean gap of each policy, {study.title}", quote=True)
    return f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{label}'>{axes.drawn()}{line}{shapes}</svg>"


class _Axes:
    """Logarithmic axes around the points, with room to the left and below for what is possible."""

    def __init__(self, waits: Sequence[float], gaps: Sequence[float]) -> None:
        self._wait = math.log(min(waits) / 2), math.log(max(waits) * 3)
        self._gap = math.log(min(gaps) / 4), math.log(max(gaps) * 1.6)

    def x(self, wait: float) -> float:
        low, high = self._wait
        return LEFT + (math.log(wait) - low) / (high - low) * (WIDTH - LEFT - MARGIN)

    def y(self, gap: float) -> float:
        low, high = self._gap
        return HEIGHT - BOTTOM - (math.log(gap) - low) / (high - low) * (HEIGHT - BOTTOM - MARGIN)

    def drawn(self) -> str:
        floor, right = HEIGHT - BOTTOM, WIDTH - MARGIN
        lines = [f"<clipPath id='plot'><rect x='{LEFT}' y='{MARGIN}' width='{right - LEFT}' "
                 f"height='{floor - MARGIN}'/></clipPath>"]  # fmt: skip
        for tick in TICKS:
            if self._wait[0] <= math.log(tick) <= self._wait[1]:
                at = f"{self.x(tick):.1f}"
                lines.append(f"<path d='M{at} {MARGIN}V{floor}' stroke='#eee'/>")
                lines.append(f"<text x='{at}' y='{floor + 18}' text-anchor='middle'>{tick:g}</text>")
            if self._gap[0] <= math.log(tick) <= self._gap[1]:
                at = f"{self.y(tick):.1f}"
                lines.append(f"<path d='M{LEFT} {at}H{right}' stroke='#eee'/>")
                lines.append(f"<text x='{LEFT - 8}' y='{at}' dy='4' text-anchor='end'>{tick:g}</text>")
        lines.append(f"<path d='M{LEFT} {MARGIN}V{floor}H{right}' fill='none' stroke='#333'/>")
        lines.append(f"<text x='{(LEFT + right) / 2}' y='{HEIGHT - 10}' text-anchor='middle'>mean wait, seconds</text>")
        middle = (MARGIN + floor) / 2
        lines.append(
            f"<text transform='translate(16 {middle}) rotate(-90)' text-anchor='middle'>mean gap, rating points</text>"
        )
        return "".join(lines)


def _point(axes: _Axes, wait: float, gap: float, name: str, colour: str) -> str:
    x, y = axes.x(wait), axes.y(gap)
    return (
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='6' fill='{colour}'><title>{escape(name)}: {wait:.3g} s, "
        f"{gap:.3g} points</title></circle><text x='{x + 9:.1f}' y='{y + 4:.1f}' fill='{colour}'>{escape(name)}</text>"
    )


def _overview(study: Study) -> str:
    limit = ["x limit"] if study.limit else []
    rows = [
        [result.policy, *cells(study, result, "all"), *([multiple(result)] if limit else [])]
        for result in study.results
    ]
    return _table(("policy", *heads(study), *limit), rows)


def _regions(study: Study) -> str:
    rows = region_rows(study)
    return f"<h3>By region</h3>{_table(REGION_HEADS, rows)}" if rows else ""


def _bands(study: Study) -> str:
    rows = [
        [f"{result.policy}, {band}", *cells(study, result, band)]
        for result in study.results
        for band in result.bands
        if band != "all"
    ]
    return f"<details><summary>By band</summary>{_table(('policy, band', *heads(study)), rows)}</details>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f"<div class='scroll'><table><tr>{head}</tr>{body}</table></div>"
