"""A player asks to be matched."""

import logging
from collections.abc import Callable
from dataclasses import replace

from errors import Conflict
from matchmaking.rules import QueueRules
from matchmaking.services.put_back import put_back
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import Elsewhere, JoinRequest, KeptTicket, Matched, RatingMissing, Waiting

logger = logging.getLogger(__name__)


def join_queue(
    *,
    store: TicketStore,
    request: JoinRequest,
    rules: QueueRules,
    now_ms: int,
    find_rating: Callable[[], float],
    ask_for_round: Callable[[str], None],
    kept: KeptTicket | None = None,
) -> Waiting | Matched:
    """Put the player into the queue, or answer the ticket or live match there already is. `kept` is the ticket that
    the player shows: one of this queue that the store has lost is put back instead.

    `find_rating` is called only where the store does not know the player's rating, `ask_for_round` only for
    the first join since the last round began. Raises `Conflict` where the player waits in another queue.
    """
    if kept is not None and kept.queue == rules.name:
        known = store.status(request.player_id, now_ms)
        if not isinstance(known, Waiting | Matched):
            known = put_back(store=store, kept=kept, rules=rules, now_ms=now_ms)
        if isinstance(known, Waiting | Matched):
            return known
    outcome = store.join(request, rules, now_ms)
    if isinstance(outcome, RatingMissing):
        outcome = store.join(replace(request, rating=find_rating()), rules, now_ms)
    if isinstance(outcome, Elsewhere):
        raise Conflict(
            f"queue: you are waiting in {outcome.queue!r}; leave it before you join {rules.name!r}",
            field="queue",
            queue=outcome.queue,
        )
    if isinstance(outcome, RatingMissing):
        raise AssertionError("a store that is given the rating cannot miss it")
    if isinstance(outcome, Waiting):
        if outcome.is_new:
            logger.info(
                "✅ User %s joined queue (ELO: %.0f)",
                request.username,
                outcome.rating,
                extra={"player": request.player_id, "ticket": outcome.ticket_id, "queue": rules.name},
            )
        if outcome.wants_round:
            ask_for_round(rules.name)
    return outcome
