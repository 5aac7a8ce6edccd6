"""A player asks what became of the ticket."""

from matchmaking.match import PlayerId
from matchmaking.rules import Rules
from matchmaking.services.put_back import Known, put_back
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import KeptTicket, Matched, Waiting


def ticket_status(
    *, store: TicketStore, rules: Rules, player_id: PlayerId, kept: KeptTicket | None, now_ms: int
) -> Known:
    """What the store says; where it knows of no live ticket or match, what the player's own ticket says."""
    outcome = store.status(player_id, now_ms)
    if kept is None or isinstance(outcome, Waiting | Matched):
        return outcome
    return put_back(store=store, kept=kept, rules=rules.queues[kept.queue], now_ms=now_ms)
