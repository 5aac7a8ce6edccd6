"""A player asks to be matched."""

import logging
from collections.abc import Callable, Sequence
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
    find_rating: Callable[[str], float],
    ask_for_round: Callable[[str], None],
    kept: KeptTicket | None = None,
) -> Waiting | Matched:
    """Put the player into the queues that the request names, or answer the ticket or live match there already is.
    `rules` are those of the first one. `kept` is the ticket that the player shows: one of the same queues that the
    store has lost is put back instead.

    `find_rating` answers the rating in a queue; it is called only where the store misses one. `ask_for_round` is called
    for each queue in which this is the first join since its last round began. Raises `Conflict` where the player waits
    in other queues.
    """
    if kept is not None and set(kept.queues) == set(request.queues):
        known = store.status(request.player_id, now_ms)
        if not isinstance(known, Waiting | Matched):
            known = put_back(store=store, kept=kept, rules=rules, now_ms=now_ms)
        if isinstance(known, Waiting | Matched):
            return known
    outcome = store.join(request, rules, now_ms)
    if isinstance(outcome, RatingMissing):
        outcome = store.join(replace(request, ratings=tuple(map(find_rating, request.queues))), rules, now_ms)
    if isinstance(outcome, Elsewhere):
        raise Conflict(
            f"queue: you are waiting in {_named(outcome.queues)}; leave before you join {_named(request.queues)}",
            field="queue",
            queue=outcome.queue,
            queues=list(outcome.queues),
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
        for queue in outcome.wanted_rounds:
            ask_for_round(queue)
    return outcome


def _named(queues: Sequence[str]) -> str:
    return " and ".join(map(repr, queues))
