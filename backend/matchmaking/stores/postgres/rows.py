"""Rows as values: tickets and matches as PostgreSQL answers them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from matchmaking.match import Match, MatchedPlayer, MatchId, MatchStatus, PlayerId, Seat, TicketId
from matchmaking.ticket import KeptTicket, Matched, TicketStatus

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Ticket:
    """One row of `matchmaking_ticket`."""

    player_id: PlayerId
    id: TicketId
    username: str
    queues: tuple[str, ...]
    region: str
    ratings: tuple[float, ...]
    joined_ms: int
    party: str
    traits: str
    status: TicketStatus
    changed_ms: int
    match_id: MatchId | None
    left_by: str
    is_fallback: bool

    @property
    def queue(self) -> str:
        return self.queues[0]

    @property
    def is_waiting(self) -> bool:
        return self.status is TicketStatus.WAITING

    def waited_ms(self, now_ms: int) -> int:
        return max(0, now_ms - self.joined_ms)

    def kept(self) -> KeptTicket:
        """The ticket as the other store takes it."""
        return KeptTicket(
            id=self.id,
            player_id=self.player_id,
            username=self.username,
            queues=self.queues,
            region=self.region,
            ratings=self.ratings,
            joined_ms=self.joined_ms,
            party=self.party,
            traits=self.traits,
        )


def a_ticket(row: Row) -> Ticket:
    player_id, ticket_id, username, queue, rating, other_queues, other_ratings, region, joined_ms, *rest = row
    party, traits, status, changed_ms, match_id, left_by, is_fallback = rest
    return Ticket(
        player_id=player_id,
        id=ticket_id,
        username=username,
        queues=(queue, *(other_queues or ())),
        region=region,
        ratings=(rating, *(other_ratings or ())),
        joined_ms=joined_ms,
        party=party or "",
        traits=traits,
        status=TicketStatus(status),
        changed_ms=changed_ms,
        match_id=match_id,
        left_by=left_by,
        is_fallback=is_fallback,
    )


def matches_of(rows: Iterable[Row]) -> list[Matched]:
    """Matches from rows of a player each, which are in the order of teams."""
    by_match: dict[str, list[Row]] = {}
    for row in rows:
        by_match.setdefault(row[0], []).append(row)
    return [_matched(match_rows) for match_rows in by_match.values()]


def _matched(rows: list[Row]) -> Matched:
    match_id, queue, region, status, server, created_ms = rows[0][:6]
    teams: dict[int, list[MatchedPlayer]] = {}
    for *_, team, player_id, username, rating, waited_ms, ticket_id, has_left in rows:
        player = MatchedPlayer(PlayerId(player_id), username, rating, waited_ms, TicketId(ticket_id))
        members = teams.setdefault(team, [])
        if not has_left:
            members.append(player)
    match = Match(
        id=MatchId(match_id),
        queue=queue,
        region=region,
        teams=tuple(tuple(players) for _, players in sorted(teams.items())),
        server=Seat(**json.loads(server)) if server else None,
        created_ms=created_ms,
    )
    return Matched(match=match, status=MatchStatus(status))
