"""What the HTTP doors share: JSON in, JSON out, and nothing paid for that is not used."""

from collections.abc import Iterable
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

_METHODS = ("GET", "HEAD", "POST", "DELETE")


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
_NEGOTIATOR = JsonOnly()


class Call(Request):
    """DRF's request; its caller is looked for once, and found by a look at a dictionary from then on."""

    @property
    def user(self) -> Any:
        if "_user" not in self.__dict__:
            self._authenticate()  # type: ignore[attr-defined]
        return self._user  # type: ignore[attr-defined]

    @user.setter
    def user(self, value: Any) -> None:
        Request.user.fset(self, value)  # type: ignore[attr-defined]


class Door(APIView):
    """A view that takes in, calls one service, answers."""

    content_negotiation_class = JsonOnly
    renderer_classes = [JSONRenderer]
    versioning_class = None
    #: OPTIONS would describe the view to nobody who needs it; the schema does.
    http_method_names = [name.lower() for name in _METHODS]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Call:
        return Call(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=_NEGOTIATOR,
            parser_context={"view": self, "args": args, "kwargs": kwargs},
        )

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """As in `APIView`, but for the headers that would be made for answers that DRF renders."""
        self.args, self.kwargs = args, kwargs
        call = self.request = self.initialize_request(request, *args, **kwargs)
        method = (request.method or "").lower()
        try:
            self.initial(call, *args, **kwargs)
            known = method in self.http_method_names
            act = getattr(self, method, self.http_method_not_allowed) if known else self.http_method_not_allowed
            response = act(call, *args, **kwargs)
        except Exception as error:
            response = self.handle_exception(error)
        self.response = self.finalize_response(call, response)
        return self.response

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """RFC 9110 wants to be told what is allowed; OPTIONS, which Django would name, is not."""
        error = MethodNotAllowed(request.method or "")
        error.headers = {"Allow": ", ".join(name for name in _METHODS if hasattr(self, name.lower()))}  # type: ignore[attr-defined]
        raise error

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
        for name, value in request._request.__dict__.get("limit_headers", {}).items():
            response.headers.setdefault(name, value)
        return response


def answer(body: Any, *, status: int = 200) -> HttpResponse:
    """A JSON answer without DRF's rendering round, which costs more than the call behind it."""
    content = orjson.dumps(body)
    headers = {"Content-Length": str(len(content))}
    return HttpResponse(content, status=status, content_type="application/json", headers=headers)
