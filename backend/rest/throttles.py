"""Rate limits at the door: 429 with `Retry-After`, and what is left in `RateLimit`.

The fields `RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers (from -08 on):
`"name";q=calls;w=seconds` is the policy, `"name";r=left;t=seconds` what is left and when all of it is free again.
"""

from typing import Any

from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from datastore.rates import Turn


def limit_headers(name: str, turn: Turn) -> dict[str, str]:
    """What a caller is told of the limit that his call was counted under."""
    return {
        "RateLimit-Policy": f'"{name}";q={turn.rate.calls};w={turn.rate.seconds}',
        "RateLimit": f'"{name}";r={turn.remaining};t={turn.reset_seconds}',
    }


class TooManyCalls(Throttled):
    """The caller's rate is used up."""

    def __init__(self, name: str, turn: Turn) -> None:
        rate, wait = turn.rate, max(1, turn.wait_seconds)
        super().__init__(detail=f"too many calls: {rate.calls} in {rate.seconds} s ({name}); try again in {wait} s")
        self.wait = wait
        self.headers = limit_headers(name, turn)


class Limit(BaseThrottle):
    """A DRF throttle that takes one turn under a named limit. Where nothing is limited there is no turn."""

    name: str

    def turn(self, request: Request) -> Turn | None:
        raise NotImplementedError

    def allow_request(self, request: Request, view: Any) -> bool:
        """True; raises `TooManyCalls`. What Redis said stands in `limit_headers` of the Django request."""
        turn = self.turn(request)
        if turn is None:
            return True
        if not turn.is_allowed:
            raise TooManyCalls(self.name, turn)
        if turn.is_shared:
            request._request.limit_headers = limit_headers(self.name, turn)  # type: ignore[attr-defined]
        return True
