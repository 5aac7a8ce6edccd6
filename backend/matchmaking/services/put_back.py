"""A player shows a ticket that the store does not know (any more): it was wiped, or rolled back."""

import logging
from dataclasses import replace

from errors import Conflict
from matchmaking.engine.traits import traits_of, traits_text
from matchmaking.history import find_live_match, find_match_of_ticket, recent_opponents
from matchmaking.rules import QueueRules
from matchmaking.services.tell_joins import MOST_RECENT
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import Elsewhere, Ended, Expired, KeptTicket, Matched, NotInQueue, Waiting
from players.services.blocks import blocked_by

logger = logging.getLogger(__name__)

Known = Waiting | Matched | Ended | Expired | NotInQueue


def put_back(*, store: TicketStore, kept: KeptTicket, rules: QueueRules, now_ms: int) -> Known:
    """What has become of a ticket that the store does not know: a match that history has is made known again, else the
    ticket waits again, arrival time kept. A ticket that is known to have ended stays ended.

    Raises `Conflict` where the player waits in another queue.
    """
    if (live := find_live_match(kept.player_id)) is not None:
        store.enter([live])
        return live
    if (ended := find_match_of_ticket(kept.player_id, kept.id)) is not None:
        return ended
    outcome = store.restore(_with_others(kept, rules), rules, now_ms)
    if isinstance(outcome, Elsewhere):
        raise Conflict(
            f"you are waiting in {outcome.queue!r}", field="queue", queue=outcome.queue, queues=list(outcome.queues)
        )
    if isinstance(outcome, Waiting) and outcome.is_new:
        logger.warning(
            "a ticket is put back: %s waits again since %d ms ago",
            kept.username,
            now_ms - kept.joined_ms,
            extra={"player": kept.player_id, "ticket": kept.id, "queue": kept.queue},
        )
    return outcome


def _with_others(kept: KeptTicket, rules: QueueRules) -> KeptTicket:
    """With whom the player blocks and has met of late: a signed ticket does not tell, and a store that has lost the
    ticket has lost that as well."""
    met = recent_opponents(kept.queue, [kept.player_id], last=min(rules.rematch.last, MOST_RECENT))
    blocked = blocked_by([kept.player_id])
    traits = replace(
        traits_of(kept.traits),
        recent=met.get(kept.player_id, ()),
        blocked=frozenset(blocked.get(kept.player_id, ())),
    )
    return replace(kept, traits=traits_text(traits))
