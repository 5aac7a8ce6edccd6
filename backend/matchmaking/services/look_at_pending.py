"""A player asks about a match that waits for acceptance: how far it is, or what has become of the ticket since."""

from typing import TypeVar

from matchmaking.match import MatchId, MatchStatus, PlayerId
from matchmaking.models import MatchRecord
from matchmaking.rules import Rules
from matchmaking.services.pending_match import Acceptance, acceptance_of
from matchmaking.services.put_back import Known
from matchmaking.services.settle_unanswered import settle_one
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import Ended, Left, Matched
from players.stores.port import RatingCache

Outcome = TypeVar("Outcome", bound=Known | Left)


def look_at_pending(
    *, store: TicketStore, ratings: RatingCache, rules: Rules, outcome: Outcome, player_id: PlayerId, now_ms: int
) -> tuple[Outcome | Known, Acceptance | None]:
    """The outcome of a call as history knows it, and how far a match is that waits for acceptance.

    Where the time to accept is over, or a crash kept the ticket store from hearing what was decided, that is done now,
    and the store is asked again. Costs a query where a match waits for acceptance or was abandoned, else nothing.
    """
    if isinstance(outcome, Matched) and outcome.status is MatchStatus.PENDING_ACCEPTANCE:
        match_id = outcome.match.id
        record = MatchRecord.objects.filter(id=match_id).prefetch_related("participants").first()
        acceptance = acceptance_of(record, player_id, now_ms) if record is not None else None
        if record is None or (acceptance is not None and acceptance.seconds_left > 0):
            return outcome, acceptance
    elif isinstance(outcome, Ended) and outcome.status is MatchStatus.ABANDONED:
        match_id = outcome.match_id
        if not _waits_for_its_release(match_id, player_id):
            return outcome, None
    else:
        return outcome, None
    settle_one(store=store, ratings=ratings, rules=rules, match_id=match_id, now_ms=now_ms, is_behind=True)
    return store.status(player_id, now_ms), None


def _waits_for_its_release(match_id: MatchId, player_id: PlayerId) -> bool:
    fallen = MatchRecord.objects.filter(id=match_id, released_at=None)
    return fallen.filter(participants__player_id=player_id, participants__waits_again=True).exists()
