"""An HTTP client that costs little: raw sockets, keep-alive, one request under way per connection."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Answers:
    """What came back. Latencies in seconds."""

    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """Nearest-rank percentile in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


class Connection:
    """One keep-alive connection."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send one request, answer (status, body)."""
        if self._writer is None or self._reader is None or self._reader.at_eof():
            await self.open()
        assert self._reader is not None
        assert self._writer is not None
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        body = await self._reader.readexactly(length)
        return int(head[9:12]), body

    def close(self) -> None:
        if self._writer:
            self._writer.close()


def request_bytes(method: str, path: str, *, token: str = "", body: bytes = b"") -> bytes:
    """One HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    if body:
        lines.append("Content-Type: application/json")
    if token:
        lines.append(f"Authorization: Bearer {token}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def run_load(
    host: str, port: int, requests: Iterator[bytes], *, connections: int, seconds: float | None = None
) -> Answers:
    """Send `requests` over so many connections until they, or the seconds, are over."""
    answers = Answers()
    begin = time.perf_counter()
    end = begin + seconds if seconds else None

    async def worker() -> None:
        connection = Connection(host, port)
        try:
            for request in requests:
                sent = time.perf_counter()
                if end is not None and sent > end:
                    return
                status, _ = await connection.send(request)
                answers.latencies.append(time.perf_counter() - sent)
                answers.statuses[status] = answers.statuses.get(status, 0) + 1
        finally:
            connection.close()

    await asyncio.gather(*(worker() for _ in range(connections)))
    answers.seconds = time.perf_counter() - begin
    return answers


async def gather_limited(calls: list[Callable[[], Awaitable[None]]], at_once: int) -> None:
    """Run the calls, so many at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one(call: Callable[[], Awaitable[None]]) -> None:
        async with gate:
            await call()

    await asyncio.gather(*(one(call) for call in calls))
