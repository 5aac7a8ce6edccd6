"""How Redis writes down a ticket, a match and how a ticket ended; and back.

ticket     match|queues|id|ratings|joined at, ms|region|party|traits|username     match is "" while it waits
           queues and ratings are parallel, with commas; party and traits may be ""
match      pending_acceptance {…}, created {…} or in_progress {…}
last word  left|ticket|queue|waited, ms|request key    expired|ticket|queue    ended|ticket|how|match
"""

from collections.abc import Container
from typing import Any

from matchmaking.match import Match, MatchedPlayer, MatchId, MatchStatus, PlayerId, TicketId
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
    status, _, match = word.partition(" ")
    return Matched(match=Match.from_json(match), status=MatchStatus(status))


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
    return f"|{match.queue}|{player.ticket_id}|{player.rating!r}|{joined_ms}|{match.region}|||{player.username}"
