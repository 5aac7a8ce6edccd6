"""Our own tokens by the service's time: where one web host's clock is wrong, what it issues counts elsewhere, and what
others issued counts with it."""

from datetime import datetime
from typing import Any

import jwt
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError
from rest_framework_simplejwt.settings import api_settings

from datastore.clock import shared_clock

#: Seconds since 1970: the end of the last year that a date can have.
_LAST_SECOND = 253_402_300_799


class _TimelessBackend(TokenBackend):
    """Whether a token is ours and whole. Whether its time is over is asked by the token, `Token.verify`."""

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                self.get_verifying_key(token),
                algorithms=[self.algorithm],
                options={"verify_signature": verify, "verify_exp": False, "verify_iat": False, "verify_aud": False},
            )
        except jwt.InvalidTokenError as error:
            raise TokenBackendError("the token is invalid") from error
        until = payload.get("exp", 0)
        if not isinstance(until, int) or not 0 <= until <= _LAST_SECOND:
            raise TokenBackendError("the token ends at no time that there is")
        return payload


_backend = _TimelessBackend(api_settings.ALGORITHM, api_settings.SIGNING_KEY, api_settings.VERIFYING_KEY)


class _Timely:
    """Of a token: its "now" is the service's."""

    @property
    def current_time(self) -> datetime:
        return self._now

    @current_time.setter
    def current_time(self, by_the_host: datetime) -> None:
        self._now = shared_clock.now()

    def get_token_backend(self) -> TokenBackend:
        return _backend


class Token(_Timely, tokens.Token):
    """Of another kind than access and refresh."""


class AccessToken(_Timely, tokens.AccessToken):
    """Of a player, for some minutes."""


class RefreshToken(_Timely, tokens.RefreshToken):  # type: ignore[misc]
    """What a player gets the next access token for, once."""

    access_token_class = AccessToken
