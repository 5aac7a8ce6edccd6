"""A player comes into a party, by its code or by an invite."""

from datetime import datetime

from django.db import transaction

from errors import Conflict, Unknown
from parties.models import Party, PartyMember
from parties.party import PartyState, moment, state_of
from parties.services.lock_party import lock_party, touch
from players.services.find_account import hold_account
from players.tokens import PlayerCaller


def join_by_code(*, code: str, player: PlayerCaller, max_size: int, now_ms: int) -> PartyState:
    """Raises `Unknown` for a code of no party, `Conflict` as `_enter` says."""
    now = moment(now_ms)
    with transaction.atomic():
        hold_account(player=player)
        found = Party.objects.filter(code=code.upper()).first()
        party = lock_party(str(found.id)) if found else None
        if party is None or party.code != code.upper():  # a kick has changed it while we waited
            raise Unknown("code: there is no party with this code (any more)", field="code")
        return _enter(party, player.id, max_size, now)


def join_by_invite(*, party_id: str, player: PlayerCaller, max_size: int, now_ms: int) -> PartyState:
    """Raises `Unknown` for a party that has not invited the player, `Conflict` as `_enter` says."""
    now = moment(now_ms)
    with transaction.atomic():
        hold_account(player=player)
        party = lock_party(party_id)
        if party is None or not _is_welcome(party, player.id, now):
            raise Unknown("there is no party here that has invited you (any more)")
        return _enter(party, player.id, max_size, now)


def _is_welcome(party: Party, player_id: str, now: datetime) -> bool:
    is_invited = party.invites.filter(player_id=player_id, expires_at__gt=now).exists()
    return is_invited or party.members.filter(player_id=player_id).exists()


def _enter(party: Party, player_id: str, max_size: int, now: datetime) -> PartyState:
    """Into a locked party; who is in it already stays. Raises `Conflict` for one who is in another party, and where
    there is no place."""
    member = PartyMember.objects.filter(player_id=player_id).first()
    if member is None:
        if party.members.count() >= max_size:
            raise Conflict(f"this party is full: it has {max_size} members", max_size=max_size)
        PartyMember.objects.create(party=party, player_id=player_id, joined_at=now)
        party.invites.filter(player_id=player_id).delete()
        touch(party, now)
    elif member.party_id != party.id:
        raise Conflict("you are in another party: leave it before you join this one", party=str(member.party_id))
    return state_of(party, now)
