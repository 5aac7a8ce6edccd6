"""A game server asks what it has to host; a server that is gone leaves its matches behind."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from errors import Conflict, Unknown
from matchmaking.history import live_matches
from matchmaking.match import MatchId, MatchStatus
from matchmaking.models import MatchRecord
from matchmaking.rules import Rules
from matchmaking.services.abandon_matches import abandon_matches
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import Matched
from players.stores.port import RatingCache
from players.tokens import ServerCaller
from servers.server import Absence, ServerId, ServerStatus
from servers.stores.port import ServerPool

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hosted:
    """What a server has to host: all its matches, and which of them it was not told of before."""

    matches: list[Matched]
    new: list[Matched]
    status: ServerStatus


def heartbeat(
    *,
    store: TicketStore,
    pool: ServerPool,
    caller: ServerCaller,
    cpu_usage: float | None,
    memory_usage: float | None,
    now_ms: int,
) -> Hosted:
    """The server is still here. Its new matches are in progress from now on.

    Raises `Unknown` where it has to register again, `Conflict` where a newer registration holds its place.
    """
    server_id = ServerId(caller.server_id)
    hosting = pool.heartbeat(server_id, caller.generation, now_ms, cpu_usage=cpu_usage, memory_usage=memory_usage)
    if isinstance(hosting, Absence):
        raise refusal_of(hosting)
    live = _to_host(store.find_matches([MatchId(match_id) for match_id in hosting.match_ids]))
    new = [one for one in live if one.status is MatchStatus.CREATED]
    if new:
        store.start([one.match for one in new])
        MatchRecord.objects.filter(id__in=[one.match.id for one in new], status=MatchStatus.CREATED).update(
            status=MatchStatus.IN_PROGRESS
        )
    return Hosted(matches=live, new=new, status=hosting.status)


def take_up_matches(
    *,
    store: TicketStore,
    ratings: RatingCache,
    rules: Rules,
    server_id: ServerId,
    running: Collection[str] | None,
    now_ms: int,
) -> list[Matched]:
    """A server has registered: make its live matches known where they were lost, and their seats taken.

    `running` are those that it says it runs, None where it says nothing: one that had begun there and is not among
    them is abandoned. Answers the matches that it has to host.
    """
    hosted: list[Matched] = []
    for matches in live_matches(on_server=server_id):
        over = [
            one.match.id
            for one in matches
            if running is not None and one.status is MatchStatus.IN_PROGRESS and one.match.id not in running
        ]
        abandon_matches(store=store, ratings=ratings, rules=rules, match_ids=over, now_ms=now_ms)
        kept = [one for one in matches if one.match.id not in over]
        store.enter(kept)
        hosted += kept
    return _to_host(hosted)


def _to_host(live: Sequence[Matched]) -> list[Matched]:
    """Those that a server is told of: a match that waits for acceptance has a seat, and may never come."""
    return [one for one in live if one.status is not MatchStatus.PENDING_ACCEPTANCE]


def remove_server(
    *,
    store: TicketStore,
    pool: ServerPool,
    ratings: RatingCache,
    rules: Rules,
    server_id: ServerId,
    generation: int | None,
    now_ms: int,
    silent_since_ms: int | None = None,
) -> int | Absence:
    """Take a server out of the pool, abandon its matches, forget it. Repeating finishes what was cut off.

    Answers how many matches were abandoned, or why the server is not to be removed.
    """
    left_behind = pool.lose(server_id, generation, silent_since_ms=silent_since_ms)
    if isinstance(left_behind, Absence):
        return left_behind
    abandoned = abandon_matches(store=store, ratings=ratings, rules=rules, match_ids=left_behind, now_ms=now_ms)
    pool.forget(server_id)
    return abandoned


def reap_stale_servers(
    *,
    store: TicketStore,
    pool: ServerPool,
    ratings: RatingCache,
    rules: Rules,
    heartbeat_ttl_seconds: float,
    now_ms: int,
) -> list[ServerId]:
    """Remove every server that has been silent for longer than its heartbeat may live. Answers which."""
    since_ms = now_ms - round(heartbeat_ttl_seconds * 1000)
    removed = []
    for server_id in pool.silent(since_ms):
        abandoned = remove_server(
            store=store,
            pool=pool,
            ratings=ratings,
            rules=rules,
            server_id=server_id,
            generation=None,
            now_ms=now_ms,
            silent_since_ms=since_ms,
        )
        if isinstance(abandoned, int):
            removed.append(server_id)
            logger.warning("server %s is lost: no heartbeat, %d matches abandoned", server_id, abandoned)
    return removed


def refusal_of(absence: Absence) -> Unknown | Conflict:
    """What a server is told that cannot be acted for."""
    if absence is Absence.STALE:
        return Conflict("this server has registered again since: use the newer token")
    return Unknown("this server is not registered (any more): register again at /api/servers/register/")
