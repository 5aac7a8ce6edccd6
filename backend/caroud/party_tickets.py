"""The ticket of a party whose member goes. Parties know nothing of queues, so they are handed this."""

import logging
import time

from django.conf import settings

from caroud import wiring
from errors import Conflict, NotInCharge, StoreUnavailable
from matchmaking.match import MatchStatus, PlayerId
from matchmaking.models import Participant
from matchmaking.party import party_id_of
from matchmaking.services.decline_match import decline_match
from matchmaking.services.leave_queue import AlreadyMatched, leave_queue
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import Matched, Waiting

logger = logging.getLogger(__name__)

#: By the store of `/api/matchmaking/`: the one beside it, which has a name only.
_BESIDE = {"redis": "postgres", "postgres": "redis"}


def take_out(party_id: str, player_id: str) -> None:
    """Where this player waits with this party, none of its members does any more; a match that was found stands, and
    one that they are asked about is declined. Any other ticket of the player stays."""
    _take_out_of(wiring.ticket_store(), party_id, PlayerId(player_id))
    beside = _BESIDE[settings.MATCHMAKING_BACKEND]
    try:
        _take_out_of(wiring.ticket_store(beside), party_id, PlayerId(player_id))
    except (StoreUnavailable, NotInCharge) as error:
        # Where few wait, and who does is matched or expires there as well.
        logger.warning("a party's ticket is not looked for in %s: %s", beside, error)


def _take_out_of(store: TicketStore, party_id: str, player_id: PlayerId) -> None:
    waiting = store.status(player_id, wiring.clock())
    if isinstance(waiting, Matched) and waiting.status is MatchStatus.PENDING_ACCEPTANCE:
        _decline(store, waiting, party_id, player_id)
        return
    if not isinstance(waiting, Waiting) or party_id_of(waiting.party) != party_id:
        return
    try:
        leave_queue(store=store, rules=wiring.rules(), player_id=player_id, now_ms=wiring.clock(), pause=time.sleep)
    except AlreadyMatched:
        logger.info("a match was found before the party changed; it stands", extra={"player": player_id})


def _decline(store: TicketStore, asked: Matched, party_id: str, player_id: PlayerId) -> None:
    """The ticket would wait again with a player who is in the party no more."""
    kept = Participant.objects.filter(match__id=asked.match.id, player_id=player_id).first()
    if kept is None or not kept.kept_ticket or party_id_of(kept.kept_ticket["party"]) != party_id:
        return
    try:
        decline_match(
            store=store,
            ratings=wiring.rating_cache(),
            rules=wiring.rules(),
            match_id=asked.match.id,
            player_id=player_id,
            now_ms=wiring.clock(),
        )
    except Conflict:
        logger.info("a match was accepted before the party changed; it stands", extra={"player": player_id})
