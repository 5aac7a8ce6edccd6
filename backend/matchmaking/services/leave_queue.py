"""A player no longer wants to be matched."""

import logging
from collections.abc import Callable

from errors import Conflict, NotYet
from matchmaking.match import MatchStatus, PlayerId
from matchmaking.rules import Rules
from matchmaking.services.put_back import put_back
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import BeingMatched, KeptTicket, Left, Matched, NotInQueue

logger = logging.getLogger(__name__)

#: Seconds between looks at a match that is on its way into history, which takes milliseconds: 0.4 s in all.
WAITS_SECONDS = (0.01, 0.03, 0.06, 0.1, 0.2)


class AlreadyMatched(Conflict):
    """A round was faster than the leave: the match stands."""

    def __init__(self, matched: Matched) -> None:
        is_asked = matched.status is MatchStatus.PENDING_ACCEPTANCE
        way_out = "it waits for acceptance: to leave it, decline it" if is_asked else "it stands"
        super().__init__(f"a match was found before you left; {way_out}")
        self.matched = matched


def leave_queue(
    *,
    store: TicketStore,
    rules: Rules,
    player_id: PlayerId,
    now_ms: int,
    pause: Callable[[float], None],
    kept: KeptTicket | None = None,
    request_key: str = "",
) -> Left | NotInQueue:
    """Take the player's ticket out. A ticket that the player shows and the store has lost is put back first, so that
    its end is known. `pause` waits so many seconds.

    Raises `AlreadyMatched` where a round was faster, `NotYet` where it may have been and PostgreSQL takes long to say.
    """
    outcome = store.leave(player_id, now_ms, request_key=request_key)
    if isinstance(outcome, NotInQueue) and kept is not None:
        put_back(store=store, kept=kept, rules=rules.queues[kept.queue], now_ms=now_ms)
        outcome = store.leave(player_id, now_ms, request_key=request_key)
    for seconds in WAITS_SECONDS:
        if isinstance(outcome, BeingMatched):
            pause(seconds)
            outcome = store.leave(player_id, now_ms, request_key=request_key)
    if isinstance(outcome, BeingMatched):
        raise NotYet("a match is being made with this ticket: ask again in a moment")
    if isinstance(outcome, Matched):
        raise AlreadyMatched(outcome)
    if isinstance(outcome, Left):
        logger.info(
            "User left queue after %d ms",
            outcome.waited_ms,
            extra={"player": player_id, "ticket": outcome.ticket_id, "queue": outcome.queue},
        )
    return outcome
