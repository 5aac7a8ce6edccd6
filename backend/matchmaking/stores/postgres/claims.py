"""One batch of proposals into matches, in one transaction: a handful of statements, however many proposals."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from datastore.postgres import execute, fetch_all
from matchmaking.match import Claims, Match, MatchedPlayer, MatchStatus, PlayerId, Proposal, Seat, TicketId
from matchmaking.rules import Placement, QueueRules
from matchmaking.stores.postgres import statements as sql
from matchmaking.stores.postgres.rows import Ticket, a_ticket
from matchmaking.stores.postgres.seats import FreeSeats, ReadyServer

#: The slot of `QueueCount` in which rounds count.
ROUNDS_SLOT = 16


@dataclass(frozen=True, slots=True)
class ClaimBatch:
    """What a batch works with; `claim` has to run inside a transaction.

    1. Lock the tickets that wait, passing over those that somebody else holds.
    2. Take out those whose players are in a match already.
    3. Decide, proposal by proposal, in order: its tickets, its seat.
    4. Write all matches, their players, and the tickets' new status.
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
            region = _region_of(teams)
            seat = None if self.rules.placement is Placement.NONE else seats.find(region)
            if seat is None and self.rules.placement is Placement.REQUIRED:
                without_seat += 1
                continue
            if seat:
                seats.take(seat)
            matches.append(self._match(proposal, teams, region, seat))
            for ticket in (ticket for team in teams for ticket in team):
                del free[ticket.player_id]
        made = self._write(matches) if matches else []
        return Claims(made, taken + len(matches) - len(made), without_seat, are_recorded=True)

    def _lock_tickets(self, proposals: Sequence[Proposal]) -> dict[PlayerId, Ticket]:
        players = list({entrant.player_id for proposal in proposals for team in proposal.teams for entrant in team})
        wanted = {"players": players, "queue": self.rules.name, "stands_in": self.stands_in}
        free = {ticket.player_id: ticket for ticket in map(a_ticket, fetch_all(sql.LOCK_TICKETS, wanted))}
        live = [player for (player,) in fetch_all(sql.FIND_LIVE_PLAYERS, {"players": list(free)})] if free else []
        self._take_out(live)
        for player in live:
            del free[player]
        return free

    def _take_out(self, players: Sequence[PlayerId]) -> None:
        """Tickets of players who are in a match of the other store: nothing may come of them."""
        if players:
            execute(sql.DELETE_TICKETS, {"players": list(players), "stands_in": self.stands_in})

    def _lock_seats(self) -> FreeSeats:
        if not self.has_seats or self.rules.placement is Placement.NONE:
            return FreeSeats([], {})
        rows = fetch_all(sql.LOCK_SERVERS, {})
        servers = [ReadyServer(Seat(*row[:5]), capacity=row[5]) for row in rows]
        ids = [server.seat.id for server in servers]
        return FreeSeats(servers, dict(fetch_all(sql.COUNT_GAMES, {"servers": ids})) if ids else {})

    def _match(self, proposal: Proposal, teams: Sequence[Sequence[Ticket]], region: str, server: Seat | None) -> Match:
        return Match(
            id=proposal.match_id,
            queue=self.rules.name,
            region=region,
            teams=tuple(tuple(self._player(ticket) for ticket in team) for team in teams),
            server=server,
            created_ms=self.now_ms,
        )

    def _player(self, ticket: Ticket) -> MatchedPlayer:
        return MatchedPlayer(ticket.player_id, ticket.username, ticket.rating, ticket.waited_ms(self.now_ms), ticket.id)

    def _write(self, matches: Sequence[Match]) -> list[Match]:
        got_in = insert_matches(matches)
        broken = [match for match in matches if not got_in.issuperset(player.id for player in match.players)]
        if broken:  # the other store has matched a player since we looked
            execute(sql.UNDO_MATCHES, {"matches": [match.id for match in broken]})
            self._take_out([player.id for match in broken for player in match.players if player.id not in got_in])
        made = [match for match in matches if match not in broken] if broken else list(matches)
        matched = [(player.id, match.id) for match in made for player in match.players]
        players, match_ids = [player for player, _ in matched], [match_id for _, match_id in matched]
        execute(sql.MATCH_TICKETS, {"players": players, "match_ids": match_ids, "now": self.now_ms})
        counts = {"queue": self.rules.name, "stands_in": self.stands_in, "slot": ROUNDS_SLOT, "matches": len(made)}
        execute(sql.COUNT_ROUND, counts)
        return made


def insert_matches(matches: Sequence[Match], status: MatchStatus = MatchStatus.CREATED) -> set[PlayerId]:
    """Matches that history does not have, with their players. Answers the players who got in."""
    players = [
        (match.id, player, team)
        for match in matches
        for team, members in enumerate(match.teams, start=1)
        for player in members
    ]
    columns = {
        "ids": [match.id for match in matches],
        "queues": [match.queue for match in matches],
        "regions": [match.region for match in matches],
        "statuses": [status.value for _ in matches],
        "server_ids": [match.server.id if match.server else None for match in matches],
        "servers": [json.dumps(asdict(match.server)) if match.server else None for match in matches],
        "created_ms": [match.created_ms for match in matches],
        "match_ids": [match_id for match_id, _, _ in players],
        "players": [player.id for _, player, _ in players],
        "usernames": [player.username for _, player, _ in players],
        "teams": [team for _, _, team in players],
        "ratings": [player.rating for _, player, _ in players],
        "waits_ms": [player.waited_ms for _, player, _ in players],
        "tickets": [player.ticket_id for _, player, _ in players],
    }
    return {PlayerId(player) for (player,) in fetch_all(sql.INSERT_MATCHES, columns)}


def _teams_of(proposal: Proposal, free: dict[PlayerId, Ticket]) -> list[list[Ticket]] | None:
    """The very tickets of the proposal, team by team; None where one no longer waits or a player stands in it twice."""
    teams, seen = [], set[TicketId]()
    for entrants in proposal.teams:
        tickets = [free[entrant.player_id] for entrant in entrants if _is_there(entrant.player_id, entrant.mark, free)]
        seen |= {ticket.id for ticket in tickets}
        teams.append(tickets)
    return teams if len(seen) == sum(map(len, proposal.teams)) else None


def _is_there(player_id: PlayerId, mark: str, free: dict[PlayerId, Ticket]) -> bool:
    return player_id in free and free[player_id].id == mark


def _region_of(teams: Sequence[Sequence[Ticket]]) -> str:
    """The region that its players name; "" where none does, or two do not agree."""
    named = {ticket.region for team in teams for ticket in team if ticket.region}
    return named.pop() if len(named) == 1 else ""
