"""How Redis writes down a ticket, a match and how a ticket ended; and back.

ticket     match|queues|id|ratings|joined at, ms|region|party|traits|username     match is "" while it waits
           queues and ratings are parallel, with commas; party and traits may be ""
match      created id|queue|region|created at, ms|sizes of the teams|seat as JSON or null     or in_progress …
           and a line a player, team by team: the player, and the ticket as it waited
           or pending_acceptance, and milliseconds in which its players have to accept, …
claim      filling claim|match|team|queue|claimed at, ms     beside the matches; and a line a player, as there
last word  left|ticket|queue|waited, ms|request key    expired|ticket|queue    ended|ticket|how|match
"""

import json
from collections.abc import Container, Sequence
from typing import Any

from matchmaking.engine.traits import Traits, traits_of, traits_text
from matchmaking.match import (
    Match,
    MatchedPlayer,
    MatchId,
    MatchStatus,
    Newcomers,
    PlayerId,
    Seat,
    SeatProposal,
    TicketId,
    seat_json,
)
from matchmaking.stores.port import LeftBehind
from matchmaking.ticket import Ended, Expired, KeptTicket, Left, Matched, NotInQueue, TicketStatus, Waiting


def waiting_of(answer: list[Any], known: Container[str]) -> Waiting:
    """Of what `join_queue`, `join_party` and `ticket_status` answer: WAITING, NEW|SAME, ticket, rank, size, rating_sum,
    queues of which a round is wanted. Of its queues those that are known, one at least."""
    _, is_new, ticket, rank, size, rating_sum, wanted = answer
    _, queues, ticket_id, ratings, joined_ms, region, party, traits, _ = ticket.split("|", 8)
    if "," not in queues:
        names, points = (queues,), (float(ratings),)
    else:
        places = [(name, float(rating)) for name, rating in zip(queues.split(","), ratings.split(","), strict=True)]
        names, points = zip(*[place for place in places if place[0] in known], strict=True)
    return Waiting(
        ticket_id=TicketId(ticket_id),
        queues=names,
        ratings=points,
        joined_ms=int(joined_ms),
        position=int(rank) + 1,
        size=int(size),
        rating_sum=float(rating_sum),
        region=region,
        is_new=is_new == "NEW",
        wanted_rounds=tuple(wanted.split(",")) if wanted else (),
        party=party,
        traits=traits,
    )


def matched_of(word: str) -> Matched:
    head, *rows = word.split("\n")
    status, _, said = head.partition(" ")
    acceptance_ms = 0
    if status == MatchStatus.PENDING_ACCEPTANCE:
        asked, _, said = said.partition(" ")
        acceptance_ms = int(asked)
    match_id, queue, region, created_ms, sizes, seat = said.split("|", 5)
    server, at_ms = json.loads(seat), int(created_ms)
    players = iter([_player_of_row(row, queue, at_ms) for row in rows])
    match = Match(
        id=MatchId(match_id),
        queue=queue,
        region=region,
        teams=tuple([tuple([next(players) for _ in range(int(size))]) for size in sizes.split(",")]),
        server=Seat(**server) if server else None,
        created_ms=at_ms,
        acceptance_ms=acceptance_ms,
    )
    return Matched(match=match, status=MatchStatus(status))


def _player_of_row(row: str, queue: str, at_ms: int) -> MatchedPlayer:
    player_id = row.partition("|")[0]
    return matched_player(PlayerId(player_id), row[len(player_id) :], queue, at_ms)[0]


def matched_player(player_id: PlayerId, mark: str, queue: str, at_ms: int) -> tuple[MatchedPlayer, str, str]:
    """The player whose ticket, as it waited, becomes a match of this queue; its region and its party."""
    _, queues, ticket_id, rating, joined_ms, region, party, traits, username = mark.split("|", 8)
    if "," in queues:
        rating = rating.split(",")[queues.split(",").index(queue)]
    waited_ms = at_ms - int(joined_ms)
    deviation = traits_of(traits).deviation if traits else 0.0
    player = MatchedPlayer(
        player_id, username, float(rating), waited_ms if waited_ms > 0 else 0, TicketId(ticket_id), deviation
    )
    return player, region, party


def head_of(
    status: MatchStatus,
    match_id: str,
    queue: str,
    region: str,
    at_ms: int,
    teams: Sequence[Sequence[MatchedPlayer]],
    acceptance_ms: int = 0,
) -> str:
    """The first line of a match up to its seat."""
    sizes = ",".join([str(len(team)) for team in teams])
    asked = f"{acceptance_ms} " if status is MatchStatus.PENDING_ACCEPTANCE else ""
    return f"{status.value} {asked}{match_id}|{queue}|{region}|{at_ms}|{sizes}|"


#: Begins what is claimed for a match that runs.
FILLING = "filling "


def filling_word(queue: str, proposal: SeatProposal, at_ms: int) -> str:
    """The first line of what is claimed for open seats."""
    return f"{FILLING}{proposal.claim_id}|{proposal.match_id}|{proposal.team}|{queue}|{at_ms}"


def newcomers_of(word: str) -> Newcomers:
    head, *rows = word.split("\n")
    claim_id, match_id, team, queue, at_ms = head.removeprefix(FILLING).split("|", 4)
    players = tuple([_player_of_row(row, queue, int(at_ms)) for row in rows])
    return Newcomers(MatchId(claim_id), MatchId(match_id), queue, int(team), players)


def live_word(match: Match, status: MatchStatus) -> str:
    """A live match as `matchmaking:matches` holds it."""
    head = head_of(status, match.id, match.queue, match.region, match.created_ms, match.teams, match.acceptance_ms)
    seat = seat_json(match.server) if match.server else "null"
    return "\n".join([head + seat, *(player.id + ticket_word(match, player) for player in match.players)])


def last_word_of(word: str) -> Ended | Expired | NotInQueue:
    parts = word.split("|")
    match parts[0]:
        case "ended":
            return Ended(match_id=MatchId(parts[3]), status=MatchStatus(parts[2]))
        case "expired":
            return Expired(queue=parts[2])
        case _:
            return NotInQueue()


def ended_word(ended: LeftBehind) -> str:
    """The last word of a ticket that was left or expired in the store that stood in."""
    ticket = ended.kept
    if ended.status is TicketStatus.LEFT:
        return f"left|{ticket.id}|{ticket.queue}|{ended.waited_ms}|{ended.left_by}"
    return f"expired|{ticket.id}|{ticket.queue}"


def left_of(word: str, *, others: tuple[PlayerId, ...] = ()) -> Left:
    _, ticket_id, queue, waited_ms, _ = word.split("|", 4)
    return Left(queue=queue, ticket_id=TicketId(ticket_id), waited_ms=int(waited_ms), others=others)


def kept_of(player_id: PlayerId, row: str) -> KeptTicket:
    """A whole row of `matchmaking:tickets`."""
    _, queues, ticket_id, ratings, joined_ms, region, party, traits, username = row.split("|", 8)
    return KeptTicket(
        id=TicketId(ticket_id),
        player_id=player_id,
        username=username,
        queues=tuple(queues.split(",")),
        region=region,
        ratings=tuple(map(float, ratings.split(","))),
        joined_ms=int(joined_ms),
        party=party,
        traits=traits,
    )


def row_of(kept: KeptTicket) -> str:
    """The row of a ticket that waits."""
    ratings = ",".join(map(repr, kept.ratings))
    return (
        f"|{','.join(kept.queues)}|{kept.id}|{ratings}|{kept.joined_ms}|{kept.region}|{kept.party}|{kept.traits}"
        f"|{kept.username}"
    )


def ticket_word(match: Match, player: MatchedPlayer) -> str:
    """The ticket, behind its match's id, as it was when it became this match."""
    joined_ms = match.created_ms - player.waited_ms
    traits = traits_text(Traits(deviation=player.deviation))
    return f"|{match.queue}|{player.ticket_id}|{player.rating!r}|{joined_ms}|{match.region}||{traits}|{player.username}"
