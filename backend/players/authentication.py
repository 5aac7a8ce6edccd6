"""Callers by header: `Authorization: Bearer …` or `X-Fleet-Key: …`. No SQL, no Redis."""

import hmac
from typing import Any

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from players.tokens import Caller, FleetCaller, InvalidToken, caller_of


class BearerToken(BaseAuthentication):
    """Players and game servers by token, the fleet by its key."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        caller = self._caller(request)
        return None if caller is None else (caller, None)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="caroud"'

    def _caller(self, request: Request) -> Caller | None:
        header: str = request._request.META.get("HTTP_AUTHORIZATION", "")
        if header:
            scheme, _, raw = header.partition(" ")
            if scheme.lower() != "bearer" or not raw:
                raise AuthenticationFailed("send `Authorization: Bearer <token>`")
            try:
                return caller_of(raw.strip())
            except InvalidToken as error:
                raise AuthenticationFailed(f"{error}; get one at /api/token/") from error
        key: str | None = request._request.META.get("HTTP_X_FLEET_KEY")
        if key is None:
            return None
        if not is_fleet_key(key):
            raise AuthenticationFailed("X-Fleet-Key is not the fleet key")
        return FleetCaller()


def is_fleet_key(key: str) -> bool:
    """Whether `key` is a fleet key; takes as long for a wrong one as for a right one."""
    shown = key.encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(shown, known.encode()) for known in settings.FLEET_KEYS]
    return any(matches)
