"""`Idempotency-Key`: a call that is sent twice has one effect and gets one answer.

A key belongs to its caller. The same key with the same request (method, path and body, byte for byte) answers what the
first call answered, with `Idempotency-Replayed: true`; with another request it is refused with 422; while the first
call is under way, with 409. An answer of 5xx is not kept, and a call that died holds its key for seconds only.

Without the header nothing is paid. While Redis is away the call goes on and the key is not looked at: joining, leaving
and a result can be sent twice anyway, because the ticket, its absence and the match are the same the second time.
"""

import functools
import hashlib
import json
import logging
import re
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from datastore.keyed_answers import Begun, Done, KeyedAnswers, KeyedCall, OtherRequest, UnderWay
from errors import Invalid, StoreUnavailable
from rest.problems import answer_problem, problem

logger = logging.getLogger(__name__)

Method = Callable[..., HttpResponse]

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
#: Visible ASCII. Long enough for a UUID with a prefix; longer ones only fill Redis.
_KEY = re.compile(r"[!-~]{1,64}")
#: Seconds. What the second of two calls at once is told to wait: a call takes milliseconds.
_UNDER_WAY_SECONDS = 1

#: Answers kept for a player, and for a server, whose calls are many and who is no stranger. An answer is about 1 kB.
PLAYER_ANSWERS_KEPT = 100
SERVER_ANSWERS_KEPT = 10_000


def once_by_key(keyed_answers: Callable[[], KeyedAnswers], *, kept: int) -> Callable[[Method], Method]:
    """Make a view's method take the header. `keyed_answers` is asked only where a call carries it."""

    def decorated(method: Method) -> Method:
        @functools.wraps(method)
        def once(view: Any, request: Request, **kwargs: Any) -> HttpResponse:
            key = request._request.META.get("HTTP_IDEMPOTENCY_KEY")
            if key is None:
                return method(view, request, **kwargs)
            call = _call_of(request, key)
            return _answer_once(keyed_answers(), call, kept, functools.partial(method, view, request, **kwargs))

        once.takes_idempotency_key = True  # type: ignore[attr-defined]
        return once

    return decorated


def _call_of(request: Request, key: str) -> KeyedCall:
    if not _KEY.fullmatch(key):
        raise Invalid(f"{HEADER}: 1 to 64 visible ASCII characters, without spaces", field=HEADER)
    asked = f"{request.method} {request.path}\n".encode("utf-8", "surrogateescape") + request._request.body
    caller: Any = request.user
    return KeyedCall(caller=caller.caller_key, key=key, request=hashlib.sha256(asked).hexdigest())


def _answer_once(
    keyed_answers: KeyedAnswers, call: KeyedCall, kept: int, make_answer: Callable[[], HttpResponse]
) -> HttpResponse:
    try:
        first = keyed_answers.begin(call, kept=kept)
    except StoreUnavailable as error:
        logger.warning("an idempotency key is not looked at: %s", error)
        return make_answer()
    if isinstance(first, Done):
        return _replayed(first.answer)
    if isinstance(first, OtherRequest):
        return problem(422, f"{HEADER}: this key was sent with another request before; choose a new one", field=HEADER)
    if isinstance(first, UnderWay):
        return problem(
            409,
            f"{HEADER}: the first call with this key is under way; send it again for its answer",
            headers={"Retry-After": str(_UNDER_WAY_SECONDS)},
            field=HEADER,
        )
    return _first_answer(keyed_answers, first, make_answer)


def _first_answer(keyed_answers: KeyedAnswers, begun: Begun, make_answer: Callable[[], HttpResponse]) -> HttpResponse:
    response = None
    try:
        response = make_answer()
    except Exception as error:
        response = answer_problem(error)
        if response is None:
            raise
    finally:
        _note(keyed_answers, begun, response)
    return response


def _note(keyed_answers: KeyedAnswers, begun: Begun, response: HttpResponse | None) -> None:
    """Keep the answer, or free the key after a fault of ours. The effect stands, so a failure here is only told."""
    try:
        if response is None or response.status_code >= 500:
            keyed_answers.drop(begun)
        else:
            keyed_answers.finish(begun, _written(response))
    except StoreUnavailable as error:
        logger.warning("an answer is not kept for its idempotency key: %s", error)


def _written(response: HttpResponse) -> str:
    return json.dumps([response.status_code, response["Content-Type"], response.content.decode()])


def _replayed(written: str) -> HttpResponse:
    status, media_type, text = json.loads(written)
    content = text.encode()
    headers = {"Content-Length": str(len(content)), REPLAYED: "true"}
    return HttpResponse(content, status=status, content_type=media_type, headers=headers)
