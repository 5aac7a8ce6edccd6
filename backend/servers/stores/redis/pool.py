"""The server pool in Redis: each step one Lua script (see `lua/`), each key from `datastore.keys`."""

import json
from pathlib import Path
from typing import Any

import redis

from datastore import keys as lifetimes
from datastore.client import redis_errors
from datastore.keys import Keys
from datastore.scripts import Scripts
from servers.server import Absence, GameServer, Hosting, Registration, ServerId, ServerStatus


class RedisServerPool:
    """Keeps `ServerPool`'s promise. One client; safe for threads."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._scripts = Scripts(client, Path(__file__).parent / "lua")

    def register(self, registration: Registration, now_ms: int) -> int:
        return self._register(registration, now_ms, now_ms, "", ServerStatus.READY)

    def adopt(self, server: GameServer) -> None:
        registration = Registration(server.id, server.host, server.port, server.region, server.capacity)
        self._register(
            registration, server.registered_ms, server.last_heartbeat_ms, str(server.generation), server.status
        )

    def _register(
        self, registration: Registration, now_ms: int, seen_ms: int, generation: str, status: ServerStatus
    ) -> int:
        k = self._keys
        answer: str = self._scripts.call(
            "register_server",
            [
                k.servers,
                k.servers_last_heartbeat,
                k.active_games,
                k.servers_seats,
                k.servers_offers,
                k.servers_regions,
            ],
            [
                registration.id,
                registration.host,
                registration.port,
                registration.region,
                registration.capacity,
                now_ms,
                seen_ms,
                generation,
                status,
                lifetimes.SERVERS_LIFETIME_MS,
            ],
        )
        return int(answer)

    def heartbeat(
        self,
        server_id: ServerId,
        generation: int,
        now_ms: int,
        *,
        cpu_usage: float | None = None,
        memory_usage: float | None = None,
    ) -> Hosting | Absence:
        k = self._keys
        word, *rest = self._scripts.call(
            "heartbeat_server",
            [
                k.servers,
                k.servers_last_heartbeat,
                k.active_games,
                k.servers_seats,
                k.servers_offers,
                k.servers_regions,
            ],
            [
                server_id,
                generation,
                now_ms,
                "" if cpu_usage is None else cpu_usage,
                "" if memory_usage is None else memory_usage,
                lifetimes.SERVERS_LIFETIME_MS,
            ],
        )
        if word != "HOSTING":
            return Absence(word)
        status, *match_ids = rest
        return Hosting(match_ids=match_ids, status=ServerStatus(status))

    def drain(self, server_id: ServerId, generation: int | None) -> Absence | None:
        k = self._keys
        word = self._scripts.call(
            "drain_server",
            [k.servers, k.active_games, k.servers_seats],
            [server_id, "" if generation is None else generation],
        )[0]
        return None if word == "DRAINING" else Absence(word)

    def lose(self, server_id: ServerId, generation: int | None, *, silent_since_ms: int | None) -> list[str] | Absence:
        k = self._keys
        word, *match_ids = self._scripts.call(
            "lose_server",
            [
                k.servers,
                k.servers_last_heartbeat,
                k.servers_seats,
                k.active_games,
            ],
            [
                server_id,
                "" if generation is None else generation,
                "" if silent_since_ms is None else silent_since_ms,
            ],
        )
        return match_ids if word == "LOST" else Absence(word)

    def forget(self, server_id: ServerId) -> bool:
        k = self._keys
        keys = [k.servers, k.servers_last_heartbeat, k.active_games, k.servers_offers, k.servers_regions]
        return bool(self._scripts.call("forget_server", keys, [server_id])[0] == "FORGOTTEN")

    def silent(self, since_ms: int) -> list[ServerId]:
        with redis_errors():
            found: Any = self._client.zrange(self._keys.servers_last_heartbeat, "-inf", f"({since_ms}", byscore=True)
        return [ServerId(server) for server in found]

    def list(self) -> list[GameServer]:
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            pipeline.hgetall(self._keys.servers)
            pipeline.zrange(self._keys.servers_last_heartbeat, 0, -1, withscores=True)
            records, heartbeats = pipeline.execute()
        ids = sorted(records)
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for server_id in ids:
                pipeline.zlexcount(self._keys.active_games, *_games_on(server_id))
            active = pipeline.execute()
        seen = dict(heartbeats)
        return [
            _game_server(json.loads(records[server_id]), seen.get(server_id, 0), games)
            for server_id, games in zip(ids, active, strict=True)
        ]

    def find(self, server_id: ServerId) -> GameServer | None:
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            pipeline.hget(self._keys.servers, server_id)
            pipeline.zscore(self._keys.servers_last_heartbeat, server_id)
            pipeline.zlexcount(self._keys.active_games, *_games_on(server_id))
            record, seen, active = pipeline.execute()
        return _game_server(json.loads(record), seen or 0, active) if record else None


def _games_on(server_id: str) -> tuple[str, str]:
    """From where to where a server's entries in `active_games` go."""
    return f"[{server_id}/", f"({server_id}0"


def _game_server(record: dict[str, Any], last_heartbeat: float | str, active: int) -> GameServer:
    return GameServer(
        id=ServerId(record["id"]),
        host=record["host"],
        port=int(record["port"]),
        region=record["region"],
        capacity=int(record["capacity"]),
        generation=int(record["generation"]),
        status=ServerStatus(record["status"]),
        registered_ms=int(record["registered_ms"]),
        last_heartbeat_ms=int(float(last_heartbeat)),
        active_games=active,
        cpu_usage=record.get("cpu_usage"),
        memory_usage=record.get("memory_usage"),
    )
