"""A match that waits for acceptance: what those who decide about it share. See `docs/adr/0007`.

PostgreSQL decides, with the row of the match locked; the ticket store is told afterwards, and again where that failed.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from errors import NotAllowed, StoreUnavailable, Unknown
from matchmaking.history import instant, match_of
from matchmaking.match import MatchId, MatchStatus, PlayerId
from matchmaking.models import MatchRecord, Participant
from matchmaking.rules import Rules
from matchmaking.services.settle_match import release_match
from matchmaking.stores.port import TicketStore
from players.stores.port import RatingCache

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How far the players of a match are with accepting it, as one of them sees it."""

    accepted: int
    of: int
    is_by_player: bool
    until: datetime
    seconds_left: float


def lock_match_of(match_id: MatchId, player_id: PlayerId) -> MatchRecord:
    """The match with its players, its row locked. Raises `Unknown`, and `NotAllowed` for anybody else's match."""
    matches = MatchRecord.objects.select_for_update().filter(id=match_id)
    record = matches.prefetch_related("participants").first()
    if record is None:
        raise Unknown(f"there is no match {match_id}")
    participant_of(record, player_id)
    return record


def participant_of(record: MatchRecord, player_id: PlayerId) -> Participant:
    """Raises `NotAllowed` where the player is not in the match."""
    for participant in record.participants.all():
        if str(participant.player_id) == player_id:
            return participant
    raise NotAllowed("this match is for its participants")


def silent_players(record: MatchRecord) -> frozenset[PlayerId]:
    """Those who have not accepted."""
    return frozenset(PlayerId(str(one.player_id)) for one in record.participants.all() if one.accepted_at is None)


def acceptance_of(record: MatchRecord, player_id: PlayerId, now_ms: int) -> Acceptance | None:
    """None where the match does not wait for it (any more)."""
    if record.status != MatchStatus.PENDING_ACCEPTANCE or record.accept_until is None:
        return None
    participants = list(record.participants.all())
    accepted = [str(one.player_id) for one in participants if one.accepted_at is not None]
    left = (record.accept_until - instant(now_ms)).total_seconds()
    return Acceptance(
        accepted=len(accepted),
        of=len(participants),
        is_by_player=player_id in accepted,
        until=record.accept_until,
        seconds_left=max(0.0, left),
    )


def begin_if_all_accept(record: MatchRecord) -> None:
    """Inside the transaction that has locked the row."""
    if not silent_players(record):
        record.status = MatchStatus.CREATED
        record.save(update_fields=["status"])
        logger.info("all have accepted", extra={"match": str(record.id), "queue": record.queue})


def tell_accepted(*, store: TicketStore, record: MatchRecord, now_ms: int) -> bool:
    """Tell the ticket store that all have accepted, once. False where it does not answer: the sweep repeats it."""
    is_pending = record.status == MatchStatus.PENDING_ACCEPTANCE
    if is_pending or record.accept_until is None or record.confirmed_at is not None or record.ended_at is not None:
        return True
    try:
        store.confirm([match_of(record)])
    except StoreUnavailable as error:
        logger.info("an accepted match is told later: %s", error, extra={"match": str(record.id)})
        return False
    record.confirmed_at = instant(now_ms)
    record.save(update_fields=["confirmed_at"])
    return True


def release_if_over(
    *, store: TicketStore, ratings: RatingCache, rules: Rules, record: MatchRecord, now_ms: int
) -> None:
    """Tell the ticket store of a match that has fallen, if it has not heard of it."""
    if record.ended_at is not None:
        release_match(store=store, ratings=ratings, rules=rules, record=record, now_ms=now_ms)
