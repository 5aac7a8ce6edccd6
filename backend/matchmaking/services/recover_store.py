"""A store that was wiped, restarted or rolled back gets back what history knows."""

import logging
from collections.abc import Sequence

from django.db import transaction

from matchmaking.charge import InCharge, note_redis, read_charge, try_alone
from matchmaking.history import (
    accepted_among,
    called_off_of,
    ended_among,
    in_progress_among,
    live_matches,
    match_of,
    played_tickets,
    unknown_among,
)
from matchmaking.match import Match, MatchId, MatchStatus, PlayerId
from matchmaking.models import MatchRecord
from matchmaking.open_seats import changed_among
from matchmaking.rules import Rules
from matchmaking.services.record_matches import sweep_outbox
from matchmaking.stores.port import VolatileStore
from servers.stores.port import ServerPool

logger = logging.getLogger(__name__)


def recover_if_lost(
    *,
    store: VolatileStore,
    pool: ServerPool,
    known_servers: ServerPool | None,
    rules: Rules,
    charge: InCharge,
    word: str,
    now_ms: int,
) -> InCharge | None:
    """Where the store is another than the one that PostgreSQL noted, bring it up to what history knows.

    Answers who is in charge from now on, or None where somebody else is at it: no round may run before it is done.
    `word` is a fresh id, `known_servers` the pool in PostgreSQL, None where the store's own pool gives no seats.
    """
    if store.incarnation() == charge.redis_incarnation:
        return charge
    with transaction.atomic():
        if not try_alone():
            return None
        if store.incarnation() == read_charge().redis_incarnation:
            return read_charge()
        reconcile(store=store, pool=pool, known_servers=known_servers, rules=rules, now_ms=now_ms)
        note_redis(store.mark(word), now_ms)
        if charge.redis_incarnation:
            logger.warning("redis is another one than before, and holds what history knows: live matches and servers")
        else:
            logger.info("redis is known from now on")
        return read_charge()


def reconcile(
    *, store: VolatileStore, pool: ServerPool, known_servers: ServerPool | None, rules: Rules, now_ms: int
) -> None:
    """Make the store's live matches those of history, and its servers those that PostgreSQL knows.

    1. Claims that were on their way are written and announced, or taken back.
    2. What the store takes for live and history has ended, or never had, ends; what was accepted or has begun meanwhile
       is marked so; where others play than history says, it is as if the store did not know the match.
    3. Servers it does not know are made known.
    4. Live matches it does not know are made known, and their seats taken.
    5. Tickets that wait in it although they became a match end: that match is over, or their players have left it.
    """
    while sweep_outbox(store=store, now_ms=now_ms):
        pass
    live: set[MatchId] = set()
    for page in store.live():
        live |= set(page)
        for record in ended_among(page):
            _end(store, record)
        for match_id in unknown_among(page):
            forget_match(store, match_id)
        store.confirm([match_of(record) for record in accepted_among(page)])
        store.start([match_of(record) for record in in_progress_among(page)])
        live -= enter_changed_anew(store, page)
    for server in known_servers.list() if known_servers else ():
        pool.adopt(server)
    for matches in live_matches(but=live):
        store.enter(matches)
        # One that ended while it was entered was ended here before it was there.
        for record in ended_among([matched.match.id for matched in matches]):
            _end(store, record)
    # What waits there from before these expires at the next look: nobody has asked for it since.
    oldest_ms = now_ms - 2 * max(queue.ticket_ttl_ms for queue in rules.known.values())
    for tickets in played_tickets(since_ms=oldest_ms):
        store.drop_played(tickets)


def _end(store: VolatileStore, record: MatchRecord) -> None:
    called_off = called_off_of(record)
    if called_off is not None:
        store.call_off(called_off)
    else:
        store.end(match_of(record), MatchStatus(record.status))


def enter_changed_anew(store: VolatileStore, match_ids: Sequence[MatchId]) -> set[MatchId]:
    """Take matches out of the store in which others play than history says. Answers which: they are to be entered."""
    playing = {match.id: _players(match) for match in map(match_of, changed_among(match_ids))}
    anew = set()
    for matched in store.find_matches(list(playing)):
        if _players(matched.match) != playing[matched.match.id]:
            store.end(matched.match, MatchStatus.ABANDONED)
            anew.add(matched.match.id)
    return anew


def _players(match: Match) -> set[PlayerId]:
    return {player.id for player in match.players}


def forget_match(store: VolatileStore, match_id: MatchId) -> None:
    """A match that history never had was announced to nobody."""
    for matched in store.find_matches([match_id]):
        match: Match = matched.match
        store.end(match, MatchStatus.ABANDONED)
