"""A player no longer wants to be matched."""

import logging

from errors import Conflict
from matchmaking.match import PlayerId
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import Left, Matched, NotInQueue

logger = logging.getLogger(__name__)


class AlreadyMatched(Conflict):
    """A round was faster than the leave: the match stands."""

    def __init__(self, matched: Matched) -> None:
        super().__init__("a match was found before you left; it stands")
        self.matched = matched


def leave_queue(*, store: TicketStore, player_id: PlayerId, now_ms: int) -> Left | NotInQueue:
    """Take the player's ticket out. Raises `AlreadyMatched` where a round was faster."""
    outcome = store.leave(player_id, now_ms)
    if isinstance(outcome, Matched):
        raise AlreadyMatched(outcome)
    if isinstance(outcome, Left):
        logger.info(
            "User left queue after %d ms",
            outcome.waited_ms,
            extra={"player": player_id, "ticket": outcome.ticket_id, "queue": outcome.queue},
        )
    return outcome
