"""`manage.py simulate`, which is `make simulate`: what a queue's rules make players wait, and whom they meet."""

import json
import os
from argparse import RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from matchmaking.engine.demands import MatchFormat
from matchmaking.rules import QueueRules, RulesError, load_rules
from simulator.arrivals import PATIENCE_SECONDS, Arrivals, Crowd, poisson_arrivals
from simulator.page import page
from simulator.policies.ours import Ours, OursInTeams
from simulator.policies.port import Policy
from simulator.ratings import PUBLISHED, Ratings
from simulator.seeds import Run, over_seeds, run_all
from simulator.service_levels import LevelError, level_of, missed_levels
from simulator.sources import SourceError, arrivals_from_file, day_arrivals
from simulator.study import WORDS, Study, peer
from simulator.tables import by_band, by_region, overview
from simulator.words import WordsError, curve_of, seeds_of, shares_of, sizes_of

#: Columns of a terminal that the tables need, of one seed and of several; a narrower one wraps their lines rather than
#: losing figures.
WIDTH, WIDTH_OF_SEEDS = 160, 240

_Value = TypeVar("_Value")

_EPILOG = """\
examples:
  manage.py simulate --rate 0.5 --rate 5
  manage.py simulate --rate 5 --policies ours,lichess,faf --html report.html
  manage.py simulate --compare ../queues.toml mine.toml --queue ranked --policies ours
  manage.py simulate --queue squads --parties 1:0.6,2:0.25,5:0.15 --regions eu:0.6,us:0.3,ap:0.1 --rate 2
  manage.py simulate --ratings chess-rapid --seeds 3 --policies ours,lichess
  manage.py simulate --joins evening.csv --require "wait_p95<=20" --require "top 1 %:gap_p95<=300"
exit code: 0 done, 1 a --require was missed, or the words or files cannot be used
"""


class Command(BaseCommand):
    help = "Simulate a queue: its rules and the peers' policies on the same arrivals, and where two play the limit."
    requires_system_checks = []

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=_EPILOG, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_argument_group("who comes")
        who.add_argument(
            "--rate",
            type=float,
            action="append",
            help="joins a second, a party's is one; several are several studies (5)",
        )
        who.add_argument("--players", type=int, default=3_000, help="how many come (3000)")
        who.add_argument("--day", action="store_true", help="a day's curve from midnight; --rate is its mean")
        who.add_argument(
            "--joins", metavar="CSV", type=Path, help="real joins: time, rating[, deviation, games, region, party]"
        )
        who.add_argument(
            "--ratings",
            default="normal",
            help=f"normal, {', '.join(PUBLISHED)}, or a CSV with a column rating (normal)",
        )
        who.add_argument("--mean", type=float, help="of normal ratings, points (1500)")
        who.add_argument("--spread", type=float, help="standard deviation of normal ratings, points (350)")
        who.add_argument(
            "--regions", default="", metavar="SHARES", help="where players live: eu:0.6,us:0.3,ap:0.1 (nobody tells)"
        )
        who.add_argument(
            "--parties", default="", metavar="SHARES", help="joins by size: 1:0.6,2:0.25,5:0.15 (all alone)"
        )
        who.add_argument("--newcomers", type=float, default=0.1, help="share of players with few games (0.1)")
        who.add_argument("--patience", type=float, default=PATIENCE_SECONDS, help="seconds until a player leaves (300)")
        who.add_argument("--seed", type=int, default=101, help="the same seed gives the same players (101)")
        who.add_argument(
            "--seeds", metavar="N or LIST", help="so many from --seed on, or these: 101,102 (--seed alone)"
        )
        what = parser.add_argument_group("what decides")
        words = ",".join(("ours", *WORDS))
        what.add_argument("--policies", default=words, help=f"of {words} (all)")
        what.add_argument(
            "--original-window", type=float, default=1.0, metavar="SCALE", help="times the window of the original (1)"
        )
        what.add_argument("--queue", help="whose rules ours follows (the default queue)")
        what.add_argument("--file", type=Path, help="rules of the queues (QUEUES_FILE)")
        what.add_argument("--compare", nargs=2, metavar="TOML", type=Path, help="ours by the rules of two files")
        what.add_argument("--no-limit", action="store_true", help="do not look for the limit, which takes longest")
        what.add_argument(
            "--jobs", type=int, default=os.cpu_count() or 1, help="processes, of several seeds or rates (one a core)"
        )
        out = parser.add_argument_group("what comes out")
        out.add_argument("--json", metavar="FILE", type=Path, help="write all figures there")
        out.add_argument("--html", metavar="FILE", type=Path, help="write a report with curves there")
        out.add_argument("--require", action="append", default=[], metavar="LEVEL", help="a service level of ours")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["original_window"] > 0:
            raise CommandError(f"--original-window: is {options['original_window']:g} and has to be above 0")
        try:
            levels = [level_of(words) for words in options["require"]]
            queues = _queues(options)
            seeds = _said("seeds", lambda: seeds_of(options["seeds"] or "1", options["seed"]))
            named = {seed: _arrivals(options, queues, seed) for seed in seeds}
        except (LevelError, RulesError, SourceError) as error:
            raise CommandError(str(error)) from error
        ours = _ours(options, queues)
        policies = [*ours, *self._peers(options, queues)]
        if levels and not ours:
            raise CommandError("--require: looks at ours, which --policies leaves out")
        if not policies:
            raise CommandError("--policies: none of them is for the format of the queue")
        studies = _run(named, policies, options, is_duel=_format(queues).is_duel)
        self._print(studies, _told(options, queues))
        self._write(studies, options)
        missed = missed_levels(levels, studies, [policy.name for policy in ours])
        for line in missed:
            self.stderr.write(f"missed: {line}")
        if missed:
            raise SystemExit(1)

    def _peers(self, options: dict[str, Any], queues: Mapping[str, QueueRules]) -> list[Policy]:
        """Who has no policy for matches of the queue's format is named and left out."""
        words = [word for word in _words(options["policies"]) if word != "ours"]
        found = {word: peer(word, _format(queues), original_scale=options["original_window"]) for word in words}
        left_out = [word for word, policy in found.items() if policy is None]
        if left_out:
            self.stderr.write(f"left out, having no policy for matches of this format: {', '.join(left_out)}")
        return [policy for policy in found.values() if policy is not None]

    def _print(self, studies: Sequence[Study], told: str) -> None:
        console = Console()
        console.width = max(console.width, WIDTH if len(studies[0].seeds) == 1 else WIDTH_OF_SEEDS)
        console.print(told, highlight=False, markup=False, soft_wrap=True)
        for each in studies:
            console.print(*filter(None, (overview(each), by_region(each), by_band(each))))

    def _write(self, studies: Sequence[Study], options: dict[str, Any]) -> None:
        try:
            if options["json"]:
                options["json"].write_text(json.dumps([asdict(each) for each in studies], indent=2) + "\n")
            if options["html"]:
                options["html"].write_text(page(studies), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"cannot be written: {error}") from error


def _queues(options: dict[str, Any]) -> dict[str, QueueRules]:
    """What ours is called, and by which rules."""
    if options["compare"]:
        queues = {str(path): _queue(path, options["queue"]) for path in options["compare"]}
        if len({queue.format for queue in queues.values()}) > 1:
            raise CommandError("--compare: the two files have matches of different formats")
        return queues
    return {"ours": _queue(options["file"] or Path(settings.QUEUES_FILE), options["queue"])}


def _told(options: dict[str, Any], queues: Mapping[str, QueueRules]) -> str:
    """Whose rules these are, and where the columns are explained."""
    files = options["compare"] or [options["file"] or settings.QUEUES_FILE]
    named = [f"{queue.name} of {file}" for queue, file in zip(queues.values(), files, strict=True)]
    return f"queue {' and '.join(named)}; what the columns are: docs/simulator.md"


def _format(queues: Mapping[str, QueueRules]) -> MatchFormat:
    return next(iter(queues.values())).format


def _queue(path: Path, name: str | None) -> QueueRules:
    rules = load_rules(path)
    if name is not None and name not in rules.queues:
        raise CommandError(f"--queue: {name!r} is not one of {', '.join(rules.queues)} in {path}")
    return rules.queues[name or rules.default_queue]


def _ours(options: dict[str, Any], queues: Mapping[str, QueueRules]) -> list[Policy]:
    if not options["compare"] and "ours" not in _words(options["policies"]):
        return []
    return [_by_rules(queue, name) for name, queue in queues.items()]


def _by_rules(rules: QueueRules, name: str) -> Policy:
    if rules.format.is_duel:
        return Ours(rules.search_window, name=name, rating_model=rules.rating_model, latency=rules.latency)
    return OursInTeams(
        rules.format,
        rules.search_window,
        name=name,
        rating_model=rules.rating_model,
        latency=rules.latency,
        party=rules.party,
        balance=rules.balance,
    )


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word != "ours" and word not in WORDS]
    if unknown or not words:
        raise CommandError(f"--policies: {', '.join(unknown) or 'none'} is not one of ours, {', '.join(WORDS)}")
    return words


def _arrivals(options: dict[str, Any], queues: Mapping[str, QueueRules], seed: int) -> list[tuple[str, Arrivals]]:
    """Titles and arrivals."""
    _check(options)
    largest = min(queue.party.max_size for queue in queues.values())
    regions = _said("regions", lambda: shares_of(options["regions"])) if options["regions"] else {}
    if options["joins"]:
        come = arrivals_from_file(options["joins"], options["patience"], np.random.default_rng(seed), tuple(regions))
        if max(Counter(filter(None, come.parties)).values(), default=1) > largest:
            raise CommandError(f"--joins: has parties of more than {largest}, which the queue does not let in")
        return [(options["joins"].name, come)]
    curve = _said("ratings", lambda: curve_of(options["ratings"], options["mean"], options["spread"]))
    crowd = Crowd(
        ratings=Ratings(curve, options["newcomers"]),
        patience_seconds=options["patience"],
        parties=_said("parties", lambda: sizes_of(options["parties"], largest)) if options["parties"] else {},
        regions=regions,
    )
    come_by = day_arrivals if options["day"] else poisson_arrivals
    return [
        (
            f"{rate:g} a second" + (", over a day" if options["day"] else ""),
            come_by(options["players"], rate, np.random.default_rng(seed), crowd),
        )
        for rate in options["rate"] or [5.0]
    ]


def _said(option: str, read: Callable[[], _Value]) -> _Value:
    try:
        return read()
    except WordsError as error:
        raise CommandError(f"--{option}: {error}") from error


def _check(options: dict[str, Any]) -> None:
    for name, least in (("players", 2), ("patience", 0.001), ("spread", 0.0), ("newcomers", 0.0), ("jobs", 1)):
        if options[name] is not None and not options[name] >= least:
            raise CommandError(f"--{name}: has to be at least {least:g}")
    if options["newcomers"] > 1:
        raise CommandError("--newcomers: is a share, at most 1")
    if options["joins"] and (options["parties"] or options["ratings"] != "normal"):
        raise CommandError("--joins: tells ratings and parties itself; leave --ratings and --parties out")
    for rate in options["rate"] or ():
        if not 0 < rate <= 100_000:
            raise CommandError(f"--rate: {rate:g} has to be above 0, and up to 100000")


def _run(
    named: Mapping[int, Sequence[tuple[str, Arrivals]]],
    policies: Sequence[Policy],
    options: dict[str, Any],
    *,
    is_duel: bool,
) -> list[Study]:
    """A study each title, over all seeds."""
    seeds = list(named)
    runs = [
        Run(title, seed, come, policies, with_limit=is_duel and not options["no_limit"], is_duel=is_duel)
        for titled in zip(*named.values(), strict=True)
        for seed, (title, come) in zip(seeds, titled, strict=True)
    ]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bars = {id(run): progress.add_task(f"{run.title}, seed {run.seed}", total=len(run.arrivals)) for run in runs}
        studies = run_all(
            runs,
            options["jobs"],
            lambda run, doing, joined: progress.update(
                bars[id(run)], completed=joined, description=f"{run.title}, seed {run.seed}: {doing}"
            ),
        )
    return [over_seeds(studies[at : at + len(seeds)]) for at in range(0, len(studies), len(seeds))]
