"""A match ends: ratings change once, players and seat are free again."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from errors import Conflict, StoreUnavailable, Unknown
from matchmaking.history import called_off_of, instant, match_of, teams_of
from matchmaking.match import MatchId, MatchStatus, PlayerId
from matchmaking.models import MatchRecord, Participant, SeatStatus
from matchmaking.rules import QueueRules, Rules
from matchmaking.services.tell_joins import tell_joins
from matchmaking.stores.port import TicketStore
from players.services.apply_result import apply_result
from players.stores.port import RatingCache

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a match ended: the rank of each team, 1 is best, or None where it was abandoned."""

    ranks: tuple[int, ...] | None

    @property
    def status(self) -> MatchStatus:
        return MatchStatus.ABANDONED if self.ranks is None else MatchStatus.COMPLETED


def find_record(*, match_id: MatchId) -> MatchRecord:
    """The match in history, where every match is that anybody was told of. Raises `Unknown`."""
    record = MatchRecord.objects.filter(id=match_id).prefetch_related("participants").first()
    if record is None:
        raise Unknown(f"there is no match {match_id}")
    return record


def settle_match(
    *, store: TicketStore, ratings: RatingCache, rules: Rules, match_id: MatchId, outcome: Outcome, now_ms: int
) -> MatchRecord:
    """End a match that is in history. The same outcome again changes nothing; another one raises `Conflict`."""
    with transaction.atomic():
        record = MatchRecord.objects.select_for_update().prefetch_related("participants").get(id=match_id)
        if record.status == MatchStatus.PENDING_ACCEPTANCE and outcome.ranks is None:
            call_off(record, out=frozenset(), now_ms=now_ms)
        elif record.status == MatchStatus.PENDING_ACCEPTANCE:
            raise Conflict("this match has not begun: its players are asked to accept it", match_status=record.status)
        elif MatchStatus(record.status).is_live:
            _end(record, outcome, _rules_of(record, rules), instant(now_ms))
        elif not _is_outcome_of(record, outcome):
            raise Conflict(
                f"this match has ended already: {record.status}", match_status=record.status, ranks=record.ranks
            )
    release_match(store=store, ratings=ratings, rules=rules, record=record, now_ms=now_ms)
    return record


def call_off(record: MatchRecord, *, out: Collection[PlayerId], now_ms: int) -> None:
    """The match falls: `out` and whoever shares a ticket with them are out of the queue, the others wait again. Inside
    the transaction that has locked the row; the ticket store is told by `release_match`."""
    participants = list(record.participants.all())
    parted = {one.ticket_id for one in participants if PlayerId(str(one.player_id)) in out}
    for one in participants:
        one.waits_again, one.is_live = one.ticket_id not in parted, False
    Participant.objects.bulk_update(participants, ["waits_again", "is_live"])
    record.status, record.ended_at = MatchStatus.ABANDONED, instant(now_ms)
    record.save(update_fields=["status", "ended_at"])


def _rules_of(record: MatchRecord, rules: Rules) -> QueueRules:
    """Those of the match's queue; the defaults where the queue is no more."""
    return rules.known.get(record.queue) or QueueRules(name=record.queue)


def _is_outcome_of(record: MatchRecord, outcome: Outcome) -> bool:
    ranks = None if outcome.ranks is None else list(outcome.ranks)
    return record.status == outcome.status and record.ranks == ranks


def _end(record: MatchRecord, outcome: Outcome, rules: QueueRules, now: datetime) -> None:
    if outcome.ranks is not None:
        _rate(record, outcome.ranks, rules)
        record.ranks = list(outcome.ranks)
    record.status = outcome.status
    record.ended_at = now
    record.save(update_fields=["status", "ended_at", "ranks"])
    record.participants.filter(is_live=True).update(is_live=False)
    record.open_seats.filter(status=SeatStatus.OPEN).update(status=SeatStatus.OVER)


def _rate(record: MatchRecord, ranks: Sequence[int], rules: QueueRules) -> None:
    """Those whom the match was made for; who left gains nothing, who came in is not rated."""
    participants = rated_of(record)
    changes = apply_result(
        queue=record.queue,
        model=rules.rating_model,
        teams=[[str(p.player_id) for p in participants if p.team == team] for team in teams_of(participants)],
        ranks=ranks,
        initial_rating=rules.initial_rating,
        k_factor=rules.k_factor,
        leavers={str(p.player_id) for p in participants if p.left_at is not None},
    )
    by_player = {change.player_id: change for change in changes}
    for participant in participants:
        if change := by_player.get(str(participant.player_id)):
            participant.rating_before, participant.rating_after = change.before, change.after
    Participant.objects.bulk_update(participants, ["rating_before", "rating_after"])


def rated_of(record: MatchRecord) -> list[Participant]:
    return [participant for participant in record.participants.all() if participant.joined_at is None]


def release_match(*, store: TicketStore, ratings: RatingCache, rules: Rules, record: MatchRecord, now_ms: int) -> bool:
    """Free players and seat of an ended match, tell joins the new ratings and traits.

    False where the ticket store does not answer: `settle_overdue` repeats it.
    """
    if record.released_at is not None:
        return True
    match = match_of(record)
    try:
        if record.status == MatchStatus.COMPLETED:
            players = [str(participant.player_id) for participant in rated_of(record)]
            tell_joins(cache=ratings, rules=_rules_of(record, rules), player_ids=players)
        called_off = called_off_of(record)
        if called_off is not None:
            store.call_off(called_off)
        else:
            store.end(match, MatchStatus(record.status))
    except StoreUnavailable as error:
        logger.warning("players and seat of a match are freed later: %s", error, extra={"match": match.id})
        return False
    record.released_at = instant(now_ms)
    record.save(update_fields=["released_at"])
    return True
