"""Is the process alive, and is what it needs there?"""

import logging
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from caroud import wiring
from datastore.client import redis_errors
from errors import StoreUnavailable

logger = logging.getLogger(__name__)


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process serves. For restarts: it asks nothing of Redis or PostgreSQL."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when PostgreSQL answers: with it, players are served whether Redis is there or not; else 503. For load
    balancers and alarms. `mode` is `redis`, `fallback` or `postgres`; `redis` with a Redis that does not answer lasts
    until the next call of a player.

    `last_round_age_seconds` by queue, null before the first round: an alarm above some round intervals tells that
    no worker or no beat runs.
    """
    parts: dict[str, Any] = {"redis": _redis(), "postgresql": _postgresql()}
    mode = wiring.mode()
    is_ready = parts["postgresql"] == "ok"
    body = {
        "status": "ok" if is_ready else "unavailable",
        "mode": mode,
        **parts,
        "last_round_age_seconds": _round_ages() if is_ready else None,
    }
    headers = {} if is_ready else {"Retry-After": "2"}
    return JsonResponse(body, status=200 if is_ready else 503, headers=headers)


def _redis() -> str:
    try:
        with redis_errors():
            wiring.redis_client().ping()
    except StoreUnavailable as error:
        return error.reason
    return "ok"


def _postgresql() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return type(error).__name__
    return "ok"


def _round_ages() -> dict[str, float | None] | None:
    now_ms = wiring.clock()
    ages: dict[str, float | None] = {}
    try:
        for queue in wiring.rules().queues:
            began_ms = wiring.ticket_store().counts(queue, []).last_round_ms
            ages[queue] = None if began_ms is None else max(0, now_ms - began_ms) / 1000
    except StoreUnavailable:
        return None
    return ages
