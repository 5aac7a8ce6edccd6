"""One client's HTTP connection: raw sockets, because two cores have to drive the service and run it."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.records import NO_ANSWER

#: Seconds for one answer. Long: a call that we give up may still be carried out, and then nobody knows what it did.
_ANSWER_SECONDS = 25.0
#: Seconds between two tries where nobody answers, and where a 503 names no time.
_PAUSE_SECONDS = 0.25
#: The longest that we obey a Retry-After, seconds; it is a hint, and the run is short.
_LONGEST_PAUSE_SECONDS = 2.0


@dataclass(slots=True)
class Answer:
    """What came back. `http` is 0 where nothing did."""

    http: int
    asked: float
    told: float
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def is_try_again(self) -> bool:
        """Nothing came, or the service asks for patience."""
        return self.http in (NO_ANSWER, 429, 503)

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next try."""
        try:
            return min(float(self.headers["retry-after"]), _LONGEST_PAUSE_SECONDS)
        except (KeyError, ValueError):
            return _PAUSE_SECONDS


class Client:
    """A keep-alive connection, opened again when it was cut; one call at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One call, sent once."""
        request = _request(method, path, body, headers or {})
        asked = time.time()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                http, head, content = await self._send(request)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return Answer(NO_ANSWER, asked, time.time())
        return Answer(http, asked, time.time(), head, _tree(content))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _send(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._writer is None or self._reader is None or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(request)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        head = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if head.get("transfer-encoding", "").lower() == "chunked":
            content = await self._chunks(self._reader)
        else:
            content = await self._reader.readexactly(int(head.get("content-length") or 0))
        if head.get("connection", "").lower() == "close":
            self.close()
        return int(lines[0].split(" ")[1]), head, content

    @staticmethod
    async def _chunks(reader: asyncio.StreamReader) -> bytes:
        """A body of unknown length: each piece after its size in hexadecimal, the last one empty."""
        content = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            content += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return content


def _request(method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(content)}"]
    if body is not None:
        lines.append("Content-Type: application/json")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def _tree(content: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(content) if content else {}
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}
