"""The ratings that joins read without SQL."""

from typing import Protocol


class RatingCache(Protocol):
    """A copy of ratings beside the tickets. May forget; is asked again then."""

    def refresh(self, player_id: str, queue: str, *, rating: float, games: int) -> None:
        """Bring one rating up to date. One with fewer games behind it never replaces a newer one."""
        ...
