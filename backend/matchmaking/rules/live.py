"""Rules that follow their file while the process runs."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from matchmaking.rules.lines import Lines
from matchmaking.rules.reader import RulesError, read_rules, text_of
from matchmaking.rules.values import Rules

logger = logging.getLogger(__name__)

#: Seconds between two looks at the file. A change counts once two looks saw the file the same, so that none is read
#: half written: one to two of these. Smaller asks the file system more often than anybody edits.
LOOK_EVERY_SECONDS = 1.0

#: When the file was written, how long it is, and which one it is; None where there is none.
Signature = tuple[int, int, int] | None


class LiveRules:
    """The rules of one file, as it is now. Safe for threads; a look costs one `stat` a second, whoever asks."""

    def __init__(self, path: Path, rules: Rules, clock: Callable[[], float]) -> None:
        """`rules` are those that were read at the start; `clock` tells monotonic seconds."""
        self._path = path
        self._rules = rules
        self._clock = clock
        self._looking = threading.Lock()
        self._look_at = 0.0
        #: As the file was at the last look, and as it was when it was read last.
        self._seen: Signature = None
        self._read: Signature | str = "never"

    def current(self) -> Rules:
        """The rules that hold: the same object until they change."""
        if self._clock() >= self._look_at and self._looking.acquire(blocking=False):
            try:
                self._look_at = self._clock() + LOOK_EVERY_SECONDS
                self._look()
            finally:
                self._looking.release()
        return self._rules

    def _look(self) -> None:
        signature = self._signature()
        settled, self._seen = signature == self._seen, signature
        if not settled or signature == self._read:
            return
        self._read = signature
        try:
            self._take(text_of(self._path))
        except RulesError as error:
            faults = " | ".join(error.faults)
            logger.error("the rules have changed and cannot be used; those of before hold on: %s", faults)

    def _signature(self) -> Signature:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _take(self, text: str) -> None:
        """Put the rules of the text in the place of those of before."""
        new, old = read_rules(text, self._path), self._rules
        if new.default_queue != old.default_queue:
            line = Lines(text).of("", "default_queue")
            raise RulesError(
                f"{self._path}:{line}: default_queue: is {new.default_queue!r} now and was {old.default_queue!r} at "
                "the start, which names the keys of Redis: put it back, or restart web and workers while both queues "
                "are empty"
            )
        if new.queues == old.queues:
            return
        self._rules = replace(new, closed={name: old.known[name] for name in old.known.keys() - new.queues.keys()})
        logger.info("the rules have changed: %s", _changes(old, new))


def _changes(old: Rules, new: Rules) -> str:
    """Which queues, for the log."""
    words = {
        "new": new.queues.keys() - old.queues.keys(),
        "changed": {name for name, rules in new.queues.items() if old.queues.get(name, rules) != rules},
        "closed": old.queues.keys() - new.queues.keys(),
    }
    return "; ".join(f"{word}: {', '.join(sorted(names))}" for word, names in words.items() if names)
