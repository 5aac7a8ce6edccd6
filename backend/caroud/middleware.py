"""What only the admin's pages need, so that the API's calls do not pay for it.

The API knows its callers by token: no session, no cookie, no CSRF. Bare Django with the admin's five
middlewares in the way costs about a tenth of a join more.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware

from caroud.limits import LogInLimit, address_turn
from rest.problems import answer_problem
from rest.throttles import TooManyCalls

Answer = Callable[[HttpRequest], HttpResponseBase]


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
