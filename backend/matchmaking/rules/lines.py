"""On which line of a TOML file something stands. `tomllib` does not tell."""

import re

_HEAD = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]")


class Lines:
    """The lines of one file. Tables and keys are named as in TOML, with dots; "" is the top."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def of(self, table: str, key: str = "") -> int:
        """The line of `key` in `table`; where it has none of its own (it stands within another's line, or is missing),
        that of what it stands in; else 1."""
        table, key = _plain(table), _plain(key)
        while True:
            found = self._key(table, key) if key else self._head(table)
            if found or not (table or key):
                return found or 1
            if key and (head := self._head(table)):
                return head
            table, _, key = table.rpartition(".")

    def _head(self, table: str) -> int:
        return next((number for number, (_, head, _) in enumerate(self._within(), 1) if table and head == table), 0)

    def _key(self, table: str, key: str) -> int:
        """As `key = …` below the table's head, or as its own head, or with dots below the head of a table around."""
        whole = f"{table}.{key}".lstrip(".")
        for number, (line, head, current) in enumerate(self._within(), 1):
            if head == whole:
                return number
            word = re.match(r"\s*([\w.\"'\s-]+?)\s*=", line)
            if word and not head and f"{current}.{_plain(word[1])}".lstrip(".") == whole:
                return number
        return 0

    def _within(self) -> list[tuple[str, str, str]]:
        """Each line, the table that it is the head of or "", and the table that it is in."""
        found, current = [], ""
        for line in self._lines:
            match = _HEAD.match(line)
            head = _plain(match[1]) if match and "=" not in line.partition("]")[0] and "{" not in line else ""
            current = head or current
            found.append((line, head, current))
        return found


def _plain(name: str) -> str:
    return re.sub(r"[\"'\s]", "", name)
