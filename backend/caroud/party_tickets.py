"""The ticket of a party whose member goes. Parties know nothing of queues, so they are handed this."""

import logging
import time

from django.conf import settings

from caroud import wiring
from errors import NotInCharge, StoreUnavailable
from matchmaking.match import PlayerId
from matchmaking.party import party_id_of
from matchmaking.services.leave_queue import AlreadyMatched, leave_queue
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import Waiting

logger = logging.getLogger(__name__)

#: By the store of `/api/matchmaking/`: the one beside it, which has a name only.
_BESIDE = {"redis": "postgres", "postgres": "redis"}


def take_out(party_id: str, player_id: str) -> None:
    """Where this player waits with this party, none of its members does any more; a match that was found stands. Any
    other ticket of the player stays."""
    _take_out_of(wiring.ticket_store(), party_id, PlayerId(player_id))
    beside = _BESIDE[settings.MATCHMAKING_BACKEND]
    try:
        _take_out_of(wiring.ticket_store(beside), party_id, PlayerId(player_id))
    except (StoreUnavailable, NotInCharge) as error:
        # Where few wait, and who does is matched or expires there as well.
        logger.warning("a party's ticket is not looked for in %s: %s", beside, error)


def _take_out_of(store: TicketStore, party_id: str, player_id: PlayerId) -> None:
    waiting = store.status(player_id, wiring.clock())
    if not isinstance(waiting, Waiting) or party_id_of(waiting.party) != party_id:
        return
    try:
        leave_queue(store=store, rules=wiring.rules(), player_id=player_id, now_ms=wiring.clock(), pause=time.sleep)
    except AlreadyMatched:
        logger.info("a match was found before the party changed; it stands", extra={"player": player_id})
