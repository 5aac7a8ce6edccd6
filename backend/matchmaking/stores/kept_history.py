"""Where what history says of the queues is kept for whoever answers players, who have no time to ask history."""

from collections.abc import Mapping
from typing import Protocol

from matchmaking.expectations.history import QueueHistory


class KeptHistory(Protocol):
    """One word a queue; the newest stays. Raises `StoreUnavailable`."""

    def save(self, queue: str, history: QueueHistory) -> None:
        """Keep it in the place of the last one."""
        ...

    def load(self) -> Mapping[str, QueueHistory]:
        """All that are kept, by queue."""
        ...
