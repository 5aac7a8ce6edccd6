"""The pool in figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from servers.server import GameServer, ServerStatus


@dataclass(frozen=True, slots=True)
class PoolStats:
    """Counts over some servers. `utilisation` is games / seats of the healthy ones, 0 to 1."""

    total_servers: int
    healthy_servers: int
    capacity: int
    active_games: int
    utilisation: float


def pool_stats(servers: Sequence[GameServer], *, now_ms: int, heartbeat_ttl_seconds: float) -> PoolStats:
    """Healthy is a ready or draining server that has called in time; only those count as capacity."""
    alive_since_ms = now_ms - round(heartbeat_ttl_seconds * 1000)
    healthy = [s for s in servers if s.status is not ServerStatus.LOST and s.last_heartbeat_ms >= alive_since_ms]
    capacity = sum(server.capacity for server in healthy)
    games = sum(server.active_games for server in healthy)
    return PoolStats(
        total_servers=len(servers),
        healthy_servers=len(healthy),
        capacity=capacity,
        active_games=games,
        utilisation=games / capacity if capacity else 0.0,
    )


def regions(servers: Sequence[GameServer]) -> list[str]:
    """The regions there are servers in, sorted."""
    return sorted({server.region for server in servers})
