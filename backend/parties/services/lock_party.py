"""A party's row, locked until the end of the transaction: steps on one party come one after another."""

from datetime import datetime

from errors import NotAllowed, Unknown
from parties.models import Party


def lock_party(party_id: str) -> Party | None:
    """The party, or None where it is gone. Who is in it is to be read afterwards: the lock may have had to wait."""
    return Party.objects.select_for_update().filter(id=party_id).first()


def lock_own_party(party_id: str, player_id: str) -> Party:
    """Raises `Unknown` where the player is not in it; whether there is such a party, a stranger does not learn."""
    party = lock_party(party_id)
    if party is None or not party.members.filter(player_id=player_id).exists():
        raise no_party()
    return party


def lock_led_party(party_id: str, player_id: str) -> Party:
    """Raises `Unknown` as above, and `NotAllowed` where the player does not lead it."""
    party = lock_own_party(party_id, player_id)
    if str(party.leader_id) != player_id:
        raise NotAllowed("only the leader of the party may do this", leader=str(party.leader_id))
    return party


def touch(party: Party, now: datetime) -> None:
    """Somebody has done something: its life is counted from now. Writes the row as it stands."""
    party.changed_at = now
    party.save(force_update=True)


def no_party() -> Unknown:
    return Unknown("you are in no such party")
