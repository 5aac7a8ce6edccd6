"""What joins read of a player without SQL."""

from collections.abc import Iterable
from typing import Protocol


class RatingCache(Protocol):
    """A copy of ratings, and of what else a ticket carries of its player, beside the tickets. May forget; is asked
    again then."""

    def refresh(
        self,
        player_id: str,
        queue: str,
        *,
        rating: float,
        games: int,
        traits: str = "",
        blocked: Iterable[str] | None = None,
    ) -> None:
        """Bring one rating up to date, and with it the traits of the queue as a ticket carries them.

        One with fewer games behind it never replaces a newer one. `blocked` are the ids of all whom the player blocks,
        None to leave them as they are; they are written even where the rating is older.
        """
        ...

    def refresh_blocks(self, player_id: str, blocked: Iterable[str]) -> None:
        """Bring the block list up to date, in full."""
        ...
