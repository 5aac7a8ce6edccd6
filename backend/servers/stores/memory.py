"""The server pool in memory: the model that the other pools are tested against, and enough for one process."""

from dataclasses import replace
from threading import RLock

from servers.server import Absence, GameServer, Hosting, Registration, ServerId, ServerStatus


class MemoryServerPool:
    """Keeps `ServerPool`'s promise under one lock, which the ticket store shares."""

    def __init__(self) -> None:
        self.lock = RLock()
        self._servers: dict[ServerId, GameServer] = {}
        self._games: dict[ServerId, set[str]] = {}

    def register(self, registration: Registration, now_ms: int) -> int:
        with self.lock:
            old = self._servers.get(registration.id)
            generation = max(old.generation + 1, now_ms) if old else now_ms
            self._games.setdefault(registration.id, set())
            self._servers[registration.id] = GameServer(
                id=registration.id,
                host=registration.host,
                port=registration.port,
                region=registration.region,
                capacity=registration.capacity,
                generation=generation,
                status=ServerStatus.READY,
                registered_ms=now_ms,
                last_heartbeat_ms=now_ms,
                active_games=0,
            )
            return generation

    def adopt(self, server: GameServer) -> None:
        with self.lock:
            known = self._servers.get(server.id)
            if known is None or known.generation < server.generation:
                self._games.setdefault(server.id, set())
                self._servers[server.id] = replace(server, active_games=0)

    def heartbeat(
        self,
        server_id: ServerId,
        generation: int,
        now_ms: int,
        *,
        cpu_usage: float | None = None,
        memory_usage: float | None = None,
    ) -> Hosting | Absence:
        with self.lock:
            server = self._present(server_id, generation)
            if isinstance(server, Absence):
                return server
            self._servers[server_id] = replace(
                server,
                last_heartbeat_ms=now_ms,
                cpu_usage=server.cpu_usage if cpu_usage is None and memory_usage is None else cpu_usage,
                memory_usage=server.memory_usage if cpu_usage is None and memory_usage is None else memory_usage,
            )
            return Hosting(match_ids=sorted(self._games[server_id]), status=server.status)

    def drain(self, server_id: ServerId, generation: int | None) -> Absence | None:
        with self.lock:
            server = self._present(server_id, generation)
            if isinstance(server, Absence):
                return server
            self._servers[server_id] = replace(server, status=ServerStatus.DRAINING)
            return None

    def lose(self, server_id: ServerId, generation: int | None, *, silent_since_ms: int | None) -> list[str] | Absence:
        with self.lock:
            server = self._servers.get(server_id)
            if server is None:
                return Absence.UNKNOWN
            if generation is not None and server.generation != generation:
                return Absence.STALE
            is_silent = silent_since_ms is None or server.last_heartbeat_ms < silent_since_ms
            if server.status is not ServerStatus.LOST and not is_silent:
                return Absence.ALIVE
            self._servers[server_id] = replace(server, status=ServerStatus.LOST)
            return sorted(self._games[server_id])

    def forget(self, server_id: ServerId) -> bool:
        with self.lock:
            server = self._servers.get(server_id)
            if server is None or server.status is not ServerStatus.LOST or self._games[server_id]:
                return False
            del self._servers[server_id], self._games[server_id]
            return True

    def silent(self, since_ms: int) -> list[ServerId]:
        with self.lock:
            return [server.id for server in self._servers.values() if server.last_heartbeat_ms < since_ms]

    def list(self) -> list[GameServer]:
        with self.lock:
            return [self._with_load(server) for _, server in sorted(self._servers.items())]

    def find(self, server_id: ServerId) -> GameServer | None:
        with self.lock:
            server = self._servers.get(server_id)
            return self._with_load(server) if server else None

    # --- seats: for the ticket store, under the same lock -----------------------------------------------

    def find_seat(self, region: str) -> GameServer | None:
        """The least loaded ready server with a free seat, `region` first; ties go to the smaller id."""
        free = [
            server
            for server in self.list()
            if server.status is ServerStatus.READY and server.active_games < server.capacity
        ]
        nearby = [server for server in free if region and server.region == region]
        return min(nearby or free, key=lambda s: (s.active_games / s.capacity, s.id), default=None)

    def take_seat(self, server_id: ServerId, match_id: str) -> None:
        self._games.setdefault(server_id, set()).add(match_id)

    def free_seat(self, server_id: ServerId, match_id: str) -> None:
        self._games.get(server_id, set()).discard(match_id)

    def _present(self, server_id: ServerId, generation: int | None) -> GameServer | Absence:
        server = self._servers.get(server_id)
        if server is None or server.status is ServerStatus.LOST:
            return Absence.UNKNOWN
        if generation is not None and server.generation != generation:
            return Absence.STALE
        return server

    def _with_load(self, server: GameServer) -> GameServer:
        return replace(server, active_games=len(self._games[server.id]))
