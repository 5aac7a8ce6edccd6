"""Tickets that nobody asks for any more."""

import logging
from dataclasses import replace

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


def end_tickets(*, store: TicketStore, closed: QueueRules, now_ms: int) -> list[TicketId]:
    """End every ticket of a queue that was closed: its players are told that it has expired. One that comes while the
    queue is being closed, by a process that does not know it yet, ends the next time."""
    return expire_tickets(store=store, rules=replace(closed, ticket_ttl_seconds=0.0), now_ms=now_ms)
