"""Settings that would be dangerous or cannot work stop the start, and say what to do."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

BACKEND = Path(__file__).parents[2] / "backend"
LONG = "x" * 48


def start(show: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A process that reads the settings with these variables alone, and runs `show`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    defaults = {"SECRET_KEY": LONG, "FLEET_KEY": LONG, "DJANGO_SETTINGS_MODULE": "caroud.settings"}
    return subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {show}"],
        cwd=BACKEND,
        env={**kept, **defaults, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def manage(**environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check_queues`, a command that asks no server, with these variables alone."""
    return subprocess.run(
        [sys.executable, "manage.py", "check_queues"],
        cwd=BACKEND,
        env={"SECRET_KEY": LONG, "FLEET_KEY": LONG, "PATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"SECRET_KEY": "insecure-development-secret-key-change-me"}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"FLEET_KEY": "insecure-development-fleet-key"}, "FLEET_KEY"),
        ({"FLEET_KEY": f"{LONG},insecure-development-fleet-key"}, "FLEET_KEY"),
        ({"FLEET_KEY": " , "}, "FLEET_KEY"),
        ({"DATABASE_URL": "sqlite:///db.sqlite3"}, "DATABASE_URL"),
        ({"MATCHMAKING_BACKEND": "mongodb"}, "MATCHMAKING_BACKEND"),
        ({"QUEUES_FILE": "/nowhere/queues.toml"}, "QUEUES_FILE"),
        ({"CELERY_BROKER_URL": "rediss://h:6379/0"}, "CELERY_BROKER_URL"),
        ({"REDIS_URL": "http://h"}, "REDIS_URL"),
        ({"REDIS_URL": "redis+sentinel://h:26379"}, "REDIS_URL"),
        ({"REDIS_URL": "redis+cluster://h", "CELERY_BROKER_URL": "redis://b"}, "REDIS_KEY_PREFIX"),
        ({"REDIS_URL": "redis+cluster://h", "REDIS_KEY_PREFIX": "{c}:"}, "CELERY_BROKER_URL"),
        ({"REDIS_URL": "rediss://h", "REDIS_CA_FILE": "/nowhere/ca.pem"}, "REDIS_CA_FILE"),
        ({"DATABASE_URL": "garbage"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgres://h:port/name"}, "DATABASE_URL"),
        ({"EXTERNAL_JWKS_URL": "https://issuer.example/jwks"}, "EXTERNAL_ISSUER"),
        ({"EXTERNAL_ISSUER": "https://issuer.example"}, "EXTERNAL_JWKS_URL"),
        ({"EXTERNAL_AUDIENCE": "game"}, "EXTERNAL_ISSUER"),
        ({"CSRF_TRUSTED_ORIGINS": "matchmaking.example.com"}, "CSRF_TRUSTED_ORIGINS"),
        ({"HEARTBEAT_INTERVAL_SECONDS": "15"}, "HEARTBEAT_TTL_SECONDS"),
    ],
)
def test_a_start_is_refused_and_names_the_setting(environment: dict[str, str], name: str) -> None:
    done = start(**environment)

    assert done.returncode != 0
    assert name in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("BEHIND_TLS_PROXY", "maybe"),
        ("TRUSTED_PROXIES", "0"),
        ("REDIS_PORT", "x"),
        ("REDIS_ANSWER_SECONDS", "0"),
        ("DATABASE_ANSWER_SECONDS", "nan"),
        ("ROUND_INTERVAL_SECONDS", "0"),
        ("HEARTBEAT_INTERVAL_SECONDS", "-1"),
        ("HEARTBEAT_TTL_SECONDS", "x"),
        ("HEARTBEAT_TTL_SECONDS", "0"),
        ("PARTY_MAX_SIZE", "1"),
        ("PARTY_TTL_SECONDS", "inf"),
        ("PARTY_INVITE_TTL_SECONDS", "0.5"),
        ("MATCHMAKING_BACKEND", "mongodb"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_value_that_cannot_be_meant_is_one_line_that_names_the_setting(name: str, value: str) -> None:
    done = manage(**{name: value})

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith(f"{name}={value}: has to be ")


def test_an_empty_setting_is_the_default() -> None:
    names = ("QUEUES_FILE", "HEARTBEAT_TTL_SECONDS", "PARTY_MAX_SIZE", "BEHIND_TLS_PROXY", "LOG_LEVEL", "LOG_FORMAT")

    assert manage(**dict.fromkeys(names, "")).stdout == manage().stdout != ""


def test_rules_that_cannot_be_read_are_told_with_the_setting_that_names_them() -> None:
    done = manage(QUEUES_FILE="/nowhere/queues.toml")

    assert done.stderr == (
        "/nowhere/queues.toml: cannot be read (No such file or directory): QUEUES_FILE names the rules of the queues\n"
    )


def test_with_debug_on_the_defaults_are_good_enough() -> None:
    done = start(DEBUG="True", SECRET_KEY="insecure-development-secret-key-change-me")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"REDIS_URL": "redis://h:1/0", "REDIS_PASSWORD": "p@ss/w"}, "redis://:p%40ss%2Fw@h:1/0"),
        ({"REDIS_URL": "redis://u:own@h:1/0", "REDIS_PASSWORD": "other"}, "redis://u:own@h:1/0"),
        ({"REDIS_URL": "redis://h:1/0"}, "redis://h:1/0"),
        ({"REDIS_HOST": "h", "REDIS_PORT": "7", "REDIS_PASSWORD": "p"}, "redis://:p@h:7/0"),
    ],
)
def test_the_password_may_stand_beside_the_url(environment: dict[str, str], url: str) -> None:
    show = "from django.conf import settings as s; print(s.REDIS_URL, s.CELERY_BROKER_URL)"
    done = start(show, **environment)

    assert done.stdout.split()[-2:] == [url, url]


def test_celery_verifies_the_certificate_of_a_tls_redis() -> None:
    show = "from django.conf import settings as s; print(s.REDIS_URL, s.CELERY_BROKER_URL)"
    done = start(show, REDIS_URL="rediss://h:1/0")

    assert done.stdout.split() == ["rediss://h:1/0", "rediss://h:1/0?ssl_cert_reqs=required"]


def test_one_ca_file_serves_the_data_store_and_the_broker() -> None:
    show = "from django.conf import settings as s; print(s.REDIS_URL, s.CELERY_BROKER_URL)"
    broker = "rediss://b:1/0?ssl_cert_reqs=required"
    done = start(show, REDIS_URL="rediss://h:1/0", CELERY_BROKER_URL=broker, REDIS_CA_FILE=__file__)

    file = quote(__file__)
    assert done.stdout.split() == [f"rediss://h:1/0?ssl_ca_certs={file}", f"{broker}&ssl_ca_certs={file}"]


def test_a_cluster_for_the_data_wants_another_redis_for_celery() -> None:
    done = start(REDIS_URL="redis+cluster://h", REDIS_KEY_PREFIX="{caroud}:", CELERY_BROKER_URL="redis://b:1/0")

    assert done.returncode == 0, done.stderr
