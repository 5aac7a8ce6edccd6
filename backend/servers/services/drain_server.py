"""A game server takes no new matches."""

import logging

from servers.server import Absence, ServerId
from servers.stores.port import ServerPool

logger = logging.getLogger(__name__)


def drain_server(*, pool: ServerPool, server_id: ServerId, generation: int | None) -> Absence | None:
    """Let the server's games end and give it no more. Answers why it cannot, or None."""
    absence = pool.drain(server_id, generation)
    if absence is None:
        logger.info("server %s drains", server_id)
    return absence
