"""The party of a ticket, as the ticket carries it: `<party id>:<member>,<member>`, or "" where there is none."""

from collections.abc import Iterable

from matchmaking.match import PlayerId


def party_text(party_id: str, members: Iterable[PlayerId]) -> str:
    return f"{party_id}:{','.join(members)}"


def party_id_of(text: str) -> str:
    """ "" where there is no party."""
    return text.partition(":")[0]


def members_of(text: str) -> tuple[PlayerId, ...]:
    """All members, in the order in which the party joined; none where there is no party."""
    return tuple(PlayerId(player) for player in text.partition(":")[2].split(",") if player)
