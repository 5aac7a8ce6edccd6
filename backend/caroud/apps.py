"""What happens once a process has its settings."""

import logging

from django.apps import AppConfig
from django.conf import settings
from django.core import checks, signals
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.db import close_old_connections, reset_queries

from caroud import wiring
from caroud.checks import redis_is_verified, redis_settings_work
from datastore.client import address, redis_errors
from errors import StoreUnavailable

logger = logging.getLogger("caroud.matchmaking")


class CaroudConfig(AppConfig):
    name = "caroud"

    def ready(self) -> None:
        """Register the checks; make requests cheaper."""
        checks.register(redis_settings_work, checks.Tags.compatibility)
        checks.register(redis_is_verified, checks.Tags.security, deploy=True)
        self._forgo_what_is_not_used()

    @staticmethod
    def _forgo_what_is_not_used() -> None:
        """Drop what Django does at every request for caches, query logs and addresses that change by request, none of
        which is used here; and its second look at old connections, which the next request takes anyway."""
        signals.request_finished.disconnect(close_caches)
        signals.request_finished.disconnect(reset_urlconf)
        signals.request_finished.disconnect(close_old_connections)
        if not settings.DEBUG:
            signals.request_started.disconnect(reset_queries)


def greet_redis() -> bool:
    """Say in the log whether Redis answers: the first thing to look at after a start."""
    try:
        with redis_errors():
            wiring.redis_client().ping()
    except StoreUnavailable as error:
        logger.warning("❌ Redis connection failed: %s (%s)", error.reason, address(settings.REDIS_URL))
        return False
    logger.info("✅ Connected to Redis at %s", address(settings.REDIS_URL))
    return True
