"""The server pool's door: drain, list. Registration, heartbeats and removal, which touch matches, are matchmaking's."""

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from caroud import wiring
from errors import Conflict, Unknown
from players.permissions import IsServerOrStaff, IsStaff, caller_of_request, own_server
from players.tokens import ServerCaller
from rest.fields import no_fields
from rest.schema import problems
from rest.views import Door, answer
from servers.answers import of_pool
from servers.serializers import DrainAnswer, PoolAnswer
from servers.server import Absence, ServerId
from servers.services.drain_server import drain_server


class DrainView(Door):
    permission_classes = [IsServerOrStaff]

    @extend_schema(
        request=None,
        responses={200: DrainAnswer, **problems(400, 401, 403, 404, 409, 503)},
        summary="No new matches for a server",
        tags=["servers"],
    )
    def post(self, request: Request, server_id: str) -> HttpResponse:
        no_fields(request)
        caller = caller_of_request(request)
        generation = own_server(caller, server_id).generation if isinstance(caller, ServerCaller) else None
        absence = drain_server(pool=wiring.server_pool(), server_id=ServerId(server_id), generation=generation)
        if absence is Absence.STALE:
            raise Conflict("this server has registered again since: use the newer token")
        if absence is not None:
            raise Unknown(f"there is no server {server_id}")
        return answer({"status": "draining"})


class PoolView(Door):
    permission_classes = [IsStaff]

    @extend_schema(
        responses={200: PoolAnswer, **problems(401, 403, 503)}, summary="Every server and the pool", tags=["servers"]
    )
    def get(self, request: Request) -> HttpResponse:
        return answer(
            of_pool(
                wiring.server_pool().list(),
                now_ms=wiring.clock(),
                heartbeat_ttl_seconds=settings.HEARTBEAT_TTL_SECONDS,
            )
        )
