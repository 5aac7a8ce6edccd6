"""The leader takes the party into a queue: who goes along."""

from django.db import transaction

from errors import Unknown
from parties.models import PartyMember
from parties.party import PartyState, moment, state_of
from parties.services.lock_party import lock_led_party, touch


def party_to_queue(*, party_id: str, leader_id: str, now_ms: int) -> PartyState:
    """The party as it is now; its life is counted from now on. Raises `Unknown` where the caller is not in it,
    `NotAllowed` where another one leads."""
    now = moment(now_ms)
    with transaction.atomic():
        try:
            party = lock_led_party(party_id, leader_id)
        except Unknown as error:
            raise Unknown(f"party: {error.detail}", field="party") from error
        touch(party, now)
        return state_of(party, now)


def who_left(party: PartyState) -> list[str]:
    """Names of members who are in it no more."""
    still = {str(row) for row in PartyMember.objects.filter(party_id=party.id).values_list("player_id", flat=True)}
    return [member.username for member in party.members if member.player_id not in still]
