"""TCP proxies that can be told to misbehave: `python -m chaos.proxy '{"web_redis": ["127.0.0.1", 6379], …}'`

A process of its own, so that it forwards while the harness is busy. The first line on its standard output is JSON,
name -> port; then one line of JSON comes in for each order and `ok` goes out when it has taken effect.

| mode         | what connections see                                                                              |
|--------------|---------------------------------------------------------------------------------------------------|
| pass         | nothing; what `stall` held back flows on, what `freeze` silenced stays silent                     |
| freeze       | those that exist go silent for ever, new ones are fine: a failover that sends no packet           |
| stall        | all go silent, new ones are accepted and go silent, too; nothing is lost, all comes later         |
| refuse       | all are reset, new ones are refused                                                               |
| drop_replies | a request arrives and is executed; its answer is swallowed and the connection is cut, by `share`  |
| delay        | every byte is `seconds` late                                                                      |
"""

import asyncio
import contextlib
import json
import random
import socket
import struct
import sys
import time
from collections import deque
from typing import Any, cast

#: RST instead of FIN when such a socket is closed.
_RESET = struct.pack("ii", 1, 0)
#: Bytes that may wait for a slow reader before the writer has to wait, too.
_HIGH_WATER = 1 << 20


class _Side(asyncio.Protocol):
    """One end of a connection: the client's or the server's."""

    def __init__(self, link: "_Link") -> None:
        self.link = link
        self.transport: asyncio.Transport | None = None
        self._late: deque[tuple[float, bytes | None]] = deque()
        self._paused_by: set[str] = set()

    @property
    def other(self) -> "_Side":
        return self.link.server if self is self.link.client else self.link.client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=_HIGH_WATER)
        self.link.opened(self)

    def data_received(self, data: bytes) -> None:
        self.link.passed(self, data)

    def connection_lost(self, error: Exception | None) -> None:
        self.link.lost(self)

    def pause_writing(self) -> None:
        self.other.pause("full")

    def resume_writing(self) -> None:
        self.other.resume("full")

    def pause(self, reason: str) -> None:
        self._paused_by.add(reason)
        if self.transport is not None:
            self.transport.pause_reading()

    def resume(self, reason: str) -> None:
        self._paused_by.discard(reason)
        if self.transport is not None and not self._paused_by:
            self.transport.resume_reading()

    def write(self, data: bytes | None, late_seconds: float) -> None:
        """Send, in order; None closes."""
        if not late_seconds and not self._late:
            self._send(data)
            return
        self._late.append((time.monotonic() + late_seconds, data))
        if len(self._late) == 1:
            asyncio.get_running_loop().call_later(late_seconds, self._send_late)

    def _send_late(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic() + 0.0005:
            self._send(self._late.popleft()[1])
        if self._late:
            asyncio.get_running_loop().call_later(max(0.0, self._late[0][0] - time.monotonic()), self._send_late)

    def _send(self, data: bytes | None) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if data is None:
            self.transport.close()
        else:
            self.transport.write(data)

    def reset(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            with contextlib.suppress(OSError):
                raw = self.transport.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()


class _Link:
    """A client's connection and the one that we keep to the server for it."""

    def __init__(self, proxy: "Proxy") -> None:
        self.proxy = proxy
        self.client = _Side(self)
        self.server = _Side(self)
        self.is_frozen = False
        self._connecting: asyncio.Task[None] | None = None

    def opened(self, side: _Side) -> None:
        if side is not self.client:
            return
        self.proxy.links.add(self)
        side.pause("connecting")
        if self.proxy.mode == "stall":
            self.hold()
        else:
            self.connect()

    def connect(self) -> None:
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            host, port = self.proxy.target
            await asyncio.get_running_loop().create_connection(lambda: self.server, host, port)
        except OSError:
            self.client.reset()
            return
        if self.client.transport is None or self.client.transport.is_closing():
            self.server.reset()
            return
        if self.proxy.mode == "stall":
            self.hold()
        self.client.resume("connecting")

    def passed(self, side: _Side, data: bytes) -> None:
        proxy = self.proxy
        if side is self.server and proxy.mode == "drop_replies" and proxy.dice.random() < proxy.share:
            proxy.dropped += 1
            self.reset()
            return
        side.other.write(data, proxy.seconds if proxy.mode == "delay" else 0.0)

    def lost(self, side: _Side) -> None:
        side.other.write(None, self.proxy.seconds if self.proxy.mode == "delay" else 0.0)
        if side is self.client:
            self.proxy.links.discard(self)

    def hold(self) -> None:
        """Read nothing more: what comes waits in the kernel, as it would on a line that is down."""
        self.client.pause("held")
        self.server.pause("held")

    def release(self) -> None:
        self.client.resume("held")
        self.server.resume("held")
        self.connect()

    def reset(self) -> None:
        self.client.reset()
        self.server.reset()
        self.proxy.links.discard(self)


class Proxy:
    """One listening port in front of one server."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.mode = "pass"
        self.share = self.seconds = 0.0
        self.dice = random.Random(0)
        self.links: set[_Link] = set()
        self.dropped = 0
        self.port = 0
        self._listener: asyncio.Server | None = None

    async def listen(self) -> None:
        """Take the port that we had before, or any free one."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: _Link(self).client, "127.0.0.1", self.port, reuse_address=True, backlog=512
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def set_mode(self, mode: str, *, share: float = 0.0, seconds: float = 0.0, seed: int = 0) -> None:
        before, self.mode = self.mode, mode
        self.share, self.seconds, self.dice = share, seconds, random.Random(seed)
        for link in list(self.links):
            if before == "stall" and mode != "stall" and not link.is_frozen:
                link.release()
        if mode in ("stall", "freeze"):
            for link in list(self.links):
                link.is_frozen = link.is_frozen or mode == "freeze"
                link.hold()
        if mode == "refuse" and self._listener is not None:
            self._listener.close()
            self._listener = None
            self.reset()
        elif mode != "refuse" and self._listener is None:
            await self.listen()

    def reset(self) -> None:
        """Cut every connection that exists."""
        for link in list(self.links):
            link.reset()

    def aim(self, host: str, port: int) -> None:
        """Another server from now on; connections to the old one are cut."""
        self.target = (host, port)
        self.reset()


class Proxies:
    """All proxies of a run, and the orders that reach them."""

    def __init__(self, targets: dict[str, list[Any]]) -> None:
        self._proxies = {name: Proxy((str(host), int(port))) for name, (host, port) in targets.items()}

    async def listen(self) -> dict[str, int]:
        for proxy in self._proxies.values():
            await proxy.listen()
        return {name: proxy.port for name, proxy in self._proxies.items()}

    async def obey(self, order: dict[str, Any]) -> None:
        """`{"proxies": [names], "do": "reset" | "aim" | a mode, …}`"""
        what = order.pop("do")
        for name in order.pop("proxies"):
            proxy = self._proxies[name]
            if what == "reset":
                proxy.reset()
            elif what == "aim":
                proxy.aim(**order)
            else:
                await proxy.set_mode(what, **order)


async def _serve(targets: dict[str, list[Any]]) -> None:
    proxies = Proxies(targets)
    print(json.dumps(await proxies.listen()), flush=True)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await proxies.obey(json.loads(line))
        print("ok", flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
