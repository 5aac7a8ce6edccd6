"""One batch of proposals into matches, in one transaction: a handful of statements, however many proposals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from datastore.arrays import array_of, text_array_of
from datastore.postgres import execute, fetch_all
from matchmaking.match import (
    Claims,
    Entrant,
    Match,
    MatchedPlayer,
    MatchStatus,
    Newcomers,
    Proposal,
    Seat,
    SeatProposal,
    seat_json,
)
from matchmaking.prediction import win_probabilities
from matchmaking.rules import Placement, QueueRules
from matchmaking.seating import seat_newcomers
from matchmaking.stores.postgres import statements as sql
from matchmaking.stores.postgres.seats import FreeSeats, ReadyServer
from matchmaking.stores.whole_parties import parts_a_party

#: The slot of `QueueCount` in which rounds count.
ROUNDS_SLOT = 16


class _Free(NamedTuple):
    """A ticket that is locked and waits: the player as the match would have him, his region and his party."""

    player: MatchedPlayer
    region: str
    party: str | None


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
                    del free[entrant]
        if matches:
            self._write(matches)
        return Claims(matches, taken, without_seat, are_recorded=True)

    def _lock_tickets(self, proposals: Sequence[Proposal]) -> dict[Entrant, _Free]:
        players = {player for proposal in proposals for team in proposal.teams for player, _ in team}
        return _lock_tickets(players, self.rules.name, self.now_ms, stands_in=self.stands_in)

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
            teams=tuple([tuple([ticket.player for ticket in team]) for team in teams]),
            server=server,
            created_ms=self.now_ms,
            acceptance_ms=self.rules.acceptance_ms,
        )

    def _write(self, matches: Sequence[Match]) -> None:
        insert_matches(matches)
        matched = [(player.id, match.id) for match in matches for team in match.teams for player in team]
        players, match_ids = zip(*matched, strict=True)
        tickets = {"players": array_of(players), "match_ids": array_of(match_ids), "now": self.now_ms}
        execute(sql.MATCH_TICKETS, tickets)
        if self.rules.acceptance_ms and self.stands_in:
            execute(sql.KEEP_TICKETS, {"match_ids": [match.id for match in matches]})
        counts = {"queue": self.rules.name, "stands_in": self.stands_in, "slot": ROUNDS_SLOT, "matches": len(matches)}
        execute(sql.COUNT_ROUND, counts)


def claim_seats(proposal: SeatProposal, queue: str, now_ms: int, *, stands_in: bool) -> Newcomers | None:
    """Seat these tickets in their match, all or none; inside a transaction. None where a ticket no longer waits, a
    party would be parted, or history does not let them in."""
    free = _lock_tickets({player for player, _ in proposal.entrants}, queue, now_ms, stands_in=stands_in)
    if any(entrant not in free for entrant in proposal.entrants):
        return None
    team = [free[entrant] for entrant in proposal.entrants]
    if _parts_a_party(team):
        return None
    players = tuple(ticket.player for ticket in team)
    newcomers = Newcomers(proposal.claim_id, proposal.match_id, queue, proposal.team, players)
    return newcomers if seat_newcomers(newcomers, now_ms) else None


def _lock_tickets(players: Iterable[str], queue: str, now_ms: int, *, stands_in: bool) -> dict[Entrant, _Free]:
    wanted = {"players": array_of(players), "queue": queue, "stands_in": stands_in, "now": now_ms}
    return {
        Entrant(player, ticket): _Free(MatchedPlayer(player, username, rating, waited_ms, ticket), region, party)
        for player, username, rating, waited_ms, ticket, region, party in fetch_all(sql.LOCK_TICKETS, wanted)
    }


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
        "statuses": text_array_of(status.value for status in statuses),
        "accept_until_ms": text_array_of(
            str(match.created_ms + match.acceptance_ms) if match.acceptance_ms else None for match in matches
        ),
        "ids": array_of(match.id for match in matches),
        "queues": text_array_of(match.queue for match in matches),
        "regions": text_array_of(match.region for match in matches),
        "server_ids": text_array_of(match.server.id if match.server else None for match in matches),
        "servers": text_array_of(seat_json(match.server) if match.server else None for match in matches),
        "created_ms": array_of(match.created_ms for match in matches),
        # A list of numbers is JSON as Python writes it.
        "win_probabilities": text_array_of(str(chances) if chances else None for chances in win_probabilities(matches)),
        "match_ids": array_of(match_id for match_id, _, _ in players),
        "players": array_of(player.id for _, player, _ in players),
        "usernames": text_array_of(player.username for _, player, _ in players),
        "teams": array_of(team for _, _, team in players),
        "ratings": array_of(player.rating for _, player, _ in players),
        "waits_ms": array_of(player.waited_ms for _, player, _ in players),
        "tickets": text_array_of(player.ticket_id for _, player, _ in players),
    }


def _teams_of(proposal: Proposal, free: dict[Entrant, _Free]) -> list[list[_Free]] | None:
    """The very tickets of the proposal, team by team; None where one no longer waits, a player stands in it twice or a
    party is parted."""
    try:
        teams = [[free[entrant] for entrant in entrants] for entrants in proposal.teams]
    except KeyError:
        return None
    entrants = [entrant for team in proposal.teams for entrant in team]
    if len(set(entrants)) < len(entrants) or any(_parts_a_party(team) for team in teams):
        return None
    return teams


def _parts_a_party(team: Sequence[_Free]) -> bool:
    in_parties = [(ticket.player.id, ticket.party) for ticket in team if ticket.party]
    return bool(in_parties) and parts_a_party(in_parties)


def _region_of(teams: Sequence[Sequence[_Free]]) -> str:
    """The region that its players name; "" where none does, or two do not agree."""
    named = {ticket.region for team in teams for ticket in team if ticket.region}
    return named.pop() if len(named) == 1 else ""
