"""What has to be done with Django before the services start: check stores, migrate, compile, make the first account.

Runs as a process of its own, `python -m devstack.prepare`, so that whoever starts a stack needs no settings.
Answers on its standard output with one line of JSON; the lines before it are progress for the log.
"""

import json
import os
import sys
from contextlib import closing

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.utils import NotSupportedError

from datastore.client import RedisLimits, connect, is_cluster_node, redis_errors
from devstack.binaries import OLDEST_REDIS
from devstack.errors import StartFailed
from devstack.plan import ADMIN, ADMIN_PASSWORD_VARIABLE
from errors import StoreUnavailable

#: A store across a network may be slower than one beside us; more than this is a wrong address.
_LIMITS = RedisLimits(connect_seconds=3.0, answer_seconds=3.0, max_connections=1)


def main() -> int:
    """Prepare, and answer with what was found, or with the one line that says what is wrong."""
    try:
        answer = prepare()
    except StartFailed as error:
        answer = {"refusal": str(error)}
    print(json.dumps(answer), flush=True)
    return 1 if "refusal" in answer else 0


def prepare() -> dict[str, object]:
    """The resolved addresses, and whether the account has the password that we would tell."""
    try:
        django.setup()
    except ImproperlyConfigured as error:
        raise StartFailed(str(error)) from error
    redis_name = "REDIS_URL" if os.environ.get("REDIS_URL") else "REDIS_HOST, REDIS_PORT, REDIS_PASSWORD"
    check_redis(redis_name, settings.REDIS_URL, key_prefix=settings.REDIS_KEY_PREFIX)
    if settings.CELERY_BROKER_URL.startswith("redis"):
        check_redis("CELERY_BROKER_URL", settings.CELERY_BROKER_URL, is_broker=True)
    check_database()
    call_command("migrate", interactive=False, verbosity=1)
    call_command("compile_engine")
    return {
        "redis_url": settings.REDIS_URL,
        "database_url": settings.DATABASE_URL,
        "broker_url": settings.CELERY_BROKER_URL,
        "admin_password_is_ours": keep_admin(os.environ[ADMIN_PASSWORD_VARIABLE]),
    }


def check_redis(name: str, url: str, *, key_prefix: str = "", is_broker: bool = False) -> None:
    """Refuse a Redis that does not let us in, is too old, or cannot be Celery's; `name` is the setting."""
    try:
        client = connect(url, key_prefix=key_prefix, limits=_LIMITS)
        with closing(client), redis_errors():
            client.ping()
            version = str(client.info("server").get("redis_version", "99"))
            if is_broker and is_cluster_node(client):
                raise StartFailed("is a Redis Cluster, which Celery cannot use as its broker: set it to another Redis")
    except StoreUnavailable as error:
        raise StartFailed(f"{name}: {_one_line(error.__cause__ or error)}") from error
    except Exception as error:
        # A malformed URL, or an account that may not say INFO: whatever it is, it is about this setting.
        raise StartFailed(f"{name}: {_one_line(error)}") from error
    if tuple(int(number) for number in version.split(".")[:2]) < OLDEST_REDIS:
        oldest = ".".join(map(str, OLDEST_REDIS))
        raise StartFailed(f"{name}: Redis {version} is too old, {oldest} is the oldest that works")


def check_database() -> None:
    """Refuse a database that does not let us in, or that Django cannot use."""
    try:
        connection.ensure_connection()
        connection.check_database_version_supported()
    except (DatabaseError, NotSupportedError) as error:
        raise StartFailed(f"DATABASE_URL: {_one_line(error)}") from error


def keep_admin(password: str) -> bool:
    """Make the staff account if there is none; whether `password` opens it."""
    accounts = get_user_model().objects
    account = accounts.filter(username=ADMIN).first()
    if account is None:
        account = accounts.create_superuser(username=ADMIN, password=password)
    return bool(account.check_password(password))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
