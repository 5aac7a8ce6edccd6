"""A game server, or the studio's own back end, tells how a match ended."""

import logging
from collections.abc import Sequence

from errors import Conflict, Invalid, NotAllowed, Unknown
from matchmaking.history import teams_of
from matchmaking.match import MatchId, MatchStatus
from matchmaking.models import MatchRecord
from matchmaking.rules import Rules
from matchmaking.services.settle_match import Outcome, find_record, settle_match
from matchmaking.stores.port import TicketStore
from players.stores.port import RatingCache
from players.tokens import FleetCaller, ServerCaller
from servers.server import ServerId
from servers.stores.port import ServerPool

logger = logging.getLogger(__name__)


def report_result(
    *,
    store: TicketStore,
    pool: ServerPool,
    ratings: RatingCache,
    rules: Rules,
    caller: ServerCaller | FleetCaller,
    match_id: MatchId,
    ranks: Sequence[int] | None,
    now_ms: int,
) -> MatchRecord:
    """End the match with these ranks (1 is best, one a team), or as abandoned with `ranks=None`.

    Only the match's own server may, in the generation that is registered now; a match without a server is
    reported with the fleet key. Sent twice it changes nothing; a different result raises `Conflict`.
    """
    record = find_record(match_id=match_id)
    check_caller(caller, record, pool)
    if record.status == MatchStatus.PENDING_ACCEPTANCE:
        raise Conflict("this match has not begun: its players are asked to accept it", match_status=record.status)
    if ranks is not None:
        _check_ranks(ranks, record)
    outcome = Outcome(ranks=None if ranks is None else tuple(ranks))
    settled = settle_match(store=store, ratings=ratings, rules=rules, match_id=match_id, outcome=outcome, now_ms=now_ms)
    logger.info(
        "match ended: %s, ranks %s", settled.status, settled.ranks, extra={"match": match_id, "queue": record.queue}
    )
    return settled


def check_caller(caller: ServerCaller | FleetCaller, record: MatchRecord, pool: ServerPool) -> None:
    """The match's own server, in the generation that is registered now; the fleet for a match without a server."""
    if isinstance(caller, FleetCaller):
        if record.server_id is not None:
            raise NotAllowed("this match has a server: its server reports it")
        return
    if record.server_id != caller.server_id:
        raise NotAllowed("this match is not on this server")
    server = pool.find(ServerId(caller.server_id))
    if server is None:
        raise Unknown("this server is not registered (any more): register again")
    if server.generation != caller.generation:
        raise Conflict("this server has registered again since: use the newer token")


def _check_ranks(ranks: Sequence[int], record: MatchRecord) -> None:
    teams = len(teams_of(record.participants.all()))
    if len(ranks) != teams:
        raise Invalid(f"ranks: this match has {teams} teams, {len(ranks)} ranks were sent", field="ranks")
    if min(ranks) != 1 or max(ranks) > teams:
        raise Invalid(f"ranks: are from 1 (best, at least one team) to {teams}; equal ranks are a draw", field="ranks")
