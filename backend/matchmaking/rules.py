"""The rules of each queue, read from `queues.toml` and checked whole before anything starts."""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from matchmaking.engine.search_window import SearchWindow

_QUEUE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class RulesError(Exception):
    """The file cannot be used; the message names file, line, reason and cure."""


class Placement(StrEnum):
    """Whether a match of the queue takes a seat on a game server."""

    OPTIONAL = "optional"
    REQUIRED = "required"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What one queue demands. Defaults are those of the shipped `ranked` queue."""

    name: str
    #: Rating points of a new player.
    initial_rating: float = 1200.0
    #: Rating points; the most that one match can move a rating.
    k_factor: float = 32.0
    placement: Placement = Placement.OPTIONAL
    #: Seconds. Too small expires players on a slow phone; too large matches players who are gone.
    ticket_ttl_seconds: float = 300.0
    #: Seconds. Longer than the longest game, or its result comes too late to count.
    match_ttl_seconds: float = 3600.0
    search_window: SearchWindow = field(default_factory=SearchWindow)

    @property
    def ticket_ttl_ms(self) -> int:
        return round(self.ticket_ttl_seconds * 1000)

    @property
    def match_ttl_ms(self) -> int:
        return round(self.match_ttl_seconds * 1000)


@dataclass(frozen=True, slots=True)
class Rules:
    """All queues, by name."""

    default_queue: str
    queues: Mapping[str, QueueRules]


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a number may be: from `least` (itself allowed or not) to `most`."""

    least: float
    most: float
    above: bool = False

    def __str__(self) -> str:
        words = ("above", "and up to") if self.above else ("from", "to")
        return f"a number {words[0]} {self.least:g} {words[1]} {self.most:g}"

    def holds(self, value: float) -> bool:
        return (value > self.least if self.above else value >= self.least) and value <= self.most


_QUEUE_BOUNDS = {
    "initial_rating": _Bound(-10_000, 10_000),
    "k_factor": _Bound(0, 400, above=True),
    "ticket_ttl_seconds": _Bound(1, 86_400),
    "match_ttl_seconds": _Bound(1, 604_800),
}
_WINDOW_BOUNDS = {
    "base": _Bound(0, 10_000),
    "step": _Bound(0, 10_000),
    "every_seconds": _Bound(0, 86_400, above=True),
    "max_extra": _Bound(0, 20_000),
}


def load_rules(path: Path) -> Rules:
    """Read and check the file. Raises `RulesError` with file, line, reason and cure."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RulesError(f"{path}: cannot be read ({error}). QUEUES_FILE names the rules of the queues") from error
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"{path}: not valid TOML: {error}") from error
    return _RulesReader(path, text).read(tree)


class _RulesReader:
    """Turns a parsed file into `Rules`, and knows on which line a fault stands."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def read(self, tree: dict[str, Any]) -> Rules:
        self._refuse_unknown(tree, {"default_queue", "queues"}, "")
        tables = tree.get("queues")
        if not isinstance(tables, dict) or not tables:
            raise self._fault("", "queues", "names no queue: add a table such as [queues.ranked]")
        queues = {name: self._queue(name, table) for name, table in tables.items()}
        default = tree.get("default_queue", next(iter(queues)))
        if default not in queues:
            raise self._fault("", "default_queue", f"{default!r} is not one of {', '.join(queues)}")
        return Rules(default_queue=default, queues=queues)

    def _queue(self, name: str, table: Any) -> QueueRules:
        here = f"queues.{name}"
        if not isinstance(table, dict):
            raise self._fault("queues", name, f"has to be a table: [{here}]")
        if not _QUEUE_NAME.fullmatch(name):
            raise self._fault(here, None, f"{name!r} is no queue name: a-z, 0-9, - and _, at most 32 characters")
        self._refuse_unknown(table, {f.name for f in fields(QueueRules)} - {"name"}, here)
        values: dict[str, Any] = self._numbers(table, _QUEUE_BOUNDS, here)
        if "placement" in table:
            values["placement"] = self._placement(table["placement"], here)
        if "search_window" in table:
            values["search_window"] = self._window(table["search_window"], f"{here}.search_window")
        return QueueRules(name=name, **values)

    def _window(self, table: Any, here: str) -> SearchWindow:
        if not isinstance(table, dict):
            raise self._fault(here.rpartition(".")[0], "search_window", f"has to be a table: [{here}]")
        self._refuse_unknown(table, set(_WINDOW_BOUNDS), here)
        numbers: dict[str, Any] = self._numbers(table, _WINDOW_BOUNDS, here)
        window = SearchWindow(**numbers)
        if window.step == 0 and window.max_extra > 0 and "max_extra" in table:
            raise self._fault(here, "max_extra", "cannot be reached with step = 0: give a step, or max_extra = 0")
        return window

    def _placement(self, value: Any, here: str) -> Placement:
        if value not in list(Placement):
            raise self._fault(here, "placement", f"{value!r} is not one of {', '.join(Placement)}")
        return Placement(value)

    def _numbers(self, table: dict[str, Any], bounds: Mapping[str, _Bound], here: str) -> dict[str, float]:
        numbers = {}
        for key, bound in bounds.items():
            if key not in table:
                continue
            value = table[key]
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not math.isfinite(value) or not bound.holds(value):
                raise self._fault(here, key, f"is {value!r} and has to be {bound}")
            numbers[key] = float(value)
        return numbers

    def _refuse_unknown(self, table: dict[str, Any], known: set[str], here: str) -> None:
        for key in table:
            if key not in known:
                raise self._fault(here, key, f"is not a setting: known are {', '.join(sorted(known))}")

    def _fault(self, table: str, key: str | None, reason: str) -> RulesError:
        name = ".".join(part for part in (table, key) if part)
        return RulesError(f"{self._path}:{self._line(table, key)}: {name}: {reason}")

    def _line(self, table: str, key: str | None) -> int:
        """The line of `key` in `[table]`, or the line of the table's head, or 1."""
        at, found = 1, table == ""
        for number, line in enumerate(self._lines, start=1):
            head = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
            if head:
                current = head.group(1).replace('"', "").replace(" ", "")
                found = current == table
                if found or (key and current == ".".join(part for part in (table, key) if part)):
                    at = number
                if key and current == f"{table}.{key}".lstrip("."):
                    return number
            elif found and key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return number
        return at
