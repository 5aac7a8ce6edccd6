"""Rows of `matchmaking:tickets` as the columns that the engine takes."""

from collections.abc import Sequence

import numpy as np

from matchmaking.engine.tickets import WaitingTickets
from matchmaking.stores.whole_parties import of_whole_parties


def waiting_tickets(queue: str, players: Sequence[str], marks: Sequence[str | None]) -> WaitingTickets:
    """Those of the players who wait in this queue; of parties the whole ones.

    Where all wait in this queue alone, without party, region and traits, a row costs one split.
    """
    head = f"|{queue}|"
    rows = [mark for mark in marks if mark is not None and mark.startswith(head)]
    is_mixed = len(rows) < len(players)
    if is_mixed:
        pairs = [(player, mark) for player, mark in zip(players, marks, strict=True) if waits_in(queue, mark)]
        players, rows = [player for player, _ in pairs], [mark for _, mark in pairs if mark is not None]
    parts = [row.split("|", 5) for row in rows]
    if is_mixed:
        for part in parts:
            part[3] = _rating_in(queue, part[1], part[3])
    ratings = np.array([part[3] for part in parts], dtype=np.float64)
    joined_ms = np.array([part[4] for part in parts], dtype=np.int64)
    if all(part[5].startswith("|||") for part in parts):
        return WaitingTickets(players, ratings, joined_ms, rows)
    said = [part[5].split("|", 3) for part in parts]
    return of_whole_parties(players, ratings, joined_ms, rows, [part[1] for part in said], [part[2] for part in said])


def waits_in(queue: str, mark: str | None) -> bool:
    """Whether the row is that of a ticket which waits in this queue."""
    return mark is not None and mark.startswith("|") and queue in mark.split("|", 2)[1].split(",")


def _rating_in(queue: str, queues: str, ratings: str) -> str:
    return ratings if "," not in queues else ratings.split(",")[queues.split(",").index(queue)]
