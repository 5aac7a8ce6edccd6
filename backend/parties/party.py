"""A party as services answer it: what it was at one moment."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from parties.models import Party, PartyInvite

#: Without vowels, which make words, and without 0, 1, I and L, which look alike.
_SIGNS = "23456789BCDFGHJKMNPQRSTVWXYZ"
#: Signs of a code: 28 to the 8th are 378 billion, so that guessing one at the rate of a player finds none.
_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Member:
    """One player in it."""

    player_id: str
    username: str
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Invited:
    """An invite that holds."""

    party_id: str
    player_id: str
    username: str
    by_id: str
    by_username: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PartyState:
    """Members as they came, the longest first."""

    id: str
    code: str
    leader_id: str
    created_at: datetime
    members: tuple[Member, ...]
    invited: tuple[Invited, ...]


def moment(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)


def new_code() -> str:
    """A code that nobody can guess."""
    return "".join(secrets.choice(_SIGNS) for _ in range(_CODE_LENGTH))


def state_of(party: Party, now: datetime) -> PartyState:
    """What stands in PostgreSQL; for one moment's truth, with the party locked."""
    members = party.members.select_related("player")
    invites = party.invites.select_related("player", "by").filter(expires_at__gt=now)
    return PartyState(
        id=str(party.id),
        code=party.code,
        leader_id=str(party.leader_id),
        created_at=party.created_at,
        members=tuple(Member(str(row.player_id), row.player.username, row.joined_at) for row in members),
        invited=tuple(map(invited_of, invites)),
    )


def invited_of(invite: PartyInvite) -> Invited:
    return Invited(
        party_id=str(invite.party_id),
        player_id=str(invite.player_id),
        username=invite.player.username,
        by_id=str(invite.by_id),
        by_username=invite.by.username,
        expires_at=invite.expires_at,
    )
