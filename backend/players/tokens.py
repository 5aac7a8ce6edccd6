"""Tokens: who a caller is, without a look into any store.

Three kinds of caller, each with its own credential:

- a player: access token (15 minutes) of this service or of the studio's own issuer,
- a game server: the token that its registration returned, bound to id and generation,
- the fleet: the key that may register servers and report matches that have none.
"""

import unicodedata
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from threading import Lock
from typing import Any

import jwt
from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError

from datastore.clock import shared_clock
from players.models import Player
from players.timely_tokens import AccessToken, RefreshToken, Token

#: Characters. Ours have some 400, other issuers' up to a few thousand; a longer one is not worth reading.
_LONGEST_TOKEN = 8_192
#: Tokens remembered as verified, per process. One is about 1 kB.
_REMEMBERED = 20_000
#: Characters of `iss|sub` that are kept.
_LONGEST_SUBJECT = 255
#: Unicode categories: controls, formats (direction overrides among them), surrogates, line and paragraph separators.
_NO_TEXT = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: Ids of players of an external issuer are derived, so that no look-up is needed: uuid5(this, "iss|sub").
_EXTERNAL_NAMESPACE = uuid.UUID("6d1a0f5e-3f0c-4c8e-9a53-1f6f0c5f3c11")


class ServerToken(Token):
    """What a registered game server shows. A newer registration makes it stale."""

    token_type = "server"  # noqa: S105 - the kind of token, not a secret
    lifetime = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PlayerCaller:
    """A player, as the token says."""

    id: str
    username: str
    is_staff: bool = False
    #: `iss|sub` where the account lives with an external issuer.
    external_subject: str = ""
    is_authenticated: bool = True

    @property
    def caller_key(self) -> str:
        """A name that no other caller of any kind has."""
        return f"player:{self.id}"


@dataclass(frozen=True, slots=True)
class ServerCaller:
    """A game server, as the token of its registration says."""

    server_id: str
    generation: int
    is_authenticated: bool = True

    @property
    def caller_key(self) -> str:
        return f"server:{self.server_id}"


@dataclass(frozen=True, slots=True)
class FleetCaller:
    """Whoever holds the fleet key: the studio's own back end."""

    is_authenticated: bool = True
    caller_key: str = "fleet"


Caller = PlayerCaller | ServerCaller | FleetCaller


class InvalidToken(Exception):
    """The token is not ours, not whole or no longer valid; the message says which."""


def tokens_for(player: Player) -> dict[str, str]:
    """A fresh pair of access and refresh token."""
    refresh = RefreshToken.for_user(player)
    refresh["username"] = player.username
    refresh["is_staff"] = player.is_staff
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


def rotate_tokens(raw: str) -> dict[str, str]:
    """A fresh pair for a refresh token, with what the account is now; each refresh token works once.

    Raises `InvalidToken`.
    """
    try:
        used = RefreshToken(raw)  # type: ignore[arg-type]
        noted: Any = used.blacklist()  # (row, whether it is new), whatever its annotation says
    except TokenError as error:
        raise InvalidToken("the refresh token is invalid, has expired or was used before") from error
    player = Player.objects.filter(id=str(used.payload["sub"]), is_active=True).first()
    if not noted[1] or player is None:
        raise InvalidToken("the refresh token was used before, or its account is gone")
    return tokens_for(player)


def server_token(server_id: str, generation: int) -> str:
    token = ServerToken()
    token["sub"] = server_id
    token["generation"] = generation
    return str(token)


class _VerifiedTokens:
    """Callers of tokens that were verified before, until they expire; the oldest go first."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._callers: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._lock = Lock()

    def find(self, raw: str) -> Caller | None:
        known = self._callers.get(raw)
        return known[1] if known is not None and known[0] * 1000 > shared_clock.now_ms() else None

    def remember(self, raw: str, expires: float, caller: Caller) -> None:
        with self._lock:
            self._callers[raw] = (expires, caller)
            while len(self._callers) > self._kept:
                self._callers.popitem(last=False)


_verified = _VerifiedTokens(_REMEMBERED)


def caller_of(raw: str) -> Caller:
    """Who shows this token. Raises `InvalidToken`. A token is verified once per process, then remembered."""
    if len(raw) > _LONGEST_TOKEN:
        raise InvalidToken("this is not a token")
    caller = _verified.find(raw)
    if caller is None:
        claims, caller = _verify(raw)
        _verified.remember(raw, float(claims["exp"]), caller)
    return caller


def _verify(raw: str) -> tuple[dict[str, Any], Caller]:
    try:
        unverified = jwt.decode(raw, options={"verify_signature": False})
    except (jwt.InvalidTokenError, RecursionError) as error:
        raise InvalidToken("this is not a token") from error
    if settings.EXTERNAL_JWKS_URL and unverified.get("iss") == settings.EXTERNAL_ISSUER:
        return _verify_external(raw)
    token_class = ServerToken if unverified.get("token_type") == ServerToken.token_type else AccessToken
    try:
        claims: dict[str, Any] = token_class(raw).payload  # type: ignore[arg-type]
    except TokenError as error:
        raise InvalidToken("the token is invalid or has expired") from error
    return claims, _caller_from(claims)


def _caller_from(claims: dict[str, Any]) -> Caller:
    try:
        if claims["token_type"] == ServerToken.token_type:
            return ServerCaller(server_id=str(claims["sub"]), generation=int(claims["generation"]))
        return PlayerCaller(
            id=str(uuid.UUID(claims["sub"])),
            username=str(claims["username"]),
            is_staff=claims.get("is_staff") is True,
        )
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidToken("the token lacks what this service puts into its own") from error


@cache
def _jwks_client() -> jwt.PyJWKClient:
    return jwt.PyJWKClient(settings.EXTERNAL_JWKS_URL, cache_keys=True, lifespan=300, timeout=3)


def _verify_external(raw: str) -> tuple[dict[str, Any], Caller]:
    try:
        key = _jwks_client().get_signing_key_from_jwt(raw)
        claims: dict[str, Any] = jwt.decode(
            raw,
            key.key,
            algorithms=["RS256", "ES256", "EdDSA"],
            issuer=settings.EXTERNAL_ISSUER,
            audience=settings.EXTERNAL_AUDIENCE,
            options={"require": ["exp", "sub"]},
        )
    except (jwt.InvalidTokenError, jwt.PyJWKClientError) as error:
        raise InvalidToken("the issuer's token is invalid, has expired or cannot be verified") from error
    subject = f"{claims['iss']}|{claims['sub']}"
    if subject != _printable(subject) or len(subject) > _LONGEST_SUBJECT:
        raise InvalidToken("the issuer's `sub` cannot be kept: it is too long, or has signs that are no text")
    shown = str(claims.get("preferred_username") or claims.get("username") or "")
    username = (_printable(shown).strip() or str(claims["sub"]))[:150]
    player_id = str(uuid.uuid5(_EXTERNAL_NAMESPACE, subject))
    return claims, PlayerCaller(id=player_id, username=username, external_subject=subject)


def _printable(text: str) -> str:
    """The text without controls, line breaks, direction overrides and halves of surrogate pairs: no store and no log
    line can be led astray by what is left."""
    return "".join(sign for sign in text if unicodedata.category(sign) not in _NO_TEXT)


def renewed_server_token(raw: str) -> str | None:
    """A fresh token for a server whose token is past half its life; None while it is young."""
    claims = jwt.decode(raw, options={"verify_signature": False})
    remaining = claims["exp"] - shared_clock.now_ms() / 1000
    if remaining > ServerToken.lifetime.total_seconds() / 2:
        return None
    return server_token(claims["sub"], claims["generation"])
