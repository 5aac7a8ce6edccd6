"""Open seats of running matches in PostgreSQL: who left, and what is still open."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import OuterRef, Subquery

from matchmaking import engine  # OpenSeats is loaded, with numba, by the process that runs the first round
from matchmaking.history import instant
from matchmaking.match import MatchedPlayer, MatchId, Newcomers, PlayerId, TicketId
from matchmaking.models import MatchRecord, OpenSeat, Participant, SeatStatus, Ticket
from matchmaking.ticket import TicketStatus

if TYPE_CHECKING:
    from matchmaking.engine.backfill import OpenSeats

#: The seats that are offered in a queue, team by team: where, how many and since when, ms; the match's region; of all
#: who ever were in the match team, player, rating and whether he left; whom those who play have blocked.
_OFFERED = """
WITH seats AS (
    SELECT match_id, team, count(*) AS seats, min(opened_at) AS opened_at FROM matchmaking_openseat
    WHERE status = 'open' AND ends_at > %(now)s GROUP BY match_id, team
)
SELECT m.id::text, seats.team, seats.seats, round(extract(epoch FROM seats.opened_at) * 1000)::bigint,
       coalesce(nullif(m.region, ''), m.server->>'region', ''),
       players.teams, players.ids, players.ratings, players.have_left,
       ARRAY(SELECT block.blocked_id::text FROM players_block AS block
             JOIN matchmaking_participant AS p ON p.player_id = block.player_id
             WHERE p.match_id = m.id AND p.left_at IS NULL)
FROM seats JOIN matchmaking_matchrecord AS m ON m.id = seats.match_id
CROSS JOIN LATERAL (
    SELECT array_agg(p.team::integer ORDER BY p.id) AS teams, array_agg(p.player_id::text ORDER BY p.id) AS ids,
           array_agg(p.ticket_rating ORDER BY p.id) AS ratings,
           array_agg(p.left_at IS NOT NULL ORDER BY p.id) AS have_left
    FROM matchmaking_participant AS p WHERE p.match_id = m.id
) AS players
WHERE m.queue = %(queue)s AND m.status IN ('created', 'in_progress')
"""


def offered_seats(queue: str, now_ms: int) -> "list[OpenSeats]":
    """The open seats of a queue's running matches, as the engine takes them; `team` counts from 0 there. Who has left a
    match counts as blocked: he does not come back."""
    with connection.cursor() as cursor:
        cursor.execute(_OFFERED, {"queue": queue, "now": instant(now_ms)})
        return [_openings(*row) for row in cursor.fetchall()]


def _openings(
    match_id: str,
    team: int,
    seats: int,
    opened_ms: int,
    region: str,
    teams: Sequence[int],
    ids: Sequence[str],
    ratings: Sequence[float],
    have_left: Sequence[bool],
    blocked: Sequence[str],
) -> "OpenSeats":
    rows = list(zip(teams, ids, ratings, have_left, strict=True))
    return engine.OpenSeats(
        match_id=match_id,
        team=team - 1,
        seats=seats,
        ratings=tuple(
            tuple(rating for its_team, _, rating, has_left in rows if its_team == number and not has_left)
            for number in sorted(set(teams))
        ),
        region=region,
        players=frozenset(player for _, player, _, has_left in rows if not has_left),
        blocked=frozenset(blocked) | {player for _, player, _, has_left in rows if has_left},
        opened_ms=opened_ms,
    )


def asked_seats(match_id: MatchId) -> list[OpenSeat]:
    """The seats that were asked for in a match, in the order in which their players left; each with `newcomer_name` and
    `newcomer_rating` of whoever fills it. One statement: a newcomer may come between two."""
    newcomer = Participant.objects.filter(match=OuterRef("match"), player_id=OuterRef("filled_by"))
    found = OpenSeat.objects.filter(match__id=match_id).annotate(
        newcomer_name=Subquery(newcomer.values("username")), newcomer_rating=Subquery(newcomer.values("ticket_rating"))
    )
    return list(found.order_by("id"))


def unseat_newcomers(newcomers: Newcomers) -> None:
    """They never came: their seats are open again. In the transaction that holds the match's row."""
    for player in newcomers.players:
        came = Participant.objects.filter(
            match__id=newcomers.match_id, player_id=player.id, ticket_id=player.ticket_id, joined_at__isnull=False
        )
        came.delete()
    ids = [player.id for player in newcomers.players]
    seats = OpenSeat.objects.filter(match__id=newcomers.match_id, filled_by__in=ids)
    seats.update(status=SeatStatus.OPEN, filled_by=None)


def live_elsewhere(newcomers: Newcomers) -> list[PlayerId]:
    """Those of them who are in a live match."""
    ids = [player.id for player in newcomers.players]
    found = Participant.objects.filter(player_id__in=ids, is_live=True).values_list("player_id", flat=True)
    return [PlayerId(str(player)) for player in found]


def leave_match(record: MatchRecord, leaver: Participant, now_ms: int) -> None:
    """The player plays no longer, and may join again. In the transaction that holds the match's row."""
    leaver.left_at, leaver.is_live = instant(now_ms), False
    leaver.save(update_fields=["left_at", "is_live"])
    Ticket.objects.filter(player_id=leaver.player_id, match_id=record.id, status=TicketStatus.MATCHED).update(
        status=TicketStatus.LEFT, changed_ms=now_ms, left_by=""
    )


def offer_seat(record: MatchRecord, leaver: Participant, now_ms: int, *, lifetime_ms: int) -> OpenSeat:
    """The leaver's seat is open, for so long from now. One that is open or filled stays as it is."""
    now, ends_at = instant(now_ms), instant(now_ms + lifetime_ms)
    seat, is_new = OpenSeat.objects.get_or_create(
        match=record,
        leaver_id=leaver.player_id,
        defaults={"team": leaver.team, "opened_at": now, "ends_at": ends_at},
    )
    if not is_new and (seat.status == SeatStatus.WITHDRAWN or (seat.status == SeatStatus.OPEN and seat.ends_at <= now)):
        seat.status, seat.opened_at, seat.ends_at = SeatStatus.OPEN, now, ends_at
        seat.save(update_fields=["status", "opened_at", "ends_at"])
    return seat


def leavers_of(record: MatchRecord) -> list[MatchedPlayer]:
    """Who has left the match."""
    return [
        MatchedPlayer(PlayerId(str(p.player_id)), p.username, p.ticket_rating, p.waited_ms, TicketId(p.ticket_id))
        for p in record.participants.all()
        if p.left_at is not None
    ]


def untold_matches(limit: int) -> list[MatchId]:
    """Matches whose players have changed, and the ticket store has not heard of it."""
    found = OpenSeat.objects.filter(told_at=None).order_by("match_id").values_list("match_id", flat=True).distinct()
    return [MatchId(str(match_id)) for match_id in found[:limit]]


def changed_among(match_ids: Sequence[MatchId]) -> list[MatchRecord]:
    """Those of these matches that are live, and whose players have changed."""
    changed = OpenSeat.objects.filter(match__in=list(match_ids)).values("match_id")
    live = MatchRecord.objects.filter(id__in=changed, ended_at=None)
    return list(live.prefetch_related("participants"))
