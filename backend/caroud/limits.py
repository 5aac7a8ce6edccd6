"""Which call is limited by what. Rates are settings; the limiter comes from the wiring."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from caroud import wiring
from datastore.rates import Rate, Turn
from players.tokens import FleetCaller, PlayerCaller, ServerCaller
from rest.addresses import client_of
from rest.throttles import Limit


def client_address(request: Request | HttpRequest) -> str:
    """The client's address; behind proxies, the one that the outermost trusted proxy saw."""
    return client_of(request.META, trusted_proxies=settings.TRUSTED_PROXIES if settings.BEHIND_TLS_PROXY else 0)


class CallerLimit(Limit):
    """Every call that has no limit of its own: players and servers by id, anyone by address.

    Cheap: see `RateLimiter.take_cheaply`. Who holds the fleet key is the studio itself and is not limited.
    """

    def turn(self, request: Request) -> Turn | None:
        caller = request.user
        rate: Rate | None
        if isinstance(caller, FleetCaller):
            return None
        if isinstance(caller, ServerCaller):
            self.name, who, rate = "server", caller.server_id, settings.RATE_LIMIT_SERVER
        elif isinstance(caller, PlayerCaller):
            self.name, who, rate = "player", caller.id, settings.RATE_LIMIT_PLAYER
        else:
            self.name, who, rate = "anyone", client_address(request), settings.RATE_LIMIT_PLAYER
        return None if rate is None else wiring.rate_limiter().take_cheaply(self.name, who, rate)


class AddressLimit(Limit):
    """Calls that make accounts, take passwords or cost much: by address, each counted in Redis, before anything else
    is looked at."""

    def turn(self, request: Request) -> Turn | None:
        return address_turn(self.name, request)


def address_turn(name: str, request: Request | HttpRequest) -> Turn | None:
    """One turn of the caller's address under `RATE_LIMIT_ADDRESS`; None where that is off."""
    rate: Rate | None = settings.RATE_LIMIT_ADDRESS
    return None if rate is None else wiring.rate_limiter().take(name, client_address(request), rate)


class LogInLimit(AddressLimit):
    name = "log-in"


class RefreshLimit(AddressLimit):
    name = "refresh"


class RegisterLimit(AddressLimit):
    name = "register"


class RegisterServerLimit(AddressLimit):
    name = "register-server"


class SchemaLimit(AddressLimit):
    name = "schema"
