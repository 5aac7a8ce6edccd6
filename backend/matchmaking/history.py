"""Matches into PostgreSQL: one statement for any number of them, and repeating it changes nothing."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from django.db import connection

from datastore.arrays import array_of, text_array_of
from datastore.batches import in_batches
from matchmaking.match import Match, MatchedPlayer, MatchId, MatchStatus, PlayerId, Seat, TicketId, seat_json
from matchmaking.models import MatchRecord, Participant
from matchmaking.prediction import win_probabilities
from matchmaking.ticket import CalledOff, Ended, KeptTicket, Matched, NotInQueue

#: Matches a statement. Larger saves round trips; smaller keeps the statement's text under some MB.
_BATCH = 2000
#: Live matches read at a time.
_READ_BATCH = 500

#: A match of which a player is in another live match stays out, and is answered; the others go in.
#: A ticket that waits in PostgreSQL for one of their players is matched by it.
#: All of it only under the epoch of the claim; whoever switches the stores waits until it is committed.
_INSERT = """
WITH charge AS (
    SELECT epoch FROM matchmaking_charge WHERE id = 1 FOR SHARE
), player AS (
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::smallint[], %s::float8[], %s::integer[], %s::text[],
                         %s::text[])
                  AS p (match_id, player_id, username, team, rating, waited_ms, ticket_id, kept_ticket)
), elsewhere AS (
    SELECT player.match_id, player.player_id
    FROM player JOIN matchmaking_participant live ON live.player_id = player.player_id AND live.is_live
    WHERE live.match_id <> player.match_id
), new_match AS (
    INSERT INTO matchmaking_matchrecord
        (id, queue, region, status, server_id, server, created_at, win_probabilities, accept_until)
    SELECT id, queue, region, status, server_id, server::jsonb, to_timestamp(created_ms / 1000.0), chances::jsonb,
           to_timestamp(accept_until_ms / 1000.0)
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[],
                %s::bigint[])
         AS m (id, queue, region, status, server_id, server, created_ms, chances, accept_until_ms)
    WHERE id NOT IN (SELECT match_id FROM elsewhere) AND (%s::bigint IS NULL OR %s = (SELECT epoch FROM charge))
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), new_participant AS (
    INSERT INTO matchmaking_participant
        (match_id, player_id, username, team, ticket_rating, waited_ms, ticket_id, kept_ticket, is_live)
    SELECT match_id, player_id, username, team, rating, waited_ms, ticket_id, kept_ticket::jsonb, true
    FROM player JOIN new_match ON new_match.id = player.match_id
    ORDER BY player_id
    RETURNING match_id, player_id
), matched_ticket AS (
    UPDATE matchmaking_ticket ticket SET status = 'matched', match_id = new.match_id, changed_ms = %s
    FROM new_participant new WHERE ticket.player_id = new.player_id AND ticket.status = 'waiting'
)
SELECT '', (SELECT epoch::text FROM charge) UNION ALL SELECT match_id::text, player_id::text FROM elsewhere
"""


_RECENT_OPPONENTS = """
SELECT me.player_id::text, opponent.player_id::text
FROM unnest(%s::uuid[]) AS me (player_id)
CROSS JOIN LATERAL (
    SELECT match.id, match.created_at, own.team
    FROM matchmaking_participant own JOIN matchmaking_matchrecord match ON match.id = own.match_id
    WHERE own.player_id = me.player_id AND match.queue = %s AND own.waits_again IS NULL
    ORDER BY match.created_at DESC, match.id DESC LIMIT %s
) played
JOIN matchmaking_participant opponent ON opponent.match_id = played.id AND opponent.team <> played.team
ORDER BY me.player_id, played.created_at DESC, played.id DESC, opponent.id
"""

_PLAYED_TICKETS = """
SELECT participant.player_id::text, participant.ticket_id
FROM matchmaking_matchrecord match JOIN matchmaking_participant participant ON participant.match_id = match.id
WHERE (match.created_at > %s OR (match.released_at IS NULL AND match.ended_at IS NOT NULL))
  AND (match.ended_at IS NOT NULL OR participant.left_at IS NOT NULL) AND participant.waits_again IS NOT TRUE
"""


@dataclass(frozen=True, slots=True)
class Refused:
    """A match that history does not take, and those of its players who are in another live match."""

    match: Match
    live_elsewhere: frozenset[PlayerId]


class OlderEpoch(Exception):
    """The stores have been switched since these matches were claimed: none of them was written."""


def instant(milliseconds: int) -> datetime:
    """Milliseconds since the epoch as an aware datetime."""
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def record_matches(
    matches: Sequence[Match],
    *,
    epoch: int | None = None,
    tickets: Mapping[PlayerId, KeptTicket] = MappingProxyType({}),
    now_ms: int | None = None,
) -> list[Refused]:
    """Write matches and their participants; those already there stay as they are. Answers which were refused.

    Of a match that waits for acceptance, also the `tickets` of its players; the time to accept begins at `now_ms`, or
    with the match.

    One statement per batch, so a match is there with all its players or not at all. Raises `OlderEpoch` where another
    epoch has begun than the one that they were claimed under; None does not ask.
    """
    refused: list[Refused] = []
    for batch in in_batches(matches, _BATCH):
        refused += _record_batch(batch, epoch, tickets, now_ms)
    return refused


def _record_batch(
    matches: Sequence[Match], epoch: int | None, tickets: Mapping[PlayerId, KeptTicket], now_ms: int | None
) -> list[Refused]:
    players = [
        (match.id, player, team)
        for match in matches
        for team, members in enumerate(match.teams, start=1)
        for player in members
    ]
    columns: list[Any] = [
        array_of(match_id for match_id, _, _ in players),
        array_of(player.id for _, player, _ in players),
        text_array_of(player.username for _, player, _ in players),
        array_of(team for _, _, team in players),
        array_of(player.rating for _, player, _ in players),
        array_of(player.waited_ms for _, player, _ in players),
        text_array_of(player.ticket_id for _, player, _ in players),
        text_array_of(tickets[player.id].to_json() if player.id in tickets else None for _, player, _ in players),
        array_of(match.id for match in matches),
        text_array_of(match.queue for match in matches),
        text_array_of(match.region for match in matches),
        text_array_of(match.first_status.value for match in matches),
        text_array_of(match.server.id if match.server else None for match in matches),
        text_array_of(seat_json(match.server) if match.server else None for match in matches),
        array_of(match.created_ms for match in matches),
        # A list of numbers is JSON as Python writes it.
        text_array_of(str(chances) if chances else None for chances in win_probabilities(matches)),
        text_array_of(_accept_until_ms(match, now_ms) for match in matches),
        epoch,
        epoch,
        max((match.created_ms for match in matches), default=0),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        (_, epoch_now), *rows = cursor.fetchall()
        if epoch is not None and epoch_now != str(epoch):
            raise OlderEpoch
        elsewhere: dict[str, set[PlayerId]] = {}
        for match_id, player_id in rows:
            elsewhere.setdefault(match_id, set()).add(PlayerId(player_id))
    return [Refused(match, frozenset(elsewhere[match.id])) for match in matches if match.id in elsewhere]


def _accept_until_ms(match: Match, now_ms: int | None) -> str | None:
    begin_ms = match.created_ms if now_ms is None else now_ms
    return str(begin_ms + match.acceptance_ms) if match.acceptance_ms else None


def find_live_match(player_id: PlayerId) -> Matched | None:
    """The live match of a player, whichever store made it."""
    live = Participant.objects.filter(player_id=player_id, is_live=True).values("match_id")
    record = MatchRecord.objects.filter(id__in=live).prefetch_related("participants").first()
    return None if record is None else Matched(match=match_of(record), status=MatchStatus(record.status))


def find_match_of_ticket(player_id: PlayerId, ticket_id: TicketId) -> Ended | NotInQueue | None:
    """The match that a player's ticket became, where that match is over; none that fell, so that the ticket waits
    again. `NotInQueue` where the player has left it."""
    if Participant.objects.filter(player_id=player_id, ticket_id=ticket_id, left_at__isnull=False).exists():
        return NotInQueue()
    ended = Participant.objects.filter(player_id=player_id, ticket_id=ticket_id, match__ended_at__isnull=False)
    record = MatchRecord.objects.filter(id__in=ended.exclude(waits_again=True).values("match_id")).first()
    return None if record is None else Ended(match_id=MatchId(str(record.id)), status=MatchStatus(record.status))


def live_matches(*, but: Collection[MatchId] = (), on_server: str | None = None) -> Iterator[list[Matched]]:
    """Every live match, or every one on a server, some hundred at a time, but those."""
    known = set(but)
    live = MatchRecord.objects.filter(ended_at=None)
    if on_server is not None:
        live = live.filter(server_id=on_server)
    ids = [str(match_id) for match_id in live.values_list("id", flat=True) if str(match_id) not in known]
    for batch in in_batches(ids, _READ_BATCH):
        records = MatchRecord.objects.filter(id__in=batch, ended_at=None).prefetch_related("participants")
        yield [Matched(match=match_of(record), status=MatchStatus(record.status)) for record in records]


def ended_among(match_ids: Sequence[MatchId]) -> list[MatchRecord]:
    """Those of these matches that are over."""
    return list(MatchRecord.objects.filter(id__in=match_ids, ended_at__isnull=False).prefetch_related("participants"))


def played_tickets(*, since_ms: int) -> Iterator[list[tuple[PlayerId, TicketId]]]:
    """Tickets that became matches made since then, or matches that the ticket store was not told the end of, and that
    are no more: the match is over, or its player has left it. Some hundred at a time; not those that wait again."""
    with connection.cursor() as cursor:
        cursor.execute(_PLAYED_TICKETS, [instant(since_ms)])
        while rows := cursor.fetchmany(_READ_BATCH):
            yield [(PlayerId(player_id), TicketId(ticket_id)) for player_id, ticket_id in rows]


def in_progress_among(match_ids: Sequence[MatchId]) -> list[MatchRecord]:
    """Those of these matches that a server has taken up and that are not over."""
    begun = MatchRecord.objects.filter(id__in=match_ids, status=MatchStatus.IN_PROGRESS)
    return list(begun.prefetch_related("participants"))


def called_off_of(record: MatchRecord) -> CalledOff | None:
    """The match as one that was not accepted, and whose tickets wait again; None where it ended in another way."""
    participants = list(record.participants.all())
    if record.ended_at is None or all(one.waits_again is None for one in participants):
        return None
    back = {
        PlayerId(str(one.player_id)): KeptTicket.from_tree(one.kept_ticket) if one.kept_ticket else None
        for one in participants
        if one.waits_again
    }
    return CalledOff(match=match_of(record), back=back, at_ms=round(record.ended_at.timestamp() * 1000))


def accepted_among(match_ids: Sequence[MatchId]) -> list[MatchRecord]:
    """Those of these matches that all players have accepted and that are not over."""
    accepted = MatchRecord.objects.filter(id__in=match_ids, accept_until__isnull=False, ended_at=None)
    return list(accepted.exclude(status=MatchStatus.PENDING_ACCEPTANCE).prefetch_related("participants"))


def recent_opponents(queue: str, player_ids: Collection[str], *, last: int) -> dict[str, tuple[str, ...]]:
    """Whom each player met in the queue of late, the last one first, `last` at most; once for each meeting."""
    if not last or not player_ids:
        return {}
    met: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_RECENT_OPPONENTS, [list(player_ids), queue, last])
        for player_id, opponent_id in cursor.fetchall():
            met.setdefault(player_id, []).append(opponent_id)
    return {player_id: tuple(opponents[:last]) for player_id, opponents in met.items()}


def unknown_among(match_ids: Sequence[MatchId]) -> list[MatchId]:
    """Those of these ids that history does not have."""
    known = {str(match_id) for match_id in MatchRecord.objects.filter(id__in=match_ids).values_list("id", flat=True)}
    return [match_id for match_id in match_ids if match_id not in known]


def teams_of(participants: Iterable[Participant]) -> list[int]:
    """The numbers of a match's teams, in order."""
    return sorted({participant.team for participant in participants})


def match_of(record: MatchRecord) -> Match:
    """A match as stores know it, from history: with those who play now, or played to the end. A team may be empty."""
    participants = list(record.participants.all())
    return Match(
        id=MatchId(str(record.id)),
        queue=record.queue,
        region=record.region,
        teams=tuple(
            tuple(_matched_player(p) for p in participants if p.team == team and p.left_at is None)
            for team in teams_of(participants)
        ),
        server=Seat(**record.server) if record.server else None,
        created_ms=round(record.created_at.timestamp() * 1000),
    )


def _matched_player(participant: Participant) -> MatchedPlayer:
    return MatchedPlayer(
        id=PlayerId(str(participant.player_id)),
        username=participant.username,
        rating=participant.ticket_rating,
        waited_ms=participant.waited_ms,
        ticket_id=TicketId(participant.ticket_id),
    )
