"""What each kind of caller may knock at. Whose ticket or match it is, the services decide."""

from typing import Any, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from errors import NotAllowed
from players.tokens import Caller, FleetCaller, PlayerCaller, ServerCaller


class IsPlayer(BasePermission):
    message = "this call is for players: send an access token of POST /api/token/"

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, PlayerCaller)


class IsStaff(BasePermission):
    message = "this call is for staff"

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, PlayerCaller) and request.user.is_staff


class IsFleet(BasePermission):
    message = "this call is for the studio's own back end: send the fleet key in X-Fleet-Key"

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, FleetCaller)


class IsServer(BasePermission):
    message = "this call is for game servers: send the token of POST /api/servers/register/"

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, ServerCaller)


class IsServerOrStaff(BasePermission):
    message = "this call is for game servers and staff"

    def has_permission(self, request: Request, view: Any) -> bool:
        user = request.user
        return isinstance(user, ServerCaller) or (isinstance(user, PlayerCaller) and user.is_staff)


class IsServerOrFleet(BasePermission):
    message = "this call is for game servers, or with the fleet key for matches without a server"

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, ServerCaller | FleetCaller)


def caller_of_request(request: Request) -> Caller:
    """Who calls, as `BearerToken` found out; a view's permissions say which kinds there can be."""
    return cast(Caller, request.user)


def player_of(request: Request) -> PlayerCaller:
    """The caller of a view that lets only players in."""
    return cast(PlayerCaller, request.user)


def server_of(request: Request) -> ServerCaller:
    """The caller of a view that lets only game servers in."""
    return cast(ServerCaller, request.user)


def server_or_fleet_of(request: Request) -> ServerCaller | FleetCaller:
    """The caller of a view that lets game servers and the fleet in."""
    return cast(ServerCaller | FleetCaller, request.user)


def own_server(caller: ServerCaller, server_id: str) -> ServerCaller:
    """The caller, if it is this server. Raises `NotAllowed`."""
    if caller.server_id != server_id:
        raise NotAllowed("a server acts for itself only: this token belongs to another one")
    return caller
