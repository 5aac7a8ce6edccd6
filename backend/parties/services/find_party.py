"""The party that a player is in."""

from errors import Unknown
from parties.models import PartyMember
from parties.party import PartyState, moment, state_of


def find_party(*, player_id: str, now_ms: int) -> PartyState:
    """Raises `Unknown` where the player is in none."""
    member = PartyMember.objects.select_related("party").filter(player_id=player_id).first()
    if member is None:
        raise Unknown("you are in no party: make one at POST /api/parties/, or join one")
    return state_of(member.party, moment(now_ms))
