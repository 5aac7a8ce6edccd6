"""Errors as `application/problem+json` (RFC 9457): one place turns exceptions into HTTP."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.views import set_rollback

from errors import Conflict, Invalid, NotAllowed, NotYet, Refusal, StoreLost, StoreUnavailable, Unknown

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
#: Seconds. What a caller is told to wait while a store is away: about one breaker or failover period.
RETRY_AFTER_SECONDS = 2

_NO_CREDENTIALS = (
    "no credentials: send `Authorization: Bearer <token>`, with a player's token of /api/token/ or a server's of "
    "/api/servers/register/; to register servers send the fleet key as X-Fleet-Key"
)
_STATUS_OF_REFUSAL: dict[type[Refusal], int] = {Invalid: 400, NotAllowed: 403, Unknown: 404, Conflict: 409}


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> HttpResponse:
    """One problem document. `members` are extension members, such as `field` or `match`."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **members}
    content = json.dumps(body, ensure_ascii=False).encode()
    sent = {"Content-Length": str(len(content)), **(headers or {})}
    return HttpResponse(content, status=status, content_type=MEDIA_TYPE, headers=sent)


def answer_problem(error: Exception, context: Mapping[str, Any] | None = None) -> HttpResponse | None:
    """DRF's exception handler. What it does not know stays an exception: a fault of ours."""
    if isinstance(error, NotYet):
        return problem(503, error.detail, headers={"Retry-After": "1"})
    if isinstance(error, Refusal):
        members: dict[str, Any] = {"field": error.field} if error.field else {}
        return problem(_STATUS_OF_REFUSAL[type(error)], error.detail, **members, **error.extra)
    if isinstance(error, StoreUnavailable):
        logger.warning("%s", error)
        return _unavailable(error.store, 1 if isinstance(error, StoreLost) else RETRY_AFTER_SECONDS)
    if isinstance(error, OperationalError | InterfaceError):
        logger.warning(
            "postgresql is unavailable: %s", str(error).splitlines()[0] if str(error) else type(error).__name__
        )
        return _unavailable("postgresql")
    if isinstance(error, RequestDataTooBig):
        return problem(413, f"the body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes", field="body")
    if isinstance(error, SuspiciousOperation):
        return bad_request(None, error)
    if isinstance(error, exceptions.ValidationError):
        set_rollback()
        errors = list(_field_errors(error.detail))
        first = errors[0]
        return problem(400, f"{first['field']}: {first['detail']}", field=first["field"], errors=errors)
    if isinstance(error, exceptions.APIException):
        set_rollback()
        return _of_api_exception(error)
    return None


def _of_api_exception(error: exceptions.APIException) -> HttpResponse:
    headers = {}
    if (challenge := getattr(error, "auth_header", None)) is not None:
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = f"{wait:.0f}"
    headers |= getattr(error, "headers", {})
    members = {"field": "body"} if isinstance(error, exceptions.ParseError) else {}
    detail = _NO_CREDENTIALS if isinstance(error, exceptions.NotAuthenticated) else error.detail
    if isinstance(detail, dict):
        detail = detail.get("detail", detail)
    return problem(error.status_code, str(detail), headers=headers, **members)


def _unavailable(store: str, seconds: int = RETRY_AFTER_SECONDS) -> HttpResponse:
    return problem(
        503,
        f"{store} does not answer; nothing was changed by this call, or it can be repeated. Try again.",
        headers={"Retry-After": str(seconds)},
    )


def _field_errors(detail: Any, path: str = "") -> list[dict[str, str]]:
    """Flatten DRF's nested messages into `{field, detail}` rows; `body` is the whole."""
    if isinstance(detail, Mapping):
        return [row for key, value in detail.items() for row in _field_errors(value, _joined(path, str(key)))]
    if isinstance(detail, list):
        rows: list[dict[str, str]] = []
        for place, value in enumerate(detail):
            nested = isinstance(value, Mapping | list)
            rows += _field_errors(value, f"{path}[{place}]" if nested else path)
        return rows
    return [{"field": path or "body", "detail": str(detail)}]


def _joined(path: str, key: str) -> str:
    if key == "non_field_errors":
        return path
    return f"{path}.{key}" if path else key


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem(
        404, f"there is nothing at {request.path}; addresses end with a slash, the calls are listed at /api/docs/"
    )


def bad_request(request: HttpRequest | None, exception: Exception | None = None) -> HttpResponse:
    """What Django itself refuses to read."""
    if isinstance(exception, TooManyFieldsSent):
        return problem(400, f"there are more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields", field="query")
    if isinstance(exception, DisallowedHost):
        return problem(400, "Host: is no host of this service, as ALLOWED_HOSTS names them", field="Host")
    return problem(400, "the request cannot be served: something in it cannot be read, or is not allowed")


def server_error(request: HttpRequest) -> HttpResponse:
    return problem(500, "a fault on our side; it is in the log")
