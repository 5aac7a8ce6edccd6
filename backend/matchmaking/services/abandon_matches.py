"""Matches that no result can come for: their server is gone, or their time is over."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from errors import Conflict, Unknown
from matchmaking.history import instant
from matchmaking.match import MatchId
from matchmaking.models import MatchRecord
from matchmaking.rules import Rules
from matchmaking.services.seat_newcomers import tell_untold
from matchmaking.services.settle_match import Outcome, find_record, release_match, settle_match
from matchmaking.stores.port import TicketStore
from players.stores.port import RatingCache

logger = logging.getLogger(__name__)

#: Matches one task settles; the next one takes the rest.
SETTLE_BATCH = 200
#: Seconds after its end at which a match that was not released is released again.
RELEASE_AGAIN_AFTER_SECONDS = 5


def abandon_matches(
    *, store: TicketStore, ratings: RatingCache, rules: Rules, match_ids: Sequence[str], now_ms: int
) -> int:
    """End matches without a rating change; those with a result keep it. Answers how many were ended."""
    ended = 0
    for match_id in match_ids:
        try:
            find_record(match_id=MatchId(match_id))
            settle_match(
                store=store,
                ratings=ratings,
                rules=rules,
                match_id=MatchId(match_id),
                outcome=Outcome(ranks=None),
                now_ms=now_ms,
            )
            ended += 1
            logger.warning("match abandoned", extra={"match": match_id})
        except Conflict:
            _release(store, ratings, rules, match_id, now_ms)
        except Unknown:
            logger.info("a match is not announced yet, and is abandoned once it is", extra={"match": match_id})
    return ended


def _release(store: TicketStore, ratings: RatingCache, rules: Rules, match_id: str, now_ms: int) -> None:
    record = MatchRecord.objects.get(id=match_id)
    if record.released_at is not None:  # freed before, but the seat is held again: a store that was rolled back
        record.released_at = None
    release_match(store=store, ratings=ratings, rules=rules, record=record, now_ms=now_ms)


def settle_overdue(*, store: TicketStore, ratings: RatingCache, rules: Rules, now_ms: int) -> int:
    """Abandon matches older than their queue's `match_ttl_seconds`, or than any queue's where theirs is not known any
    more; finish the release of ended ones; tell the store who has left or come in, where it has not heard."""
    now = instant(now_ms)
    lifetimes = {queue: timedelta(seconds=known.match_ttl_seconds) for queue, known in rules.known.items()}
    live = MatchRecord.objects.filter(ended_at=None)
    of_queues = [(live.filter(queue=queue), lifetime) for queue, lifetime in lifetimes.items()]
    overdue: list[str] = []
    for matches, lifetime in [*of_queues, (live.exclude(queue__in=lifetimes), max(lifetimes.values()))]:
        old = matches.filter(created_at__lt=now - lifetime)
        overdue += [str(match_id) for match_id in old.values_list("id", flat=True)[:SETTLE_BATCH]]
    settled = abandon_matches(store=store, ratings=ratings, rules=rules, match_ids=overdue, now_ms=now_ms)
    ended_before = now - timedelta(seconds=RELEASE_AGAIN_AFTER_SECONDS)
    unreleased = MatchRecord.objects.filter(released_at=None, ended_at__lt=ended_before).order_by("ended_at")
    for record in unreleased.prefetch_related("participants")[:SETTLE_BATCH]:
        release_match(store=store, ratings=ratings, rules=rules, record=record, now_ms=now_ms)
    tell_untold(store=store, now_ms=now_ms)
    return settled
