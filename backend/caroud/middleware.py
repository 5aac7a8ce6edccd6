"""Calls that come a thousand times a second do not pay for what they do not need, and only the admin's pages pay for
sessions: the API knows its callers by token, without session, cookie and CSRF.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware

from caroud.limits import LogInLimit, address_turn
from matchmaking.urls import hot_urlpatterns
from rest.problems import answer_problem
from rest.throttles import TooManyCalls

Answer = Callable[[HttpRequest], HttpResponseBase]


class HotCalls:
    """The first middleware: a ticket's calls go straight to their view, past the other middlewares and the search for
    their address, which take a tenth of a join. They get the headers that Django's own middlewares would set."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response
        self._views: dict[str, Any] = {
            f"/{call.pattern}": convert_exception_to_response(call.callback) for call in hot_urlpatterns
        }
        #: By whether a call came by HTTPS; None where it is sent there first.
        self._headers = {is_secure: _security_headers(is_secure) for is_secure in (False, True)}
        self._asks_scheme = self._headers[False] != self._headers[True]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = self._views.get(request.path_info)
        headers = self._headers[self._asks_scheme and request.is_secure()]
        if view is None or headers is None:
            return self._get_response(request)
        response: HttpResponseBase = view(request)
        # As `response.headers.update` does, without looking at four constants each time whether they are ASCII.
        response.headers._store |= headers
        return response


def _security_headers(is_secure: bool) -> dict[str, tuple[str, str]] | None:
    """What the two middlewares add to an answer, as it keeps its headers; None where they redirect the call."""
    if settings.SECURE_SSL_REDIRECT and not is_secure:
        return None
    request, answer = HttpRequest(), HttpResponse()
    request._get_scheme = lambda: "https" if is_secure else "http"  # type: ignore[attr-defined]
    if settings.SECURE_PROXY_SSL_HEADER and is_secure:
        header, secure = settings.SECURE_PROXY_SSL_HEADER
        request.META[header] = secure
    before: Any = dict(answer.headers._store)
    chain: Any = SecurityMiddleware(XFrameOptionsMiddleware(lambda _: answer))
    chain(request)
    return {name: said for name, said in answer.headers._store.items() if name not in before}


class AdminPages:
    """One step aside for every path outside the admin; inside it Django's session, common, CSRF, authentication and
    message middlewares in their usual order, and a limit on guessing passwords."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response
        self._prefix: str = settings.BROWSER_MIDDLEWARE_PREFIX
        with_messages: Any = MessageMiddleware(get_response)
        self._csrf = CsrfViewMiddleware(AuthenticationMiddleware(LogInGuard(with_messages)))
        self._pages: Any = SessionMiddleware(CommonMiddleware(self._csrf))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(self._prefix):
            return self._get_response(request)
        answer: HttpResponseBase = self._pages(request)
        return answer

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """The look at the CSRF token, which Django takes once it knows the view."""
        if not request.path_info.startswith(self._prefix):
            return None
        return self._csrf.process_view(request, view, args, kwargs)


class LogInGuard:
    """Guessing a password in the admin is as slow as it is at `/api/token/`: one limit for both."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST" and request.path_info == f"{settings.BROWSER_MIDDLEWARE_PREFIX}login/":
            turn = address_turn(LogInLimit.name, request)
            if turn is not None and not turn.is_allowed:
                return answer_problem(TooManyCalls(LogInLimit.name, turn)) or HttpResponse(status=429)
        return self._get_response(request)
