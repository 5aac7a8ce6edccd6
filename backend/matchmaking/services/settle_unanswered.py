"""The time to accept is over; and what a crash left between history and the ticket store."""

import logging

from django.db import transaction

from matchmaking.history import instant
from matchmaking.match import MatchId, MatchStatus
from matchmaking.models import MatchRecord
from matchmaking.rules import Rules
from matchmaking.services.pending_match import release_if_over, silent_players, tell_accepted
from matchmaking.services.settle_match import call_off
from matchmaking.stores.port import TicketStore
from players.stores.port import RatingCache

logger = logging.getLogger(__name__)

#: Matches one sweep settles; the next one takes the rest.
SETTLE_BATCH = 200
#: Milliseconds after its end at which a match is released again: time for whoever ended it to do so.
RELEASE_AGAIN_AFTER_MS = 2_000


def settle_unanswered(*, store: TicketStore, ratings: RatingCache, rules: Rules, now_ms: int) -> int:
    """Call off matches that were not accepted in time; tell the ticket store of those that were, and of those that have
    ended, where it has not heard of it. Answers how many fell. Repeating it changes nothing."""
    asked = MatchRecord.objects.filter(accept_until__isnull=False, confirmed_at=None, ended_at=None)
    overdue = asked.filter(status=MatchStatus.PENDING_ACCEPTANCE, accept_until__lte=instant(now_ms))
    untold = asked.exclude(status=MatchStatus.PENDING_ACCEPTANCE)  # many, while Redis is away: in a batch of their own
    due = [
        match_id
        for matches in (overdue, untold)
        for match_id in matches.order_by("accept_until").values_list("id", flat=True)[:SETTLE_BATCH]
    ]
    fallen = 0
    for match_id in due:
        record = settle_one(store=store, ratings=ratings, rules=rules, match_id=MatchId(str(match_id)), now_ms=now_ms)
        fallen += record.ended_at is not None
    unreleased = MatchRecord.objects.filter(
        released_at=None, accept_until__isnull=False, ended_at__lt=instant(now_ms - RELEASE_AGAIN_AFTER_MS)
    )
    for record in unreleased.order_by("ended_at").prefetch_related("participants")[:SETTLE_BATCH]:
        release_if_over(store=store, ratings=ratings, rules=rules, record=record, now_ms=now_ms)
    return fallen


def settle_one(
    *,
    store: TicketStore,
    ratings: RatingCache,
    rules: Rules,
    match_id: MatchId,
    now_ms: int,
    is_behind: bool = False,
) -> MatchRecord:
    """Bring one match as far as it is: called off where its time is over, and the ticket store told; also again, where
    it `is_behind`: it says what history knows better."""
    with transaction.atomic():
        matches = MatchRecord.objects.select_for_update().prefetch_related("participants")
        record = matches.get(id=match_id)
        is_late = record.accept_until is None or record.accept_until <= instant(now_ms)
        if record.status == MatchStatus.PENDING_ACCEPTANCE and is_late:
            silent = silent_players(record)
            call_off(record, out=silent, now_ms=now_ms)
            logger.info(
                "a match was not accepted in time: %d of its players are out", len(silent), extra={"match": match_id}
            )
    if is_behind:
        record.released_at = record.confirmed_at = None
    release_if_over(store=store, ratings=ratings, rules=rules, record=record, now_ms=now_ms)
    tell_accepted(store=store, record=record, now_ms=now_ms)
    return record
