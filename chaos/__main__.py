"""`python -m chaos`, which is `make chaos`: a real stack in hostile weather, and whether every promise held."""

import argparse
import json
import random
import resource
import shlex
import signal
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console

from chaos import report
from chaos.checker import CHECKS, judge
from chaos.faults import KINDS
from chaos.mutate import prove
from chaos.mutations import MUTATIONS
from chaos.run import Cast, run
from chaos.schedule import make_schedule
from devstack.errors import StartFailed

HOLDS, BROKEN, NO_STACK, INTERRUPTED = 0, 1, 2, 130
INVARIANTS = ("I0", "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "5xx")
_NONE = "none"


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    _allow_many_connections()
    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        return _run(arguments, console)
    except KeyboardInterrupt:
        return INTERRUPTED
    except StartFailed as error:
        print(error, file=sys.stderr)
        return NO_STACK


def _run(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.mutate:
        return HOLDS if prove(arguments.mutate, seed=arguments.seed, console=console) else BROKEN
    seconds = arguments.seconds if arguments.seconds is not None else arguments.minutes * 60
    replay = _replay(arguments, seconds)
    console.print(f"seed {arguments.seed}; again with: {replay}", soft_wrap=True, highlight=False)
    cast = Cast(arguments.players, arguments.servers, arguments.seats, seconds, arguments.seed, arguments.squads)
    kinds = {name: KINDS[name].seconds for name in arguments.kinds}
    schedule = make_schedule(seed=arguments.seed, seconds=seconds, kinds=kinds)
    if arguments.schedule:
        for planned in schedule:
            console.print(f"{planned.at:7.1f} s  {planned.kind} for {planned.seconds:.1f} s", highlight=False)
        return HOLDS
    folder: Path = arguments.folder.resolve()
    began = time.monotonic()

    def say(line: str) -> None:
        console.print(f"{time.monotonic() - began:6.1f} s  {line}", highlight=False, markup=False)

    evidence = run(cast, schedule, folder, say)
    verdicts = judge(evidence)
    forgiven = set(arguments.forgive)
    events = folder / "events.jsonl"
    figures = report.tree(
        evidence=evidence, verdicts=verdicts, seconds=seconds, seed=arguments.seed, replay=replay, forgiven=forgiven
    )
    report.show(console, figures, verdicts, events)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    console.print(f"figures: {arguments.json}   told: {events}   logs of the stack: {folder / 'stack' / 'log'}")
    console.print(f"seed {arguments.seed}; again with: {replay}", soft_wrap=True, highlight=False)
    return BROKEN if any(not v.holds and v.invariant not in forgiven for v in verdicts) else HOLDS


def _replay(arguments: argparse.Namespace, seconds: float) -> str:
    words = ["python", "-m", "chaos", "--seconds", f"{seconds:g}", "--seed", str(arguments.seed)]
    words += ["--players", str(arguments.players), "--servers", str(arguments.servers)]
    words += ["--squads", str(arguments.squads)]
    if len(arguments.kinds) != len(KINDS):
        words += ["--kinds", ",".join(arguments.kinds) or _NONE]
    return "PYTHONPATH=backend " + shlex.join(words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m chaos",
        description=__doc__,
        epilog=f"kinds of fault: {', '.join(KINDS)}. exit code: 0 every promise held, 1 one was broken, 2 no stack",
    )
    parser.add_argument("--minutes", type=float, default=10, help="how long players play (%(default)s)")
    parser.add_argument("--seconds", type=float, help="the same in seconds, for a short run")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of faults and players (random)")
    parser.add_argument("--players", type=int, default=150, help="how many (%(default)s)")
    parser.add_argument("--squads", type=int, default=24, help="players of the queue of parties (%(default)s)")
    parser.add_argument("--servers", type=int, default=6, help="game servers (%(default)s)")
    parser.add_argument("--seats", type=int, default=5, help="of each server (%(default)s)")
    parser.add_argument("--kinds", type=_kinds, default=list(KINDS), help="of faults, with commas; none; default all")
    parser.add_argument("--forgive", type=_invariants, default=[], metavar="I6,…", help="shown, but no failure")
    parser.add_argument("--folder", type=Path, default=Path("var/chaos"), help="logs and data (%(default)s)")
    parser.add_argument("--json", type=Path, default=Path("var/chaos.json"), help="the figures (%(default)s)")
    parser.add_argument("--mutate", type=_mutations, metavar="NAME,…", help="remove guards, see them caught; all")
    parser.add_argument("--schedule", action="store_true", help="print the faults of the seed, and start nothing")
    return parser


def _kinds(text: str) -> list[str]:
    names = [] if text == _NONE else text.split(",")
    return _known("kind of fault", names, KINDS)


def _mutations(text: str) -> list[str]:
    return _known("mutation", list(MUTATIONS) if text == "all" else text.split(","), MUTATIONS)


def _invariants(text: str) -> list[str]:
    return _known("invariant", text.split(","), INVARIANTS)


def _known(what: str, names: list[str], known: Collection[str]) -> list[str]:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such {what}: {', '.join(unknown)}")
    return names


def _allow_many_connections() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 16_384 if hard == resource.RLIM_INFINITY else min(16_384, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    assert len(CHECKS) == len(INVARIANTS)
    sys.exit(main())
