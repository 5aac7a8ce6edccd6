"""A member goes, or is sent away; with a member goes the ticket that waits for the party."""

from collections.abc import Callable

from django.db import transaction

from errors import Invalid, Unknown
from parties.models import Party
from parties.party import PartyState, moment, state_of
from parties.services.create_party import free_code
from parties.services.lock_party import lock_led_party, lock_party, no_party, touch

#: Takes the ticket of a party (its id) out of the queue, where this player (an id) waits with it.
TakeTicketOut = Callable[[str, str], None]


def leave_party(*, party_id: str, player_id: str, take_ticket_out: TakeTicketOut, now_ms: int) -> None:
    """The longest member leads where the leader goes; the party is gone with its last member.

    Raises `Unknown` where the player is not in it, the ticket looked after all the same: so a call whose first try
    broke between party and ticket can be sent again.
    """
    with transaction.atomic():
        party = lock_party(party_id)
        was_member = party is not None and _remove(party, player_id)
        if party is not None and was_member:
            _go_on_without(party, player_id, now_ms)
    take_ticket_out(party_id, player_id)
    if not was_member:
        raise no_party()


def kick_member(
    *,
    party_id: str,
    leader_id: str,
    player_id: str,
    take_ticket_out: TakeTicketOut,
    new_code: Callable[[], str],
    now_ms: int,
) -> PartyState:
    """Sent away, with a new code for the others, or the same one would let the player in again.

    Raises `Unknown` and `NotAllowed` as every step of a leader, `Unknown` where the player is not in the party
    (the ticket looked after, as above), `Invalid` for oneself.
    """
    now = moment(now_ms)
    with transaction.atomic():
        party = lock_led_party(party_id, leader_id)
        if player_id == leader_id:
            raise Invalid("player: that is you; leave the party instead", field="player")
        was_member = _remove(party, player_id)
        if was_member:
            party.code = free_code(new_code)
            touch(party, now)
        state = state_of(party, now)
    take_ticket_out(party_id, player_id)
    if not was_member:
        raise Unknown("player: is not in this party", field="player")
    return state


def _remove(party: Party, player_id: str) -> bool:
    return party.members.filter(player_id=player_id).delete()[0] > 0


def _go_on_without(party: Party, player_id: str, now_ms: int) -> None:
    longest = party.members.first()
    if longest is None:
        party.delete()
        return
    if str(party.leader_id) == player_id:
        party.leader_id = longest.player_id
    touch(party, moment(now_ms))
