"""Checks of what callers send, where a serializer would cost more than the call behind it."""

import json
import re
import uuid
from collections.abc import Collection
from typing import Any

from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.request import Request

from errors import Invalid

#: Regions become parts of keys, so they are plain words.
REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: Regions to which a player tells latencies; more than any fleet has, and the ticket carries them.
LATENCIES_AT_MOST = 16
#: Milliseconds. Nobody plays over a longer way.
LONGEST_LATENCY_MS = 2000
#: What `Content-Length` says of no body.
_EMPTY = (None, "", "0")
#: Characters of an unknown field's name that are given back.
_SHOWN = 64


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


#: Made once: `json.loads` with an option makes one a call, which takes as long as the decoding.
_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def body_of(request: Request, known: Collection[str]) -> dict[str, Any]:
    """The JSON object of a request; a field that is not known is refused rather than ignored."""
    content = request._request.body
    if not content:
        if request.META.get("HTTP_TRANSFER_ENCODING"):
            raise _LengthRequired
        return {}
    media_type: str = request._request.META.get("CONTENT_TYPE", "")
    if media_type != "application/json" and media_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(media_type or "nothing", "send Content-Type: application/json")
    try:
        body = _decode(content.decode(json.detect_encoding(content), "surrogatepass"))
        if b"\\u" in content:  # half a surrogate pair is a Python string that no store can keep
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Invalid(f"body: is not valid JSON: {error}", field="body") from error
    if not isinstance(body, dict):
        raise Invalid("body: has to be a JSON object", field="body")
    for name in body:
        if name not in known:
            shown = name[:_SHOWN]
            takes = ", ".join(sorted(known)) or "no fields"
            raise Invalid(f"{shown}: is not a field of this call; it takes {takes}", field=shown)
    return body


def no_fields(request: Request) -> None:
    """Refuse what was sent to a call that takes nothing; no body, which is the rule, costs two looks at the headers."""
    headers = request._request.META
    if headers.get("CONTENT_LENGTH") not in _EMPTY or "HTTP_TRANSFER_ENCODING" in headers:
        body_of(request, ())


class _LengthRequired(APIException):
    """WSGI reads as much as Content-Length says: without it a body would be lost without a word."""

    status_code = 411
    default_detail = "send the body with a Content-Length, not in chunks"


def choice(body: dict[str, Any], name: str, choices: Collection[str], default: str) -> str:
    """One of some words; missing or null is the default."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in choices:
        raise Invalid(f"{name}: has to be one of {', '.join(choices)}", field=name)
    return value


def choices(body: dict[str, Any], name: str, known: Collection[str], *, most: int) -> tuple[str, ...]:
    """Some of some words, each once; missing or null is none."""
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise Invalid(f"{name}: a list of 1 to {most} of {', '.join(known)}", field=name)
    for word in value:
        if not isinstance(word, str) or word not in known:
            raise Invalid(f"{name}: each has to be one of {', '.join(known)}", field=name)
    if len(set(value)) < len(value):
        raise Invalid(f"{name}: names one twice", field=name)
    return tuple(value)


def latencies(body: dict[str, Any]) -> dict[str, int]:
    """Milliseconds by region; missing or null is none."""
    value = body.get("latencies")
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > LATENCIES_AT_MOST:
        raise Invalid(f"latencies: an object of {LATENCIES_AT_MOST} regions at most", field="latencies")
    for name, milliseconds in value.items():
        if not REGION.fullmatch(name):
            raise Invalid(
                "latencies: a region is a word of A-Z, a-z, 0-9, '.', '_' and '-', at most 64 characters",
                field="latencies",
            )
        is_whole = isinstance(milliseconds, int) and not isinstance(milliseconds, bool)
        if not is_whole or not 1 <= milliseconds <= LONGEST_LATENCY_MS:
            raise Invalid(
                f"latencies: whole milliseconds from 1 to {LONGEST_LATENCY_MS} for each region", field="latencies"
            )
    return value


def identifier(body: dict[str, Any], name: str) -> str:
    """A UUID as text, or "" where none is named."""
    value = body.get(name)
    if value is None:
        return ""
    try:
        return str(uuid.UUID(value))
    except (ValueError, TypeError, AttributeError) as error:
        raise Invalid(f"{name}: has to be a UUID", field=name) from error


def region(body: dict[str, Any]) -> str:
    """A region, or "" where none is named."""
    value = body.get("region")
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not REGION.fullmatch(value):
        raise Invalid("region: a word of A-Z, a-z, 0-9, '.', '_' and '-', at most 64 characters", field="region")
    return value
