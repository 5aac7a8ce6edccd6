"""Rows of `matchmaking:tickets` as the columns that the engine takes."""

from collections.abc import Sequence

import numpy as np
import orjson

from matchmaking.engine.tickets import WaitingTickets
from matchmaking.stores.whole_parties import of_whole_parties


class WaitingRows:
    """Those of the rows, added page by page, whose players wait in this queue. A player counts once."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._head = f"|{queue}|"
        self._rows: dict[str, str] = {}
        self._ratings = [np.empty(0, dtype=np.float64)]
        self._joined_ms = [np.empty(0, dtype=np.int64)]
        #: "region|party|traits|username" of each row.
        self._said: list[str] = []

    def add(self, players: Sequence[str], rows: Sequence[str | None]) -> None:
        """Look through a page. A row of who waits in this queue alone costs one split."""
        queue, head, known = self._queue, self._head, self._rows
        fresh = {
            player: row
            for player, row in zip(players, rows, strict=True)
            if row is not None and (row.startswith(head) or waits_in(queue, row)) and player not in known
        }
        known |= fresh
        parts = [row.split("|", 5) for row in fresh.values()]
        ratings = [part[3] if part[1] == queue else _rating_in(queue, part[1], part[3]) for part in parts]
        self._ratings.append(np.array(_numbers(ratings), dtype=np.float64))
        self._joined_ms.append(np.array(_numbers([part[4] for part in parts]), dtype=np.int64))
        self._said += [part[5] for part in parts]

    @property
    def tickets(self) -> WaitingTickets:
        """The columns; of parties the whole ones."""
        players, rows = list(self._rows), list(self._rows.values())
        ratings, joined_ms = np.concatenate(self._ratings), np.concatenate(self._joined_ms)
        if all(said.startswith("|||") for said in self._said):
            return WaitingTickets(players, ratings, joined_ms, rows)
        said = [words.split("|", 3) for words in self._said]
        return of_whole_parties(
            players, ratings, joined_ms, rows, [part[1] for part in said], [part[2] for part in said]
        )


def _numbers(texts: Sequence[str]) -> list[float]:
    """Parsed as one JSON list, which takes a third of what parsing each by itself does."""
    numbers: list[float] = orjson.loads(f"[{','.join(texts)}]")
    return numbers


def waits_in(queue: str, mark: str | None) -> bool:
    """Whether the row is that of a ticket which waits in this queue."""
    return mark is not None and mark.startswith("|") and queue in mark.split("|", 2)[1].split(",")


def _rating_in(queue: str, queues: str, ratings: str) -> str:
    return ratings.split(",")[queues.split(",").index(queue)]
