"""A player does not want a match that asks for it: it falls."""

import logging

from django.db import transaction

from errors import Conflict
from matchmaking.history import instant
from matchmaking.match import MatchId, MatchStatus, PlayerId
from matchmaking.models import MatchRecord
from matchmaking.rules import Rules
from matchmaking.services.pending_match import (
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


def decline_match(
    *, store: TicketStore, ratings: RatingCache, rules: Rules, match_id: MatchId, player_id: PlayerId, now_ms: int
) -> MatchRecord:
    """The match falls: the player, and the rest of a party, is out of the queue; everybody else waits again in the same
    place. Also after having accepted, as long as not all have. Declining twice is the same.

    Raises `Unknown`, `NotAllowed` for whoever is not in the match, `Conflict` where it asks nobody, stands already, or
    fell so that the player waits again.
    """
    with transaction.atomic():
        record = lock_match_of(match_id, player_id)
        if record.status == MatchStatus.PENDING_ACCEPTANCE:
            is_late = record.accept_until is None or instant(now_ms) >= record.accept_until
            out = silent_players(record) if is_late else frozenset()
            call_off(record, out={player_id, *out}, now_ms=now_ms)
            logger.info("a match is declined", extra={"match": match_id, "player": player_id, "queue": record.queue})
    release_if_over(store=store, ratings=ratings, rules=rules, record=record, now_ms=now_ms)
    tell_accepted(store=store, record=record, now_ms=now_ms)
    _check_it_is_declined(record, player_id)
    return record


def _check_it_is_declined(record: MatchRecord, player_id: PlayerId) -> None:
    if record.accept_until is None:
        raise Conflict("this match asks nobody to accept it", match_status=record.status)
    waits_again = participant_of(record, player_id).waits_again
    if waits_again is None:
        raise Conflict("all have accepted this match: it stands", match_status=record.status)
    if waits_again:
        raise Conflict("this match has fallen, and you wait again in your place", match_status=record.status)
