"""Tickets that nobody asks for any more."""

import logging

from matchmaking.match import TicketId
from matchmaking.rules import QueueRules
from matchmaking.stores.port import TicketStore

logger = logging.getLogger(__name__)


def expire_tickets(*, store: TicketStore, rules: QueueRules, now_ms: int) -> list[TicketId]:
    """End every ticket of the queue that was not asked for within its lifetime. Answers which."""
    expired: list[TicketId] = []
    while batch := store.expire(rules, now_ms):
        expired += batch
    if expired:
        logger.info(
            "%d tickets of %s expired", len(expired), rules.name, extra={"queue": rules.name, "ticket": expired[:20]}
        )
    return expired
