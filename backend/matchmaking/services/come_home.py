"""Redis is back: what PostgreSQL held in its place goes home."""

import logging

from django.db import transaction

from matchmaking.charge import go_home, note_redis, read_charge, try_alone
from matchmaking.history import unknown_among
from matchmaking.match import PlayerId
from matchmaking.rules import Rules
from matchmaking.services.recover_store import reconcile
from matchmaking.stores.port import LeftBehind, StandIn, VolatileStore
from matchmaking.ticket import TicketStatus
from servers.stores.port import ServerPool

logger = logging.getLogger(__name__)

#: Tickets moved at a time.
BATCH = 500


def come_home(
    *,
    store: VolatileStore,
    stand_in: StandIn,
    pool: ServerPool,
    known_servers: ServerPool,
    rules: Rules,
    word: str,
    now_ms: int,
) -> bool:
    """Put the store in charge again. False where somebody else is at it, or it is in charge already.

    All in one transaction that holds the row of the charge: whoever asks meanwhile waits for its end, and a crash
    leaves the stand-in in charge, with every ticket that it held. Repeating it moves the rest.

    1. Claims that were not announced are taken back, for their epoch is over; but for matches that history has.
    2. The store's live matches and servers become those of history; what waits there and was played meanwhile ends.
    3. Tickets that waited go home with their arrival times; of others it is told how they ended.
    """
    with transaction.atomic():
        if not try_alone() or not read_charge(lock="FOR UPDATE").is_fallen_back:
            return False
        _take_back_claims(store, now_ms)
        reconcile(store=store, pool=pool, known_servers=known_servers, rules=rules, now_ms=now_ms)
        # Lost data takes no ticket before it is marked; should this transaction fail, the mark is not the noted one.
        incarnation = store.mark(word)
        moved = 0
        while batch := stand_in.left_behind(BATCH):
            moved += _move(store, batch, rules, now_ms)
            stand_in.cleared([left.kept.player_id for left in batch])
        note_redis(incarnation, now_ms - 1)
        go_home(now_ms)
    logger.warning("redis is in charge again: %d waiting tickets came home", moved)
    return True


def _take_back_claims(store: VolatileStore, now_ms: int) -> None:
    """A match that was written before the stores were switched, and not announced any more, was played meanwhile: it is
    announced, so that it ends here as it has ended there. Taken back, its tickets would wait and be matched again.
    Newcomers wait for a moment, whatever became of their match: what history says of it is told next."""
    while entries := [entry for entry in store.outbox(BATCH) if entry.match or entry.newcomers]:
        matches = [entry.match for entry in entries if entry.match]
        unwritten = set(unknown_among([match.id for match in matches]))
        store.acknowledge([match.id for match in matches if match.id not in unwritten])
        store.withdraw([match for match in matches if match.id in unwritten], now_ms)
        store.give_back([entry.newcomers for entry in entries if entry.newcomers], now_ms)


def _move(store: VolatileStore, batch: list[LeftBehind], rules: Rules, now_ms: int) -> int:
    """What the stand-in says of a player's ticket is newer than what the store still holds."""
    players: list[PlayerId] = [left.kept.player_id for left in batch]
    store.drop(players)
    store.note_ended([left for left in batch if left.status in (TicketStatus.LEFT, TicketStatus.EXPIRED)])
    waits = [left.kept.within(rules.queues) for left in batch if left.status is TicketStatus.WAITING]
    waiting = [kept for kept in waits if kept is not None]
    for kept in waiting:
        store.restore(kept, rules.queues[kept.queue], now_ms)
    return len(waiting)
