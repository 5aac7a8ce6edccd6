"""One batch of proposals into matches, in one transaction: a handful of statements, however many proposals."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from datastore.postgres import execute, fetch_all
from matchmaking.match import Claims, Match, MatchedPlayer, MatchStatus, PlayerId, Proposal, Seat
from matchmaking.prediction import win_probabilities
from matchmaking.rules import Placement, QueueRules
from matchmaking.stores.postgres import statements as sql
from matchmaking.stores.postgres.seats import FreeSeats, ReadyServer
from matchmaking.stores.whole_parties import parts_a_party

#: The slot of `QueueCount` in which rounds count.
ROUNDS_SLOT = 16


class _Free(NamedTuple):
    """A ticket that is locked and waits: the player as the match would have him, his region and his party."""

    player: MatchedPlayer
    region: str
    party: str


@dataclass(frozen=True, slots=True)
class ClaimBatch:
    """What a batch works with; `claim` has to run inside a transaction.

    1. Lock the tickets that wait, passing over those that somebody else holds; lock the servers.
    2. Decide, proposal by proposal, in order: its tickets, its seat.
    3. Write all matches and their players. Who is in a live match already is refused by an index: `IntegrityError`.
    4. Write the tickets' new status, and count.
    """

    rules: QueueRules
    stands_in: bool
    has_seats: bool
    now_ms: int

    def claim(self, proposals: Sequence[Proposal]) -> Claims:
        free = self._lock_tickets(proposals)
        seats = self._lock_seats() if free else FreeSeats([], {})
        matches: list[Match] = []
        taken = without_seat = 0
        for proposal in proposals:
            teams = _teams_of(proposal, free)
            if teams is None:
                taken += 1
                continue
            region = _region_of(teams) if proposal.region is None else proposal.region
            seat = None if self.rules.placement is Placement.NONE else seats.find(region)
            if seat is None and self.rules.placement is Placement.REQUIRED:
                without_seat += 1
                continue
            if seat:
                seats.take(seat)
            matches.append(self._match(proposal, teams, region, seat))
            for entrants in proposal.teams:
                for entrant in entrants:
                    del free[entrant.player_id]
        if matches:
            self._write(matches)
        return Claims(matches, taken, without_seat, are_recorded=True)

    def _lock_tickets(self, proposals: Sequence[Proposal]) -> dict[PlayerId, _Free]:
        players = list({entrant.player_id for proposal in proposals for team in proposal.teams for entrant in team})
        wanted = {"players": players, "queue": self.rules.name, "stands_in": self.stands_in, "now": self.now_ms}
        return {
            row[0]: _Free(MatchedPlayer(*row[:5]), row[5], row[6] or "") for row in fetch_all(sql.LOCK_TICKETS, wanted)
        }

    def _lock_seats(self) -> FreeSeats:
        if not self.has_seats or self.rules.placement is Placement.NONE:
            return FreeSeats([], {})
        rows = fetch_all(sql.LOCK_SERVERS, {})
        servers = [ReadyServer(Seat(*row[:5]), capacity=row[5]) for row in rows]
        ids = [server.seat.id for server in servers]
        return FreeSeats(servers, dict(fetch_all(sql.COUNT_GAMES, {"servers": ids})) if ids else {})

    def _match(self, proposal: Proposal, teams: Sequence[Sequence[_Free]], region: str, server: Seat | None) -> Match:
        return Match(
            id=proposal.match_id,
            queue=self.rules.name,
            region=region,
            teams=tuple(tuple(entered.player for entered in team) for team in teams),
            server=server,
            created_ms=self.now_ms,
            acceptance_ms=self.rules.acceptance_ms,
        )

    def _write(self, matches: Sequence[Match]) -> None:
        matched = [(player.id, match.id) for match in matches for player in match.players]
        insert_matches(matches)
        players, match_ids = [player for player, _ in matched], [match_id for _, match_id in matched]
        execute(sql.MATCH_TICKETS, {"players": players, "match_ids": match_ids, "now": self.now_ms})
        if self.rules.acceptance_ms and self.stands_in:
            execute(sql.KEEP_TICKETS, {"match_ids": match_ids})
        counts = {"queue": self.rules.name, "stands_in": self.stands_in, "slot": ROUNDS_SLOT, "matches": len(matches)}
        execute(sql.COUNT_ROUND, counts)


def insert_matches(matches: Sequence[Match]) -> None:
    """New matches, all of them or none: `IntegrityError` where history has one, or one of its players is live."""
    execute(sql.INSERT_MATCHES, _columns(matches, [match.first_status for match in matches]))


def insert_missing_matches(matches: Sequence[Match], status: MatchStatus) -> None:
    """Matches that history does not have, with their players; those it has stay as they are."""
    execute(sql.INSERT_MISSING_MATCHES, _columns(matches, [status] * len(matches)))


def _columns(matches: Sequence[Match], statuses: Sequence[MatchStatus]) -> dict[str, Any]:
    players = [
        (match.id, player, team)
        for match in matches
        for team, members in enumerate(match.teams, start=1)
        for player in members
    ]
    return {
        "ids": [match.id for match in matches],
        "queues": [match.queue for match in matches],
        "regions": [match.region for match in matches],
        "statuses": [status.value for status in statuses],
        "accept_until_ms": [
            match.created_ms + match.acceptance_ms if match.acceptance_ms else None for match in matches
        ],
        "server_ids": [match.server.id if match.server else None for match in matches],
        "servers": [json.dumps(asdict(match.server)) if match.server else None for match in matches],
        "created_ms": [match.created_ms for match in matches],
        "win_probabilities": [chances and str(chances) for chances in win_probabilities(matches)],
        "match_ids": [match_id for match_id, _, _ in players],
        "players": [player.id for _, player, _ in players],
        "usernames": [player.username for _, player, _ in players],
        "teams": [team for _, _, team in players],
        "ratings": [player.rating for _, player, _ in players],
        "waits_ms": [player.waited_ms for _, player, _ in players],
        "tickets": [player.ticket_id for _, player, _ in players],
    }


def _teams_of(proposal: Proposal, free: dict[PlayerId, _Free]) -> list[list[_Free]] | None:
    """The very tickets of the proposal, team by team; None where one no longer waits, a player stands in it twice or a
    party is parted."""
    teams, seen = [], set[PlayerId]()
    for entrants in proposal.teams:
        team = []
        for player_id, mark in entrants:
            ticket = free.get(player_id)
            if ticket is None or ticket.player.ticket_id != mark or player_id in seen:
                return None
            seen.add(player_id)
            team.append(ticket)
        if parts_a_party([(ticket.player.id, ticket.party) for ticket in team if ticket.party]):
            return None
        teams.append(team)
    return teams


def _region_of(teams: Sequence[Sequence[_Free]]) -> str:
    """The region that its players name; "" where none does, or two do not agree."""
    named = {ticket.region for team in teams for ticket in team if ticket.region}
    return named.pop() if len(named) == 1 else ""
