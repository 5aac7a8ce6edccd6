"""Middleware that only the admin's pages need, so that the API's calls do not pay for it.

The API knows its callers by token: no session, no cookie, no CSRF. Bare Django with the admin's five
middlewares in the way costs about a tenth of a join more.
"""

from collections.abc import Callable

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


class _AdminOnly:
    """Step aside for every path outside the admin."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(settings.BROWSER_MIDDLEWARE_PREFIX):
            return super().__call__(request)  # type: ignore[misc,no-any-return]
        return self.get_response(request)  # type: ignore[attr-defined,no-any-return]


class AdminSession(_AdminOnly, SessionMiddleware):
    pass


class AdminCommon(_AdminOnly, CommonMiddleware):
    pass


class AdminCsrf(_AdminOnly, CsrfViewMiddleware):
    pass


class AdminAuthentication(_AdminOnly, AuthenticationMiddleware):
    pass


class AdminMessages(_AdminOnly, MessageMiddleware):
    pass


class AdminLogInLimit:
    """Guessing a password in the admin is as slow as it is at `/api/token/`: one limit for both."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method == "POST" and request.path_info == f"{settings.BROWSER_MIDDLEWARE_PREFIX}login/":
            turn = address_turn(LogInLimit.name, request)
            if turn is not None and not turn.is_allowed:
                return answer_problem(TooManyCalls(LogInLimit.name, turn)) or HttpResponse(status=429)
        return self.get_response(request)
