"""Values for tests, with sensible defaults: say only what matters."""

import itertools
import uuid
from dataclasses import replace

from matchmaking.engine.search_window import SearchWindow
from matchmaking.match import Claims, Entrant, Match, MatchedPlayer, MatchId, PlayerId, Proposal, Seat, TicketId
from matchmaking.rules import Placement, QueueRules
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import JoinRequest, KeptTicket, Waiting
from servers.server import Registration, ServerId

#: 2026-11-23T20:00:00Z, the moment at which tests begin. Milliseconds.
NOW_MS = 1_795_464_000_000

RANKED = QueueRules(name="ranked")
CASUAL = QueueRules(name="casual", search_window=SearchWindow(base=300))

_numbers = itertools.count(1)


def a_player_id(number: int | None = None) -> PlayerId:
    """A player's id; the same for the same number, another each time without one."""
    return PlayerId(str(uuid.UUID(int=number) if number is not None else uuid.uuid4()))


def a_join(
    player_id: PlayerId | None = None,
    *,
    rating: float | None = 1200.0,
    region: str = "",
    username: str | None = None,
    queue: str = "ranked",
    queues: tuple[str, ...] | None = None,
    ticket_id: str | None = None,
    traits: str = "",
) -> JoinRequest:
    queues = queues or (queue,)
    number = next(_numbers)
    return JoinRequest(
        player_id=player_id or a_player_id(),
        username=username or f"player{number}",
        queues=queues,
        region=region,
        ticket_id=TicketId(ticket_id or f"ticket-{number}"),
        ratings=() if rating is None else tuple(rating + 10 * place for place in range(len(queues))),
        traits=traits,
    )


def a_waiting_player(
    store: TicketStore,
    *,
    rating: float = 1200.0,
    waited_ms: int = 0,
    now_ms: int = NOW_MS,
    rules: QueueRules = RANKED,
    region: str = "",
    player_id: PlayerId | None = None,
    username: str | None = None,
) -> PlayerId:
    """A player whose ticket waits in the store since `waited_ms`."""
    request = a_join(player_id, rating=rating, region=region, username=username, queue=rules.name)
    assert isinstance(store.join(request, rules, now_ms - waited_ms), Waiting)
    return request.player_id


def marks_of(store: TicketStore, *queues: str) -> dict[str, str]:
    """The mark of every ticket that waits now, by player."""
    seen = [store.snapshot(queue) for queue in queues]
    return {player: mark for tickets in seen for player, mark in zip(tickets.player_ids, tickets.marks, strict=True)}


def a_proposal(
    store: TicketStore,
    *players: PlayerId,
    match_id: str | None = None,
    queues: tuple[str, ...] = ("ranked", "casual"),
    marks: dict[str, str] | None = None,
) -> Proposal:
    """Each player a team of its own, with the ticket that waits in the store now; "" where none does."""
    marks = marks_of(store, *queues) if marks is None else marks
    entrants = [Entrant(player, marks.get(player, "")) for player in players]
    return Proposal(MatchId(match_id or str(uuid.uuid4())), teams=tuple((entrant,) for entrant in entrants))


def announced(store: TicketStore, claims: Claims) -> list[Match]:
    """The matches of a claim, once history has them; where a store's claims are history at once, that is so already."""
    store.acknowledge([match.id for match in claims.matches])
    return claims.matches


def a_match(
    store: TicketStore, first: PlayerId | None = None, second: PlayerId | None = None, *, now_ms: int = NOW_MS
) -> tuple[Match, PlayerId, PlayerId]:
    """Two players, matched and told of it."""
    first, second = first or a_waiting_player(store), second or a_waiting_player(store)
    (match,) = announced(store, store.claim(RANKED, [a_proposal(store, first, second)], now_ms))
    return match, first, second


def a_kept_ticket(
    player_id: PlayerId | None = None,
    *,
    rating: float = 1200.0,
    waited_ms: int = 0,
    queue: str = "ranked",
    queues: tuple[str, ...] | None = None,
    ticket_id: str | None = None,
    party: str = "",
    traits: str = "",
) -> KeptTicket:
    """A ticket as its player or the other store knows it."""
    number = next(_numbers)
    queues = queues or (queue,)
    return KeptTicket(
        id=TicketId(ticket_id or f"ticket-{number}"),
        player_id=player_id or a_player_id(),
        username=f"player{number}",
        queues=queues,
        region="",
        ratings=tuple(rating + 10 * place for place in range(len(queues))),
        joined_ms=NOW_MS - waited_ms,
        party=party,
        traits=traits,
    )


def a_match_of(*tickets: KeptTicket, server: Seat | None = None) -> Match:
    """A match of the other store, as history knows it: nobody has joined for it here."""
    players = [MatchedPlayer(kept.player_id, kept.username, kept.ratings[0], 1_000, kept.id) for kept in tickets]
    return Match(MatchId(str(uuid.uuid4())), "ranked", "", tuple((player,) for player in players), server, NOW_MS)


def a_registration(
    server_id: str = "eu-1", *, region: str = "eu", capacity: int = 10, port: int = 7777
) -> Registration:
    return Registration(id=ServerId(server_id), host="10.0.0.1", port=port, region=region, capacity=capacity)


def rules_with(placement: Placement) -> QueueRules:
    return replace(RANKED, placement=placement)
