"""What callers are told of parties: JSON trees. Pure. These names are the API's contract."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from parties.party import Invited, PartyState

Tree = dict[str, Any]


def of_party(party: PartyState, *, max_size: int) -> Tree:
    return {
        "id": party.id,
        "code": party.code,
        "leader": party.leader_id,
        "max_size": max_size,
        "members": [
            {"id": member.player_id, "username": member.username, "joined_at": _text(member.joined_at)}
            for member in party.members
        ],
        "invited": [
            {"id": invite.player_id, "username": invite.username, "expires_at": _text(invite.expires_at)}
            for invite in party.invited
        ],
        "created_at": _text(party.created_at),
    }


def of_invite(invite: Invited) -> Tree:
    return {
        "party": invite.party_id,
        "player": {"id": invite.player_id, "username": invite.username},
        "by": {"id": invite.by_id, "username": invite.by_username},
        "expires_at": _text(invite.expires_at),
    }


def of_invites(invites: Iterable[Invited]) -> Tree:
    return {"invites": [of_invite(invite) for invite in invites]}


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
