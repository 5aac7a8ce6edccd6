"""A ticket's calls pass by Django's middlewares, and nobody can tell from outside."""

from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from django.urls import resolve

from matchmaking.urls import hot_urlpatterns
from tests.integration.conftest import Api

#: One of each kind: without a token, so that no store is asked.
HOT, OTHER = "/api/matchmaking/status/", "/api/matchmaking/redis/status/"
#: Not of the middlewares: what the answer itself is.
OF_THE_ANSWER = {"Content-Type", "Content-Length", "WWW-Authenticate", "Vary"}


def headers_of(path: str, **environ: Any) -> dict[str, str]:
    client = Client()
    client.handler._middleware_chain = None  # type: ignore[attr-defined]  # made anew, from the settings of now
    answer = client.get(path, **environ)
    return {name: said for name, said in answer.headers.items() if name not in OF_THE_ANSWER}


@pytest.mark.parametrize("is_secure", [False, True])
@pytest.mark.parametrize("behind_proxy", [False, True])
def test_hot_calls_get_the_headers_that_djangos_middlewares_set(
    api: Api, settings: Any, is_secure: bool, behind_proxy: bool
) -> None:
    settings.SECURE_SSL_REDIRECT = behind_proxy
    settings.SECURE_HSTS_SECONDS = 31_536_000 if behind_proxy else 0
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if behind_proxy else None
    settings.ALLOWED_HOSTS = ["api.example.com"]
    environ: dict[str, Any] = {"HTTP_HOST": "api.example.com"}
    if is_secure and behind_proxy:
        environ["HTTP_X_FORWARDED_PROTO"] = "https"

    hot, other = (headers_of(path, secure=is_secure and not behind_proxy, **environ) for path in (HOT, OTHER))

    assert {name: said.replace(HOT, OTHER) for name, said in hot.items()} == other
    assert ("Location" in hot) is (behind_proxy and not is_secure)
    assert ("Strict-Transport-Security" in hot) is (behind_proxy and is_secure)
    assert "Location" in hot or (hot["X-Content-Type-Options"], hot["X-Frame-Options"]) == ("nosniff", "DENY")


def test_hot_calls_go_to_the_views_of_their_addresses() -> None:
    handler: Any = WSGIHandler()
    chain = handler._middleware_chain.__wrapped__
    assert list(chain._views) == [f"/{call.pattern}" for call in hot_urlpatterns]
    for path, view in chain._views.items():
        assert view.__wrapped__ is resolve(path).func


def test_a_fault_of_ours_in_a_hot_call_is_a_500_that_says_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret")

    monkeypatch.setattr("matchmaking.views.ticket_status", break_down)
    client = Client(raise_request_exception=False)

    answer = client.get(HOT, headers={"authorization": f"Bearer {api.player().token}"})

    assert answer.status_code == 500
    assert "secret" not in answer.content.decode()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
