"""Who plays what, and with whom: a crowd of many queues, some of its players in parties."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from demo.api import Refused
from demo.players import SimulatedPlayer
from demo.settings import (
    CROWD,
    CROWD_SHARES,
    FEW_SHARES,
    HANDFUL,
    HANDFUL_SHARES,
    PARTY_SHARE,
    PARTY_SIZES,
    QUEUE,
)

Queues = tuple[str, ...]


def queues_of_players(count: int, known: Collection[str]) -> list[Queues]:
    """The queues that each player joins. Queues that the service does not have give their players to the first one."""
    shares = CROWD_SHARES if count >= CROWD else FEW_SHARES if count >= HANDFUL else HANDFUL_SHARES
    chosen: list[Queues] = []
    for queues, share in shares:
        here = tuple(queue for queue in queues if queue in known) or (QUEUE,)
        chosen += [here] * round(share * count)
    return [*chosen[:count], *[(QUEUE,)] * (count - len(chosen))]


def parties_of(players: Sequence[SimulatedPlayer]) -> list[list[SimulatedPlayer]]:
    """Those who play together, the leader first; the rest of the players plays alone."""
    parties: list[list[SimulatedPlayer]] = []
    for queue, sizes in PARTY_SIZES.items():
        members = iter([player for player in players if player.queues == (queue,)])
        room = PARTY_SHARE * sum(player.queues == (queue,) for player in players)
        for size in _again_and_again(sizes):
            party = list(islice(members, size))
            if len(party) < size or size > room:
                break
            room -= size
            parties.append(party)
    return parties


async def make_parties(parties: Sequence[Sequence[SimulatedPlayer]]) -> None:
    """The leaders make them, the others come by the code. Raises `Refused`."""
    for leader, *others in parties:
        answer = await leader.call("POST", "parties/")
        if answer.status not in (200, 201):
            raise Refused(f"players cannot make parties: {answer.status} {answer.body.get('detail', '')}")
        leader.party_id = answer.body["id"]
        for other in others:
            joined = await other.call("POST", "parties/join/", body={"code": answer.body["code"]})
            if joined.status != 200:
                raise Refused(f"players cannot join parties: {joined.status} {joined.body.get('detail', '')}")
            other.is_follower = True


def _again_and_again(sizes: Sequence[int]) -> Iterator[int]:
    while True:
        yield from sizes
