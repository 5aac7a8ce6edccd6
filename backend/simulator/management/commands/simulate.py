"""`manage.py simulate`, which is `make simulate`: what a queue's rules make players wait, and whom they meet."""

import json
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from matchmaking.rules import QueueRules, RulesError, load_rules
from simulator.arrivals import PATIENCE_SECONDS, Arrivals, Ratings, poisson_arrivals
from simulator.page import page
from simulator.policies.ours import Ours
from simulator.policies.port import Policy
from simulator.service_levels import LevelError, level_of, missed_levels
from simulator.sources import SourceError, arrivals_from_file, day_arrivals
from simulator.study import PEERS, Study, study
from simulator.tables import by_band, overview

#: Columns of a terminal that the tables need; a narrower one wraps their lines rather than losing figures.
WIDTH = 150

_EPILOG = """\
examples:
  manage.py simulate --rate 0.5 --rate 5
  manage.py simulate --rate 5 --policies ours,lichess,faf --html report.html
  manage.py simulate --compare ../queues.toml mine.toml --queue ranked --policies ours
  manage.py simulate --joins evening.csv --require "wait_p95<=20" --require "top 1 %:gap_p95<=300"
exit code: 0 done, 1 a --require was missed, or the words or files cannot be used
"""


class Command(BaseCommand):
    help = "Simulate a queue for two: its rules, the peers' policies and the limit on the same arrivals."
    requires_system_checks = []

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, epilog=_EPILOG, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_argument_group("who comes")
        who.add_argument(
            "--rate", type=float, action="append", help="arrivals a second; several are several studies (5)"
        )
        who.add_argument("--players", type=int, default=3_000, help="how many come (3000)")
        who.add_argument("--day", action="store_true", help="a day's curve from midnight; --rate is its mean")
        who.add_argument("--joins", metavar="CSV", type=Path, help="real joins: time, rating[, deviation, games]")
        who.add_argument("--mean", type=float, default=1500.0, help="of the ratings, points (1500)")
        who.add_argument("--spread", type=float, default=350.0, help="standard deviation of the ratings, points (350)")
        who.add_argument("--newcomers", type=float, default=0.1, help="share of players with few games (0.1)")
        who.add_argument("--patience", type=float, default=PATIENCE_SECONDS, help="seconds until a player leaves (300)")
        who.add_argument("--seed", type=int, default=101, help="the same seed gives the same players (101)")
        what = parser.add_argument_group("what decides")
        words = ",".join(("ours", *PEERS))
        what.add_argument("--policies", default=words, help=f"of {words} (all)")
        what.add_argument("--queue", help="whose rules ours follows (the default queue)")
        what.add_argument("--file", type=Path, help="rules of the queues (QUEUES_FILE)")
        what.add_argument("--compare", nargs=2, metavar="TOML", type=Path, help="ours by the rules of two files")
        what.add_argument("--no-limit", action="store_true", help="do not look for the limit, which takes longest")
        out = parser.add_argument_group("what comes out")
        out.add_argument("--json", metavar="FILE", type=Path, help="write all figures there")
        out.add_argument("--html", metavar="FILE", type=Path, help="write a report with curves there")
        out.add_argument("--require", action="append", default=[], metavar="LEVEL", help="a service level of ours")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            levels = [level_of(words) for words in options["require"]]
            ours = _ours(options)
            named = _studies(options)
        except (LevelError, RulesError, SourceError) as error:
            raise CommandError(str(error)) from error
        policies = [*ours, *_peers(options["policies"])]
        if levels and not ours:
            raise CommandError("--require: looks at ours, which --policies leaves out")
        studies = _run(named, policies, options)
        console = Console()
        console.width = max(console.width, WIDTH)
        for each in studies:
            console.print(overview(each), by_band(each))
        self._write(studies, options)
        missed = missed_levels(levels, studies, [policy.name for policy in ours])
        for line in missed:
            self.stderr.write(f"missed: {line}")
        if missed:
            raise SystemExit(1)

    def _write(self, studies: Sequence[Study], options: dict[str, Any]) -> None:
        try:
            if options["json"]:
                options["json"].write_text(json.dumps([asdict(each) for each in studies], indent=2) + "\n")
            if options["html"]:
                options["html"].write_text(page(studies), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"cannot be written: {error}") from error


def _ours(options: dict[str, Any]) -> list[Policy]:
    if options["compare"]:
        return [_by_rules(_queue(path, options["queue"]), str(path)) for path in options["compare"]]
    if "ours" not in _words(options["policies"]):
        return []
    return [_by_rules(_queue(options["file"] or Path(settings.QUEUES_FILE), options["queue"]), "ours")]


def _by_rules(rules: QueueRules, name: str) -> Policy:
    return Ours(rules.search_window, name=name, rating_model=rules.rating_model)


def _queue(path: Path, name: str | None) -> QueueRules:
    rules = load_rules(path)
    if name is not None and name not in rules.queues:
        raise CommandError(f"--queue: {name!r} is not one of {', '.join(rules.queues)} in {path}")
    queue = rules.queues[name or rules.default_queue]
    if not queue.format.is_duel:
        raise CommandError(f"--queue: {queue.name!r} is not for two players, and only those are simulated")
    return queue


def _peers(words: str) -> list[Policy]:
    return [PEERS[word]() for word in _words(words) if word != "ours"]


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word != "ours" and word not in PEERS]
    if unknown or not words:
        raise CommandError(f"--policies: {', '.join(unknown) or 'none'} is not one of ours, {', '.join(PEERS)}")
    return words


def _studies(options: dict[str, Any]) -> list[tuple[str, Arrivals]]:
    """Titles and arrivals."""
    for name, least in (("players", 2), ("patience", 0.001), ("spread", 0.0), ("newcomers", 0.0)):
        if not options[name] >= least:
            raise CommandError(f"--{name}: has to be at least {least:g}")
    if options["newcomers"] > 1:
        raise CommandError("--newcomers: is a share, at most 1")
    if options["joins"]:
        return [(options["joins"].name, arrivals_from_file(options["joins"], options["patience"]))]
    ratings = Ratings(options["mean"], options["spread"], options["newcomers"])
    come = day_arrivals if options["day"] else poisson_arrivals
    named = []
    for rate in options["rate"] or [5.0]:
        if not 0 < rate <= 100_000:
            raise CommandError(f"--rate: {rate:g} has to be above 0, and up to 100000")
        dice = np.random.default_rng(options["seed"])
        title = f"{rate:g} a second" + (", over a day" if options["day"] else "")
        named.append((title, come(options["players"], rate, dice, ratings, options["patience"])))
    return named


def _run(named: Sequence[tuple[str, Arrivals]], policies: Sequence[Policy], options: dict[str, Any]) -> list[Study]:
    studies = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for title, arrivals in named:
            bar = progress.add_task(title, total=len(arrivals))
            studies.append(
                study(
                    title,
                    arrivals,
                    policies,
                    seed=options["seed"],
                    with_limit=not options["no_limit"],
                    on_step=lambda doing, joined, bar=bar, title=title: progress.update(  # type: ignore[misc]
                        bar, completed=joined, description=f"{title}: {doing}"
                    ),
                )
            )
            progress.remove_task(bar)
    return studies
