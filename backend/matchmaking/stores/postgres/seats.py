"""Which server gets the next match: the least loaded one of the region, else of all; ties go to the smaller id."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from matchmaking.match import Seat


@dataclass(frozen=True, slots=True)
class ReadyServer:
    """A server that takes matches."""

    seat: Seat
    capacity: int


class FreeSeats:
    """The seats of some servers, as they are given away one by one."""

    def __init__(self, servers: Iterable[ReadyServer], games: Mapping[str, int]) -> None:
        self._servers = {server.seat.id: server for server in servers}
        self._games = {server_id: games.get(server_id, 0) for server_id in self._servers}
        #: Region, or "" for all -> (load, server) by load. An entry whose load is an old one is stale.
        self._by_load: dict[str, list[tuple[float, str]]] = {"": []}
        for server_id, server in self._servers.items():
            for region in {"", server.seat.region}:
                self._by_load.setdefault(region, []).append((self._load(server_id), server_id))
        for heap in self._by_load.values():
            heapq.heapify(heap)

    def find(self, region: str) -> Seat | None:
        """The seat that the next match of this region would take."""
        return self._least_loaded(region) or self._least_loaded("")

    def take(self, seat: Seat) -> None:
        """One game more on its server."""
        self._games[seat.id] += 1
        for region in {"", seat.region}:
            heapq.heappush(self._by_load[region], (self._load(seat.id), seat.id))

    def _least_loaded(self, region: str) -> Seat | None:
        heap = self._by_load.get(region, [])
        while heap:
            load, server_id = heap[0]
            if load == self._load(server_id) and load < 1:
                return self._servers[server_id].seat
            heapq.heappop(heap)
        return None

    def _load(self, server_id: str) -> float:
        return self._games[server_id] / self._servers[server_id].capacity
