"""The server pool in PostgreSQL. A server's games are the live matches that name it, counted nowhere else."""

import builtins

from datastore.postgres import execute, fetch_all, fetch_one
from servers.server import Absence, GameServer, Hosting, Registration, ServerId, ServerStatus

_GAMES = "SELECT count(*) FROM matchmaking_matchrecord AS m WHERE m.server_id = s.id AND m.ended_at IS NULL"

#: As Python sorts ids, whatever the database's own order is.
_BY_ID = 'ORDER BY id COLLATE "C"'

_SERVERS = f"""SELECT id, host, port, region, capacity, generation, status,
       round(extract(epoch FROM registered_at) * 1000)::bigint, last_heartbeat_ms, ({_GAMES}), cpu_usage, memory_usage
FROM servers_gameserverrecord AS s WHERE ended_at IS NULL"""

_MATCHES = """SELECT id::text FROM matchmaking_matchrecord
WHERE server_id = %(server)s AND ended_at IS NULL ORDER BY id"""

#: A server that is gone begins anew; one that is there gets a larger generation, whatever the clocks say.
_REGISTER = """INSERT INTO servers_gameserverrecord AS s
    (id, host, port, region, capacity, generation, status, registered_at, last_heartbeat_ms)
VALUES (%(server)s, %(host)s, %(port)s, %(region)s, %(capacity)s, %(now)s, 'ready',
    to_timestamp(%(now)s / 1000.0), %(now)s)
ON CONFLICT (id) DO UPDATE SET
    host = excluded.host, port = excluded.port, region = excluded.region, capacity = excluded.capacity,
    generation = CASE WHEN s.ended_at IS NOT NULL THEN excluded.generation
                      ELSE greatest(s.generation + 1, excluded.generation) END,
    status = 'ready', registered_at = excluded.registered_at, last_heartbeat_ms = excluded.last_heartbeat_ms,
    cpu_usage = NULL, memory_usage = NULL, ended_at = NULL
RETURNING generation"""

_ADOPT = """INSERT INTO servers_gameserverrecord AS s
    (id, host, port, region, capacity, generation, status, registered_at, last_heartbeat_ms, cpu_usage, memory_usage)
VALUES (%(server)s, %(host)s, %(port)s, %(region)s, %(capacity)s, %(generation)s, %(status)s,
    to_timestamp(%(registered_ms)s / 1000.0), %(seen_ms)s, %(cpu_usage)s, %(memory_usage)s)
ON CONFLICT (id) DO UPDATE SET
    host = excluded.host, port = excluded.port, region = excluded.region, capacity = excluded.capacity,
    generation = excluded.generation, status = excluded.status, registered_at = excluded.registered_at,
    last_heartbeat_ms = excluded.last_heartbeat_ms, cpu_usage = excluded.cpu_usage,
    memory_usage = excluded.memory_usage, ended_at = NULL
WHERE s.ended_at IS NOT NULL OR s.generation < excluded.generation"""

_PRESENT = "id = %(server)s AND ended_at IS NULL AND status <> 'lost'"
_OF_GENERATION = "(%(generation)s::bigint IS NULL OR generation = %(generation)s)"

_HEARTBEAT = f"""UPDATE servers_gameserverrecord SET last_heartbeat_ms = %(now)s,
    cpu_usage = CASE WHEN %(has_load)s THEN %(cpu_usage)s ELSE cpu_usage END,
    memory_usage = CASE WHEN %(has_load)s THEN %(memory_usage)s ELSE memory_usage END
WHERE {_PRESENT} AND {_OF_GENERATION}
RETURNING status"""

_DRAIN = f"""UPDATE servers_gameserverrecord SET status = 'draining' WHERE {_PRESENT} AND {_OF_GENERATION}"""

#: Looked at again once a heartbeat that is being written is written: exactly one of the two wins.
_LOSE = f"""UPDATE servers_gameserverrecord SET status = 'lost'
WHERE id = %(server)s AND ended_at IS NULL AND {_OF_GENERATION}
  AND (status = 'lost' OR %(silent_since_ms)s::bigint IS NULL OR last_heartbeat_ms < %(silent_since_ms)s)"""

_FORGET = f"""UPDATE servers_gameserverrecord AS s SET ended_at = clock_timestamp()
WHERE id = %(server)s AND ended_at IS NULL AND status = 'lost' AND ({_GAMES}) = 0"""

#: What the admin still shows of servers that are gone ends after a month.
_PURGE = "DELETE FROM servers_gameserverrecord WHERE ended_at < clock_timestamp() - interval '30 days'"

_SILENT = f"""SELECT id FROM servers_gameserverrecord
WHERE ended_at IS NULL AND last_heartbeat_ms < %(since_ms)s {_BY_ID}"""


class PostgresServerPool:
    """Keeps `ServerPool`'s promise on the records that the admin shows. Safe for threads.

    A claim locks the ready servers until its matches are written, so a server that is lost or drains afterwards knows
    them all, and gets no more.
    """

    def register(self, registration: Registration, now_ms: int) -> int:
        row = fetch_one(
            _REGISTER,
            {
                "server": registration.id,
                "host": registration.host,
                "port": registration.port,
                "region": registration.region,
                "capacity": registration.capacity,
                "now": now_ms,
            },
        )
        assert row is not None  # noqa: S101 - it was written
        return int(row[0])

    def adopt(self, server: GameServer) -> None:
        execute(
            _ADOPT,
            {
                "server": server.id,
                "host": server.host,
                "port": server.port,
                "region": server.region,
                "capacity": server.capacity,
                "generation": server.generation,
                "status": server.status.value,
                "registered_ms": server.registered_ms,
                "seen_ms": server.last_heartbeat_ms,
                "cpu_usage": server.cpu_usage,
                "memory_usage": server.memory_usage,
            },
        )

    def heartbeat(
        self,
        server_id: ServerId,
        generation: int,
        now_ms: int,
        *,
        cpu_usage: float | None = None,
        memory_usage: float | None = None,
    ) -> Hosting | Absence:
        beat = {
            "server": server_id,
            "generation": generation,
            "now": now_ms,
            "has_load": cpu_usage is not None or memory_usage is not None,
            "cpu_usage": cpu_usage,
            "memory_usage": memory_usage,
        }
        row = fetch_one(_HEARTBEAT, beat)
        if row is None:
            return self._absence(server_id)
        return Hosting(match_ids=self._matches(server_id), status=ServerStatus(row[0]))

    def drain(self, server_id: ServerId, generation: int | None) -> Absence | None:
        is_draining = execute(_DRAIN, {"server": server_id, "generation": generation})
        return None if is_draining else self._absence(server_id)

    def lose(self, server_id: ServerId, generation: int | None, *, silent_since_ms: int | None) -> list[str] | Absence:
        which = {"server": server_id, "generation": generation, "silent_since_ms": silent_since_ms}
        if execute(_LOSE, which):
            return self._matches(server_id)
        server = self.find(server_id)
        if server is None:
            return Absence.UNKNOWN
        return Absence.STALE if generation is not None and server.generation != generation else Absence.ALIVE

    def forget(self, server_id: ServerId) -> bool:
        is_forgotten = bool(execute(_FORGET, {"server": server_id}))
        if is_forgotten:
            execute(_PURGE, {})
        return is_forgotten

    def silent(self, since_ms: int) -> list[ServerId]:
        return [ServerId(server) for (server,) in fetch_all(_SILENT, {"since_ms": since_ms})]

    def list(self) -> list[GameServer]:
        return [_game_server(*row) for row in fetch_all(f"{_SERVERS} {_BY_ID}", {})]

    def find(self, server_id: ServerId) -> GameServer | None:
        row = fetch_one(f"{_SERVERS} AND id = %(server)s", {"server": server_id})
        return _game_server(*row) if row else None

    def _absence(self, server_id: ServerId) -> Absence:
        """Why a server that is not present in this generation is not."""
        server = self.find(server_id)
        return Absence.UNKNOWN if server is None or server.status is ServerStatus.LOST else Absence.STALE

    @staticmethod
    def _matches(server_id: ServerId) -> builtins.list[str]:
        return [match_id for (match_id,) in fetch_all(_MATCHES, {"server": server_id})]


def _game_server(
    server_id: str,
    host: str,
    port: int,
    region: str,
    capacity: int,
    generation: int,
    status: str,
    registered_ms: int,
    last_heartbeat_ms: int,
    active_games: int,
    cpu_usage: float | None,
    memory_usage: float | None,
) -> GameServer:
    return GameServer(
        id=ServerId(server_id),
        host=host,
        port=port,
        region=region,
        capacity=capacity,
        generation=generation,
        status=ServerStatus(status),
        registered_ms=registered_ms,
        last_heartbeat_ms=last_heartbeat_ms,
        active_games=active_games,
        cpu_usage=cpu_usage,
        memory_usage=memory_usage,
    )
