"""The log of a run: everything that clients were told, in the order in which it came; only ever appended to."""

import json
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chaos.records import Beat, Death, Fault, Mode, Seen, Told

Entry = Told | Beat | Fault | Death | Mode | Seen


class RunLog:
    """In memory for the checker, and as JSON lines in a file for people; `line` counts from 1."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[Told] = []
        self.beats: list[Beat] = []
        self.faults: list[Fault] = []
        self.deaths: list[Death] = []
        self.modes: list[Mode] = []
        self.seen: list[Seen] = []
        self._lists: dict[type, list[Any]] = {
            Told: self.told,
            Beat: self.beats,
            Fault: self.faults,
            Death: self.deaths,
            Mode: self.modes,
            Seen: self.seen,
        }
        self._lines = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")

    def next_line(self) -> int:
        """The number of the entry that is written next."""
        return self._lines + 1

    def write(self, entry: Entry) -> None:
        self._lines += 1
        self._lists[type(entry)].append(entry)
        tree = {name: value for name, value in asdict(entry).items() if value or (value == 0 and value is not False)}
        tree["line"] = self._lines
        self._file.write(json.dumps({"what": type(entry).__name__.lower(), **tree}) + "\n")

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
