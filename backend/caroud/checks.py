"""System checks: `manage.py check`, and `manage.py check --deploy`."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from datastore.faults import redis_faults, unverified


def redis_settings_work(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """What settings refuse, for settings that were not read from the environment."""
    faults = redis_faults(
        redis_url=settings.REDIS_URL,
        key_prefix=settings.REDIS_KEY_PREFIX,
        broker_url=settings.CELERY_BROKER_URL,
    )
    return [Error(str(fault), id=f"caroud.E001.{fault.setting}") for fault in faults]


def redis_is_verified(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """TLS that somebody has told not to verify."""
    return [
        Warning(str(fault), id=f"caroud.W001.{name}")
        for name in ("REDIS_URL", "CELERY_BROKER_URL")
        for fault in unverified(name, getattr(settings, name))
    ]
