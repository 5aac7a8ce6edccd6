"""`make bench`: what the service costs, beside its yardsticks, in one run. Prints a table, writes JSON."""

import argparse
import json
import os
import platform
import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.parts import MEASURES


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", default=[], metavar="PART", help=f"which: {', '.join(MEASURES)} (all)")
    parser.add_argument("--json", type=Path, default=Path("var/bench.json"), help="where the figures go (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it runs, not to quote")
    chosen = parser.parse_args()
    unknown = set(chosen.parts) - set(MEASURES)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    _allow_many_connections()
    # A few players call as fast as they can: the limiter is paid for, and refuses nobody.
    os.environ.update(dict.fromkeys(("RATE_LIMIT_PLAYER", "RATE_LIMIT_SERVER", "RATE_LIMIT_ADDRESS"), "1000000/1"))
    console = Console()
    figures: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    }
    for part in chosen.parts or MEASURES:
        console.print(f"[bold]{part}[/] …")
        figures[part] = _measured(part, chosen.quick)
        _show(console, part, figures[part])
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    console.print(f"figures are in {chosen.json}")
    return 0


def _measured(part: str, quick: bool) -> Any:
    """By a process of its own: each part has servers of its own, and Django keeps those that it was set up with."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        return alone.submit(MEASURES[part], quick).result()


def _allow_many_connections() -> None:
    """10,000 clients need as many open files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(65_536, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _show(console: Console, title: str, figures: Any) -> None:
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in _flat(figures):
        table.add_row(name, f"{value:,.4g}" if isinstance(value, float) else str(value))
    console.print(table)


def _flat(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _flat(value, f"{path}.{name}" if path else str(name))
    elif isinstance(tree, list):
        for place, value in enumerate(tree):
            yield from _flat(value, f"{path}[{place}]")
    else:
        yield path, tree


if __name__ == "__main__":
    sys.exit(main())
