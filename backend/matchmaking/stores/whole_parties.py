"""A party is matched whole or not at all: what stores look at in a snapshot and in a claim."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from matchmaking.engine.tickets import WaitingTickets
from matchmaking.match import MatchedPlayer, PlayerId
from matchmaking.party import members_of, party_id_of


def _whole(player_ids: Sequence[str], parties: Sequence[str]) -> list[int] | None:
    """The rows of players without a party, and of parties whose members are all there; None where that is all rows."""
    here: dict[str, set[str]] = {}
    for player_id, party in zip(player_ids, parties, strict=True):
        if party:
            here.setdefault(party, set()).add(player_id)
    parted = {party for party, players in here.items() if not players.issuperset(members_of(party))}
    return [row for row, party in enumerate(parties) if party not in parted] if parted else None


def of_whole_parties(
    players: Sequence[str],
    ratings: np.ndarray,
    joined_ms: np.ndarray,
    marks: Sequence[str],
    parties: Sequence[str],
    traits: Sequence[str],
) -> WaitingTickets:
    """The columns without the rows of parties that are not whole."""
    whole = _whole(players, parties) if any(parties) else None
    if whole is not None:
        players, marks = [players[row] for row in whole], [marks[row] for row in whole]
        parties, traits = [parties[row] for row in whole], [traits[row] for row in whole]
        ratings, joined_ms = ratings[whole], joined_ms[whole]
    return WaitingTickets(
        player_ids=players,
        ratings=ratings,
        joined_ms=joined_ms,
        marks=marks,
        parties=[party_id_of(party) for party in parties] if any(parties) else (),
        traits=traits if any(traits) else (),
    )


def parts_a_party(team: Iterable[tuple[PlayerId, str]]) -> bool:
    """Whether a member of one of these players' parties is missing among them. Player and party of each."""
    players = dict(team)
    return any(member not in players for party in players.values() if party for member in members_of(party))


def becomes_of(players: Sequence[MatchedPlayer], gone: Collection[PlayerId]) -> dict[PlayerId, str]:
    """What becomes of each player's ticket when their claim is withdrawn: "GONE" of those named, "LEFT" of the rest of
    their parties, which have one ticket id, "" of those who wait again."""
    parted = {player.ticket_id for player in players if player.id in gone and player.ticket_id}
    return {
        player.id: "GONE" if player.id in gone else "LEFT" if player.ticket_id in parted else "" for player in players
    }
