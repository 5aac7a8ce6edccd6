"""The leader makes another member the leader."""

from django.db import transaction

from errors import Unknown
from parties.party import PartyState, moment, state_of
from parties.services.lock_party import lock_led_party, touch


def hand_over(*, party_id: str, leader_id: str, player_id: str, now_ms: int) -> PartyState:
    """Raises `Unknown` for a party that the caller is not in, or a player who is not; `NotAllowed` where another
    one leads."""
    now = moment(now_ms)
    with transaction.atomic():
        party = lock_led_party(party_id, leader_id)
        member = party.members.filter(player_id=player_id).first()
        if member is None:
            raise Unknown("player: is not in this party", field="player")
        party.leader_id = member.player_id
        touch(party, now)
        return state_of(party, now)
