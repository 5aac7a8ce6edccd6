"""A game server joins the pool."""

import logging

from players.tokens import server_token
from servers.server import Registration
from servers.stores.port import ServerPool

logger = logging.getLogger(__name__)


def register_server(*, pool: ServerPool, registration: Registration, now_ms: int) -> tuple[int, str]:
    """Add the server, or take its place anew. Answers generation and token; older tokens are stale from now on."""
    generation = pool.register(registration, now_ms)
    logger.info(
        "server %s registered: %s:%d, region %s, %d games",
        registration.id,
        registration.host,
        registration.port,
        registration.region or "any",
        registration.capacity,
    )
    return generation, server_token(registration.id, generation)
