"""What callers are told of the pool, as JSON trees. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from servers.server import GameServer
from servers.services.pool_stats import pool_stats, regions


def of_pool(servers: Sequence[GameServer], *, now_ms: int, heartbeat_ttl_seconds: float) -> dict[str, Any]:
    def stats(some: Sequence[GameServer]) -> dict[str, Any]:
        return asdict(pool_stats(some, now_ms=now_ms, heartbeat_ttl_seconds=heartbeat_ttl_seconds))

    return {
        "servers": [_of_server(server) for server in servers],
        "stats": stats(servers),
        "by_region": {
            region: stats([server for server in servers if server.region == region]) for region in regions(servers)
        },
    }


def _of_server(server: GameServer) -> dict[str, Any]:
    tree = asdict(server)
    tree["registered_at"] = _instant(tree.pop("registered_ms"))
    tree["last_heartbeat_at"] = _instant(tree.pop("last_heartbeat_ms"))
    return tree


def _instant(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).isoformat(timespec="milliseconds")
