"""What the HTTP doors share: JSON in, JSON out, and nothing paid for that is not used."""

import json
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView


class JsonOnly(BaseContentNegotiation):
    """The one format there is; an Accept header is not worth parsing for it."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


_JSON = JSONRenderer()


class Door(APIView):
    """A view that takes in, calls one service, answers."""

    content_negotiation_class = JsonOnly
    renderer_classes = [JSONRenderer]
    versioning_class = None
    #: OPTIONS would describe the view to nobody who needs it; the schema does.
    http_method_names = ["get", "post", "delete", "head"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Too often? Who calls, and may they? Formats and versions are not negotiated: there is one of each.

        Limits first: those by address must hold for wrong credentials too, those by caller authenticate by asking.
        """
        request.accepted_renderer = _JSON
        request.accepted_media_type = _JSON.media_type
        self.check_throttles(request)
        self.perform_authentication(request)
        self.check_permissions(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Answers are made whole by `answer` and `problem`; nothing is rendered afterwards."""
        for name, value in getattr(request, "limit_headers", {}).items():
            response.headers.setdefault(name, value)
        return response


def answer(body: Any, *, status: int = 200) -> HttpResponse:
    """A JSON answer without DRF's rendering round, which costs more than the call behind it."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Content-Length": str(len(content))}
    return HttpResponse(content, status=status, content_type="application/json", headers=headers)
