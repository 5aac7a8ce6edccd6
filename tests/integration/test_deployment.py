"""What is deployed: production settings without a warning, and nothing that opens without a login."""

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.integration.conftest import PASSWORD, Api

BACKEND = Path(__file__).parents[2] / "backend"


def production(**changes: str | None) -> dict[str, str]:
    """The environment of a machine behind a load balancer, and nothing of this one's; None takes a variable out."""
    made: dict[str, str | None] = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    made |= {"SECRET_KEY": secrets.token_urlsafe(48), "FLEET_KEY": secrets.token_urlsafe(48)}
    made |= {"BEHIND_TLS_PROXY": "True", "ALLOWED_HOSTS": "matchmaking.example.com"}
    made |= {"REDIS_URL": "rediss://:secret@redis.example.com:6379/0?ssl_cert_reqs=required"}
    made |= {"DATABASE_URL": "postgres://caroud:secret@postgres.example.com:5432/caroud?sslmode=verify-full"}
    return {name: value for name, value in (made | changes).items() if value is not None}


def run_in(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=BACKEND, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def deploy_check(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return run_in(environment, "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "INFO")


def test_production_settings_pass_djangos_deploy_check_without_a_warning() -> None:
    done = deploy_check(production())

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"BEHIND_TLS_PROXY": "False"}, "security.W008"),
        ({"DEBUG": "True"}, "security.W018"),
        ({"ALLOWED_HOSTS": ""}, "security.W020"),
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"FLEET_KEY": None}, "FLEET_KEY"),
    ],
)
def test_settings_that_are_not_safe_do_not_pass(change: dict[str, str | None], warning: str) -> None:
    done = deploy_check(production(**change))

    assert done.returncode != 0
    assert warning in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("RATE_LIMIT_PLAYER", "many"), ("RATE_LIMIT_SERVER", "0/5"), ("RATE_LIMIT_ADDRESS", ""), ("TRUSTED_PROXIES", "0")],
)
def test_a_limit_that_cannot_be_meant_stops_the_start(name: str, value: str) -> None:
    done = deploy_check(production(**{name: value}))

    assert done.returncode != 0
    assert name in done.stderr.strip().splitlines()[-1]


def test_flower_does_not_start_without_a_login() -> None:
    done = run_in(production(REDIS_URL=None), "-m", "celery", "-A", "celery_app", "flower", "--port=0")

    assert done.returncode != 0
    assert "FLOWER_BASIC_AUTH" in done.stderr


def admin_pages() -> list[str]:
    """Every list and every form of the admin."""
    names = [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]
    assert len(names) > 3
    pages = [reverse(f"admin:{name}_{kind}") for name in names for kind in ("changelist", "add")]
    return [reverse("admin:index"), reverse("admin:password_change"), reverse("admin:jsi18n"), *pages]


def test_no_page_of_the_admin_opens_without_a_staff_login(api: Api, django_user_model: Any) -> None:
    player = api.player("somebody")
    not_staff = Client()
    not_staff.force_login(django_user_model.objects.get(id=player.id))
    with_a_token = Client(headers={"Authorization": f"Bearer {player.token}"})

    for page in admin_pages():
        for client in (Client(), not_staff, with_a_token):
            response = client.get(page)
            assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/admin/login/"), page


def test_the_admin_changes_nothing_for_a_forged_form(api: Api, django_user_model: Any) -> None:
    """What security.W003 asks for; it is silenced because it looks for the middleware by another name."""
    player = api.player("somebody")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(django_user_model.objects.create_superuser("boss"))

    response = browser.post(f"/admin/players/player/{player.id}/delete/", {"post": "yes"})

    assert response.status_code == 403
    assert django_user_model.objects.filter(id=player.id).exists()


def test_the_service_itself_shows_no_metrics_and_no_debug_page(api: Api) -> None:
    for path in (
        "/metrics",
        "/metrics/",
        "/api/metrics/",
        "/flower/",
        "/debug/",
        "/__debug__/",
        "/.env",
        "/.git/config",
    ):
        response = api.client.get(path)
        assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json"), path


@pytest.mark.parametrize("password", ["short-7", "password", "12345678901", "somebody-else", "qwertyuiop", "Somebody1"])
def test_a_password_that_is_easy_to_guess_is_refused_by_name(api: Api, password: str) -> None:
    body = {"username": "somebody", "password": password}

    answer = api.post("players/register/", body, expect=400)

    assert answer["field"] == "password"


def test_passwords_are_kept_as_argon2_and_never_given_back(api: Api, settings: Any, django_user_model: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]

    answer = api.post("players/register/", {"username": "somebody", "password": PASSWORD}, expect=201)

    assert django_user_model.objects.get().password.startswith("argon2$argon2id$")
    assert PASSWORD not in str(answer)
    assert "password" not in answer


def test_the_admin_shows_nobody_the_refresh_tokens_of_players(api: Api, django_user_model: Any) -> None:
    """The blacklist keeps them whole: who can read one can be that player for two weeks."""
    api.player("somebody")
    api.client.force_login(django_user_model.objects.create_superuser("boss"))

    for model in ("outstandingtoken", "blacklistedtoken"):
        assert api.client.get(f"/admin/token_blacklist/{model}/").status_code == 404
