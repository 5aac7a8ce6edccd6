"""A player asks about a match that waits for acceptance: how far it is, or what has become of the ticket since."""

import logging

from datastore.postgres import postgres_errors
from errors import StoreUnavailable
from matchmaking.match import MatchId, MatchStatus, PlayerId
from matchmaking.models import MatchRecord
from matchmaking.rules import Rules
from matchmaking.services.pending_match import Acceptance, acceptance_of
from matchmaking.services.put_back import Known
from matchmaking.services.settle_unanswered import settle_one
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import Ended, Matched
from players.stores.port import RatingCache

logger = logging.getLogger(__name__)


def look_at_pending(
    *,
    store: TicketStore,
    ratings: RatingCache,
    rules: Rules,
    outcome: Matched | Ended,
    player_id: PlayerId,
    now_ms: int,
) -> tuple[Known, Acceptance | None]:
    """The outcome of a call as history knows it, and how far a match is that waits for acceptance.

    Where the time to accept is over, or a crash kept the ticket store from hearing what was decided, that is done now,
    and the store is asked again. Costs a query or two where a match waits for acceptance or was abandoned, else
    nothing; while PostgreSQL is away, the store's word stands.
    """
    try:
        with postgres_errors():
            behind, acceptance = _look(outcome, player_id, now_ms)
            if behind is None:
                return outcome, acceptance
            settle_one(store=store, ratings=ratings, rules=rules, match_id=behind, now_ms=now_ms, is_behind=True)
    except StoreUnavailable as error:
        logger.warning("how far a match is with its acceptance is not known: %s", error, extra={"player": player_id})
        return outcome, None
    return store.status(player_id, now_ms), None


def _look(outcome: Matched | Ended, player_id: PlayerId, now_ms: int) -> tuple[MatchId | None, Acceptance | None]:
    """The match of which the store has not heard all, or how far it is."""
    if isinstance(outcome, Matched) and outcome.status is MatchStatus.PENDING_ACCEPTANCE:
        record = MatchRecord.objects.filter(id=outcome.match.id).prefetch_related("participants").first()
        acceptance = acceptance_of(record, player_id, now_ms) if record is not None else None
        is_known = record is None or (acceptance is not None and acceptance.seconds_left > 0)
        return (None, acceptance) if is_known else (outcome.match.id, None)
    if isinstance(outcome, Ended) and outcome.status is MatchStatus.ABANDONED:
        fallen = MatchRecord.objects.filter(id=outcome.match_id, released_at=None)
        waits_again = fallen.filter(participants__player_id=player_id, participants__waits_again=True)
        return (outcome.match_id if waits_again.exists() else None), None
    return None, None
