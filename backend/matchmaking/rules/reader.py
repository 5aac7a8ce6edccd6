"""Reads the file into rules. Every fault that can be found is found, each with its line, reason and cure."""

import re
import tomllib
from collections.abc import Callable, Collection, Iterable
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from matchmaking.engine.demands import (
    BackfillPriority,
    BalanceRule,
    LatencyLimit,
    MatchFormat,
    PartyRule,
    RematchRule,
)
from matchmaking.engine.patience import Patience
from matchmaking.engine.search_window import SearchWindow, WhoseWait
from matchmaking.rules import bounds, contradictions
from matchmaking.rules.bounds import Bounds
from matchmaking.rules.lines import Lines
from matchmaking.rules.values import Placement, QueueRules, Rules
from players.rating_models import RatingModel

Made = TypeVar("Made")
Table = dict[str, Any]

_QUEUE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
#: What may stand in [queues.<name>] itself.
_QUEUE_KEYS = {f.name for f in (*fields(QueueRules), *fields(MatchFormat))} - {"name", "format"}


class RulesError(Exception):
    """The file cannot be used; each fault, a line of the message, names file, line, reason and cure."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class RulesUnreadable(RulesError):
    """There is no such file, or no text in it."""


def load_rules(path: Path) -> Rules:
    """Read and check the file. Raises `RulesError` with all its faults."""
    return read_rules(text_of(path), path)


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RulesUnreadable(f"{path}: cannot be read ({_reason(error)})") from error


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def read_rules(text: str, path: Path) -> Rules:
    """The rules in the text of a file; `path` is for the messages."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = line[1] if line else max(1, len(text.splitlines()))
        raise RulesError(f"{path}:{where}: not valid TOML: {error}") from error
    return _Reader(path, text).read(tree)


class _Reader:
    """Turns a parsed file into `Rules`. A fault is noted, and the default read on with."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = Lines(text)
        self._faults: list[tuple[int, str]] = []

    def read(self, tree: Table) -> Rules:
        self._refuse_unknown(tree, {"default_queue", "queues"}, "")
        tables = tree.get("queues")
        queues: dict[str, QueueRules] = {}
        if not isinstance(tables, dict) or not tables:
            self._fault("", "queues", "names no queue: add a table such as [queues.ranked]")
        else:
            queues = {name: self._queue(name, table) for name, table in tables.items()}
        default = tree.get("default_queue", next(iter(queues), ""))
        if queues and (not isinstance(default, str) or default not in queues):
            self._fault("", "default_queue", f"{default!r} is not one of {', '.join(queues)}")
        if self._faults:
            raise RulesError(*(f"{self._path}:{line}: {reason}" for line, reason in sorted(self._faults)))
        return Rules(default_queue=default, queues=queues)

    # --- a queue and its tables -----------------------------------------------------------------------

    def _queue(self, name: str, table: Any) -> QueueRules:
        here = f"queues.{name}"
        if not isinstance(table, dict):
            self._fault("queues", name, f"has to be a table: [{here}]")
            return QueueRules(name=name)
        if not _QUEUE_NAME.fullmatch(name):
            self._fault(here, "", f"{name!r} is no queue name: a-z, 0-9, - and _, at most 32 characters")
        self._refuse_unknown(table, _QUEUE_KEYS, here)
        numbers = self._numbers(table, bounds.QUEUE, here)
        model = self._word(table, "rating_model", RatingModel.ELO, here)
        self._refuse(contradictions.of_rating(table, model), here)
        backfill = self._word(table, "backfill", BackfillPriority.OFF, here)
        self._refuse(contradictions.of_backfill(table, backfill), here)
        self._refuse(contradictions.of_acceptance(*_of_acceptance(numbers)), here)
        match = self._made(MatchFormat, table, bounds.FORMAT, here, contradictions.of_format)
        return QueueRules(
            name=name,
            format=match,
            rating_model=model,
            placement=self._word(table, "placement", Placement.OPTIONAL, here),
            backfill=backfill,
            search_window=self._window(self._table(table, "search_window", here), f"{here}.search_window"),
            latency=self._section(LatencyLimit, table, "latency", bounds.LATENCY, here, contradictions.of_latency),
            rematch=self._section(RematchRule, table, "rematch", bounds.REMATCH, here, contradictions.of_rematch),
            party=self._section(
                PartyRule,
                table,
                "party",
                bounds.PARTY,
                here,
                lambda said, made: contradictions.of_party(said, made, match),
            ),
            balance=self._section(
                BalanceRule,
                table,
                "balance",
                bounds.BALANCE,
                here,
                lambda said, made: contradictions.of_balance(said, made, match),
            ),
            **numbers,
        )

    def _window(self, table: Table, here: str) -> SearchWindow:
        self._refuse_unknown(table, {f.name for f in fields(SearchWindow)}, here)
        before = len(self._faults)
        steps = self._steps(table["steps"], here) if "steps" in table else ()
        whose_wait = self._word(table, "whose_wait", WhoseWait.SHORTER, here)
        patience = self._patience(table, here) if "patience" in table else None
        made = SearchWindow(
            steps=steps, whose_wait=whose_wait, patience=patience, **self._numbers(table, bounds.WINDOW, here)
        )
        if len(self._faults) == before:
            self._refuse(contradictions.of_window(table, made), here)
        return made

    def _patience(self, table: Table, here: str) -> Patience:
        return self._section(Patience, table, "patience", bounds.PATIENCE, here, contradictions.of_patience)

    def _steps(self, value: Any, here: str) -> tuple[tuple[float, float], ...]:
        if not isinstance(value, list) or not all(
            isinstance(step, dict) and set(step) == set(bounds.STEP) for step in value
        ):
            form = "steps = [{ after_seconds = 10, points = 50 }, { after_seconds = 30, points = 200 }]"
            self._fault(here, "steps", f"has to be a list of steps with both settings, such as {form}")
            return ()
        read = [self._numbers(step, bounds.STEP, f"{here}.steps") for step in value]
        return tuple((step["after_seconds"], step["points"]) for step in read if len(step) == len(bounds.STEP))

    def _section(
        self,
        make: Callable[..., Made],
        around: Table,
        key: str,
        allowed: Bounds,
        here: str,
        contradicts: Callable[[Collection[str], Made], Iterable[tuple[str, str]]],
    ) -> Made:
        """A table of nothing but numbers."""
        table = self._table(around, key, here)
        self._refuse_unknown(table, set(allowed), f"{here}.{key}")
        return self._made(make, table, allowed, f"{here}.{key}", contradicts)

    def _made(
        self,
        make: Callable[..., Made],
        table: Table,
        allowed: Bounds,
        here: str,
        contradicts: Callable[[Collection[str], Made], Iterable[tuple[str, str]]],
    ) -> Made:
        before = len(self._faults)
        made = make(**self._numbers(table, allowed, here))
        if len(self._faults) == before:
            self._refuse(contradicts(table, made), here)
        return made

    # --- single settings ------------------------------------------------------------------------------

    def _table(self, around: Table, key: str, here: str) -> Table:
        table = around.get(key, {})
        if isinstance(table, dict):
            return table
        self._fault(here, key, f"has to be a table: [{here}.{key}]")
        return {}

    def _numbers(self, table: Table, allowed: Bounds, here: str) -> dict[str, Any]:
        numbers: dict[str, Any] = {}
        for key, bound in allowed.items():
            if key not in table:
                continue
            if bound.holds(table[key]):
                numbers[key] = table[key] if bound.whole else float(table[key])
            else:
                self._fault(here, key, f"is {table[key]!r} and has to be {bound}")
        return numbers

    def _word(self, table: Table, key: str, default: StrEnum, here: str) -> Any:
        words = type(default)
        value = table.get(key, default)
        if value in list(words):
            return words(value)
        self._fault(here, key, f"{value!r} is not one of {', '.join(words)}")
        return default

    # --- faults ---------------------------------------------------------------------------------------

    def _refuse_unknown(self, table: Table, known: set[str], here: str) -> None:
        for key in table:
            if key not in known:
                self._fault(here, key, f"is not a setting: known are {', '.join(sorted(known))}")

    def _refuse(self, found: Iterable[tuple[str, str]], here: str) -> None:
        for key, reason in found:
            self._fault(here, key, reason)

    def _fault(self, table: str, key: str, reason: str) -> None:
        name = ".".join(part for part in (table, key) if part)
        self._faults.append((self._lines.of(table, key), f"{name}: {reason}"))


def _of_acceptance(numbers: dict[str, Any]) -> tuple[float, float]:
    made = QueueRules(name="", **numbers)
    return made.acceptance_seconds, made.match_ttl_seconds
