"""Registrations as the admin sees them. The pool works without: a note that fails is only logged."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.db import InterfaceError, OperationalError

from servers.models import GameServerRecord
from servers.server import Registration, ServerId, ServerStatus

logger = logging.getLogger(__name__)


def remember_registration(registration: Registration, generation: int, now_ms: int) -> None:
    """Note the newest registration of a server."""
    with _only_a_note(registration.id):
        GameServerRecord.objects.update_or_create(
            id=registration.id,
            defaults={
                "host": registration.host,
                "port": registration.port,
                "region": registration.region,
                "capacity": registration.capacity,
                "generation": generation,
                "status": ServerStatus.READY,
                "registered_at": _instant(now_ms),
                "ended_at": None,
            },
        )


def remember_drain(server_id: ServerId) -> None:
    """Note that a server takes no new matches."""
    with _only_a_note(server_id):
        GameServerRecord.objects.filter(id=server_id).update(status=ServerStatus.DRAINING)


def remember_end(server_id: ServerId, now_ms: int) -> None:
    """Note that a server is gone."""
    with _only_a_note(server_id):
        GameServerRecord.objects.filter(id=server_id).update(status=ServerStatus.LOST, ended_at=_instant(now_ms))


@contextmanager
def _only_a_note(server_id: str) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        logger.warning("server %s is not noted for the admin: %s", server_id, type(error).__name__)


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
