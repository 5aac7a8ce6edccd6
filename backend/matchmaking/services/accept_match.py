"""A player is ready for a match that asks for it. Once all are, it stands."""

import logging

from django.db import transaction

from errors import Conflict
from matchmaking.history import instant
from matchmaking.match import MatchId, MatchStatus, PlayerId
from matchmaking.models import MatchRecord
from matchmaking.rules import Rules
from matchmaking.services.pending_match import (
    begin_if_all_accept,
    lock_match_of,
    participant_of,
    release_if_over,
    silent_players,
    tell_accepted,
)
from matchmaking.services.settle_match import call_off
from matchmaking.stores.port import TicketStore
from players.stores.port import RatingCache

logger = logging.getLogger(__name__)


def accept_match(
    *, store: TicketStore, ratings: RatingCache, rules: Rules, match_id: MatchId, player_id: PlayerId, now_ms: int
) -> MatchRecord:
    """Note that the player accepts; the last of all makes the match `created`. Accepting twice is the same.

    Raises `Unknown`, `NotAllowed` for whoever is not in the match, `Conflict` where it asks nobody, has fallen or its
    time is over.
    """
    with transaction.atomic():
        record = lock_match_of(match_id, player_id)
        if record.status == MatchStatus.PENDING_ACCEPTANCE:
            _accept(record, player_id, now_ms)
    release_if_over(store=store, ratings=ratings, rules=rules, record=record, now_ms=now_ms)
    tell_accepted(store=store, record=record, now_ms=now_ms)
    _check_it_stands(record, player_id)
    return record


def _accept(record: MatchRecord, player_id: PlayerId, now_ms: int) -> None:
    if record.accept_until is None or instant(now_ms) >= record.accept_until:
        call_off(record, out=silent_players(record), now_ms=now_ms)
        return
    participant = participant_of(record, player_id)
    if participant.accepted_at is None:
        participant.accepted_at = instant(now_ms)
        participant.save(update_fields=["accepted_at"])
    begin_if_all_accept(record)


def _check_it_stands(record: MatchRecord, player_id: PlayerId) -> None:
    if record.accept_until is None:
        raise Conflict("this match asks nobody to accept it", match_status=record.status)
    participant = participant_of(record, player_id)
    if participant.waits_again is not None:
        became = "you wait again in your place" if participant.waits_again else "you are out of the queue"
        raise Conflict(f"this match has fallen, {became}", match_status=record.status)
