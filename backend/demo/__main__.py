"""`python -m demo`, which is `make demo`: an evening of players on a real stack, and whether everything held."""

import argparse
import asyncio
import json
import random
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from demo.api import Refused, Unreachable
from demo.checks import Verdict, judge
from demo.console import PatientConsole
from demo.evening import Plan, spend_evening
from demo.figures import Figures, figures_of
from demo.reach import reached_stack
from demo.report import show_figures, show_verdicts

HOLDS, BROKEN, NO_STACK, INTERRUPTED = 0, 1, 2, 130

_EPILOG = """\
without --api the demo plays on the stack of `make run` where that runs, else on one of its own on free ports.
with --api it needs that stack's FLEET_KEY and DATABASE_URL in the environment.
exit code: 0 everything held, 1 something broke, 2 no stack could be reached or started, 130 interrupted or read no more
"""


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return run(arguments)
    except (Unreachable, Refused) as error:
        print(error, file=sys.stderr)
        return NO_STACK
    except KeyboardInterrupt:
        return INTERRUPTED


def run(arguments: argparse.Namespace) -> int:
    console = PatientConsole()
    plan = Plan(arguments.players, arguments.servers, arguments.seconds, arguments.seed)
    with reached_stack(arguments.api, say=lambda line: console.print(line, highlight=False, markup=False)) as reach:
        evening = asyncio.run(spend_evening(plan, reach, console))
    figures = figures_of(
        evening.log,
        evening.matches,
        evening.sql,
        began_seconds=evening.began_seconds,
        ended_seconds=evening.ended_seconds,
    )
    verdicts = judge(evening.evidence)
    show_figures(console, figures)
    show_verdicts(console, verdicts)
    if arguments.json:
        arguments.json.write_text(json.dumps(_tree(plan, figures, verdicts), indent=2) + "\n")
    return HOLDS if all(verdict.holds for verdict in verdicts) else BROKEN


def _tree(plan: Plan, figures: Figures, verdicts: list[Verdict]) -> dict[str, object]:
    checks = [{**asdict(verdict), "holds": verdict.holds} for verdict in verdicts]
    return {"plan": asdict(plan), "figures": asdict(figures), "checks": checks}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="demo",
        description="Players and game servers as real HTTP clients: an evening, its figures, and whether all held.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--players", type=_at_least(2), default=200, help="how many (200)")
    parser.add_argument("--seconds", type=_at_least(1), default=60, help="how long they play (60)")
    parser.add_argument("--servers", type=_at_least(1), default=4, help="game servers, with seats for all players (4)")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="of strengths, results and pauses (random)"
    )
    parser.add_argument("--api", metavar="URL", help="the API of a stack, such as http://127.0.0.1:8000/api/")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write figures and checks there, too")
    return parser


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"has to be at least {least}")
        return value

    return number


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
