"""The leader asks a player to come in, and players see who asks them."""

from datetime import timedelta

from django.db import transaction

from errors import Conflict, Invalid, Unknown
from parties.models import Party, PartyInvite
from parties.party import Invited, invited_of, moment
from parties.services.lock_party import lock_led_party, touch
from players.models import Player

#: Invites of one party that hold at a time. More than anybody has friends at hand; fewer than fill a table.
MOST_INVITES = 50
#: Invites that one player is shown, the newest ones.
MOST_SHOWN = 100


def invite_player(
    *, party_id: str, leader_id: str, player: str | None, username: str | None, ttl_seconds: float, now_ms: int
) -> tuple[Invited, bool]:
    """The invite, and whether it is new; inviting again lengthens its life. `player` is an id, `username` the name as
    it is written; one of the two is given.

    Raises `Unknown` for a party that the caller is not in and for a player whom nobody knows, `NotAllowed` where
    another one leads, `Conflict` for a member and beyond `MOST_INVITES`.
    """
    now = moment(now_ms)
    with transaction.atomic():
        party = lock_led_party(party_id, leader_id)
        guest = _find_guest(player, username)
        _refuse_member(party, guest, leader_id, "player" if player else "username")
        party.invites.filter(expires_at__lte=now).delete()
        if party.invites.exclude(player=guest).count() >= MOST_INVITES:
            raise Conflict(f"this party has {MOST_INVITES} open invites: wait until some have expired")
        invite, is_new = PartyInvite.objects.update_or_create(
            party=party,
            player=guest,
            defaults={"by_id": leader_id, "expires_at": now + timedelta(seconds=ttl_seconds)},
        )
        touch(party, now)
        return invited_of(invite), is_new


def _find_guest(player: str | None, username: str | None) -> Player:
    guest = Player.objects.filter(**({"id": player} if player else {"username": username})).first()
    if guest is None:
        field = "player" if player else "username"
        raise Unknown(f"{field}: there is no such player", field=field)
    return guest


def _refuse_member(party: Party, guest: Player, leader_id: str, field: str) -> None:
    if str(guest.id) == leader_id:
        raise Invalid(f"{field}: that is you", field=field)
    if party.members.filter(player=guest).exists():
        raise Conflict(f"{field}: {guest.username!r} is in this party already", field=field)


def list_invites(*, player_id: str, now_ms: int) -> list[Invited]:
    """The invites of a player that hold, those first that hold longest."""
    invites = PartyInvite.objects.filter(player_id=player_id, expires_at__gt=moment(now_ms))
    newest = invites.select_related("player", "by").order_by("-expires_at", "-id")[:MOST_SHOWN]
    return [invited_of(invite) for invite in newest]
