"""The leader of a party asks to be matched, with all its members: one ticket."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from errors import Conflict
from matchmaking.match import PlayerId
from matchmaking.party import party_id_of
from matchmaking.rules import Rules
from matchmaking.services.put_back import put_back
from matchmaking.stores.port import TicketStore
from matchmaking.ticket import JoinRequest, KeptTicket, Matched, MemberBusy, RatingMissing, Waiting
from parties.party import Member, PartyState
from parties.services.party_to_queue import party_to_queue, who_left

logger = logging.getLogger(__name__)


def join_as_party(
    *,
    store: TicketStore,
    party_id: str,
    request: JoinRequest,
    rules: Rules,
    now_ms: int,
    find_rating: Callable[[Member, str], float],
    ask_for_round: Callable[[str], None],
    kept: KeptTicket | None = None,
) -> Waiting | Matched:
    """Put all members into the queues that the leader's `request` names, or none; or answer the ticket that waits for
    this party, or the leader's live match. The leader's region is everybody's. `kept` is the ticket that the leader
    shows: one of this party that the store has lost is put back instead.

    `find_rating` and `ask_for_round` as in `join_queue`. Raises `Unknown` and `NotAllowed` as every step of a leader,
    `Conflict` where a queue takes no party of this size, where a member (who is named) waits or plays already, and
    where one has left meanwhile.
    """
    party = party_to_queue(party_id=party_id, leader_id=request.player_id, now_ms=now_ms)
    _refuse_size(party, request.queues, rules)
    if (known := _put_back(store, party, request, rules, now_ms, kept)) is not None:
        return known
    outcome = _join_all(store, party, request, rules, now_ms, find_rating)
    if isinstance(outcome, MemberBusy):
        return _own_match(outcome, party, request)
    _take_back_where_one_left(store, party, request, now_ms)
    if outcome.is_new:
        logger.info(
            "✅ Party of %s joined queue (%d players)",
            request.username,
            len(party.members),
            extra={"player": request.player_id, "ticket": outcome.ticket_id, "queue": request.queue, "party": party.id},
        )
    for queue in outcome.wanted_rounds:
        ask_for_round(queue)
    return outcome


def _refuse_size(party: PartyState, queues: Sequence[str], rules: Rules) -> None:
    for queue in queues:
        most = rules.queues[queue].party.max_size
        if len(party.members) > most:
            raise Conflict(
                f"party: it has {len(party.members)} members, and {queue!r} takes parties of {most} at most",
                field="party",
                queue=queue,
                max_size=most,
            )


def _put_back(
    store: TicketStore,
    party: PartyState,
    request: JoinRequest,
    rules: Rules,
    now_ms: int,
    kept: KeptTicket | None,
) -> Waiting | Matched | None:
    """The leader's own part of a ticket that was lost; the others bring theirs."""
    if kept is None or set(kept.queues) != set(request.queues) or party_id_of(kept.party) != party.id:
        return None
    known = store.status(request.player_id, now_ms)
    if not isinstance(known, Waiting | Matched):
        known = put_back(store=store, kept=kept, rules=rules.queues[kept.queue], now_ms=now_ms)
    return known if isinstance(known, Waiting | Matched) else None


def _join_all(
    store: TicketStore,
    party: PartyState,
    request: JoinRequest,
    rules: Rules,
    now_ms: int,
    find_rating: Callable[[Member, str], float],
) -> Waiting | MemberBusy:
    """The leader first, of whose place the store answers."""
    first = rules.queues[request.queue]
    members = sorted(party.members, key=lambda member: member.player_id != request.player_id)
    requests = [_request_of(member, request) for member in members]
    outcome = store.join_party(requests, party.id, first, now_ms)
    if isinstance(outcome, RatingMissing):
        rated = [
            replace(one, ratings=tuple(find_rating(member, queue) for queue in one.queues))
            for one, member in zip(requests, members, strict=True)
        ]
        outcome = store.join_party(rated, party.id, first, now_ms)
    if isinstance(outcome, RatingMissing):
        raise AssertionError("a store that is given the ratings cannot miss them")
    return outcome


def _request_of(member: Member, request: JoinRequest) -> JoinRequest:
    """What the leader measured is the leader's own."""
    if member.player_id == request.player_id:
        return request
    return replace(request, player_id=PlayerId(member.player_id), username=member.username, traits="")


def _own_match(busy: MemberBusy, party: PartyState, request: JoinRequest) -> Matched:
    """The leader's live match, as any join during one answers it. Raises `Conflict` for every other reason."""
    if isinstance(busy.why, Matched) and busy.player_id == request.player_id:
        return busy.why
    name = next(member.username for member in party.members if member.player_id == busy.player_id)
    if isinstance(busy.why, Matched):
        raise Conflict(f"party: {name} is in a match", field="party", player=busy.player_id, username=name)
    raise Conflict(
        f"party: {name} is waiting in {' and '.join(map(repr, busy.why.queues))} already, and has to leave first",
        field="party",
        player=busy.player_id,
        username=name,
        queues=list(busy.why.queues),
    )


def _take_back_where_one_left(store: TicketStore, party: PartyState, request: JoinRequest, now_ms: int) -> None:
    """A member who left the party before the ticket was there has found none to take out. Raises `Conflict`."""
    if not (gone := who_left(party)):
        return
    store.leave(request.player_id, now_ms)
    raise Conflict(f"party: {', '.join(gone)} has left meanwhile; join again", field="party")
