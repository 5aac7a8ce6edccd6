"""A player makes a party."""

from collections.abc import Callable

from django.db import transaction

from parties.models import Party, PartyMember
from parties.party import PartyState, moment, state_of
from players.services.find_account import hold_account
from players.tokens import PlayerCaller


def create_party(*, player: PlayerCaller, new_code: Callable[[], str], now_ms: int) -> tuple[PartyState, bool]:
    """A party of one, led by the player, and True; or the one that the player is in, and False."""
    now = moment(now_ms)
    with transaction.atomic():
        hold_account(player=player)
        member = PartyMember.objects.select_related("party").filter(player_id=player.id).first()
        if member is not None:
            return state_of(member.party, now), False
        party = Party.objects.create(code=free_code(new_code), leader_id=player.id, created_at=now, changed_at=now)
        PartyMember.objects.create(party=party, player_id=player.id, joined_at=now)
        return state_of(party, now), True


def free_code(new_code: Callable[[], str]) -> str:
    """A code that no other party has."""
    while Party.objects.filter(code=(code := new_code())).exists():
        pass
    return code
