"""One client's connection to the API: real HTTP, every call written down."""

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import Any

import httpx

from demo.records import NO_ANSWER, Call, PlayLog

#: Seconds for one answer; a loaded machine may take a few.
_ANSWER_SECONDS = 30.0
#: Seconds between attempts while nobody answers: at first, and at most.
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 2.0
#: Seconds until we believe that nobody will answer. Longer than a restart of the service.
_GIVE_UP_SECONDS = 60.0
#: Made once: reading the certificates for each of some hundred clients would take seconds.
_TLS = ssl.create_default_context()


class Unreachable(Exception):
    """There is no stack to play on (any more). The text is one line for a person."""


class Refused(Exception):
    """The stack refused what it has to allow. The text is one line for a person."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a call, and when it was asked for and came. Seconds of the monotonic clock."""

    status: int
    body: dict[str, Any]
    asked_seconds: float
    told_seconds: float
    #: More than one call was sent, because an answer was lost.
    is_repeat: bool


class Api:
    """Calls of one client. Each is repeated until it gets an answer: all of them can be sent twice."""

    def __init__(self, base_url: str, log: PlayLog) -> None:
        # No proxies from the environment: they would be asked for localhost.
        self._client = httpx.AsyncClient(base_url=base_url, verify=_TLS, timeout=_ANSWER_SECONDS, trust_env=False)
        self._base_url, self._log = base_url, log

    async def close(self) -> None:
        await self._client.aclose()

    async def call(
        self, method: str, path: str, *, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """The answer; after a 503 or none at all we ask again for a while. Raises `Unreachable`."""
        asked, pause, is_repeat = time.monotonic(), _FIRST_PAUSE_SECONDS, False
        while True:
            response = await self._send(method, path, body, headers)
            told = time.monotonic()
            is_last = told > asked + _GIVE_UP_SECONDS
            if response is not None and (response.status_code != 503 or is_last):
                return Answer(response.status_code, _tree_of(response), asked, told, is_repeat)
            if is_last:
                raise Unreachable(f"{self._base_url} has not answered for {_GIVE_UP_SECONDS:.0f} s")
            is_repeat = is_repeat or response is None
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str] | None
    ) -> httpx.Response | None:
        began, status = time.monotonic(), NO_ANSWER
        try:
            response = await self._client.request(method, path, json=body, headers=headers)
            status = response.status_code
            return response
        except httpx.TransportError:
            return None
        finally:
            self._log.calls.append(Call(method, path, status, began, time.monotonic() - began))


def _tree_of(response: httpx.Response) -> dict[str, Any]:
    try:
        tree = response.json()
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}
