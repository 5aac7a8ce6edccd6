"""A TCP proxy on 127.0.0.1 whose target can be changed and whose connections can fall silent."""

import asyncio
import contextlib
import socket
import ssl
import threading
from types import TracebackType
from typing import Self

#: The first byte of each TLS connection; no Redis command begins with it.
_TLS_HANDSHAKE = b"\x16"


class TcpProxy:
    """From `port` to `target`, in a thread of its own; with `tls`, it speaks TLS in front of a server that does not.

    With `is_plain_too`, it does to those who begin with it: servers that know each other by this port go on as before.
    """

    def __init__(self, target: int, *, tls: ssl.SSLContext | None = None, is_plain_too: bool = False) -> None:
        #: Where new connections go.
        self.target = target
        self._tls = tls
        self._is_plain_too = is_plain_too
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._server.setblocking(False)
        self.port = self._server.getsockname()[1]
        self._accepting = asyncio.run_coroutine_threadsafe(self._accept(), self._loop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def freeze(self) -> int:
        """Connections of now stay open and carry nothing any more; new ones work. Answers how many there are."""
        return self._call(self._freeze())

    def reset(self) -> None:
        """Cut the connections of now."""
        self._call(self._reset())

    def _call(self, coroutine):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._server)
            serving = self._loop.create_task(self._welcome(client))
            self._tasks.add(serving)
            serving.add_done_callback(self._tasks.discard)

    async def _welcome(self, client: socket.socket) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            tls = self._tls if not self._is_plain_too or await self._begins_with_tls(client) else None
            transport, _ = await self._loop.connect_accepted_socket(lambda: protocol, client, ssl=tls)
        except OSError:  # a handshake that failed, too
            client.close()
            return
        except asyncio.CancelledError:  # nothing was said yet
            client.close()
            raise
        await self._serve(reader, asyncio.StreamWriter(transport, protocol, reader, self._loop))

    async def _begins_with_tls(self, client: socket.socket) -> bool:
        readable = self._loop.create_future()
        self._loop.add_reader(client, lambda: readable.done() or readable.set_result(None))
        try:
            await readable
        finally:
            self._loop.remove_reader(client)
        return client.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(writer, to_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(pair.carry(reader, to_writer), pair.carry(to_reader, writer))
        finally:
            pair.abort()
            self._pairs.discard(pair)

    async def _freeze(self) -> int:
        for pair in self._pairs:
            pair.flows.clear()
        return len(self._pairs)

    async def _reset(self) -> None:
        for pair in list(self._pairs):
            pair.abort()

    async def _close(self) -> None:
        self._accepting.cancel()
        await self._reset()
        for task in self._tasks:
            task.cancel()
        if tasks := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            await asyncio.wait(tasks, timeout=5)
        self._server.close()


class _Pair:
    """The two connections that the proxy joins."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers
        self.flows = asyncio.Event()
        self.flows.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while some := await reader.read(65_536):
                await self.flows.wait()
                writer.write(some)
                await writer.drain()
            await self.flows.wait()  # a frozen connection does not even end
        self.abort()

    def abort(self) -> None:
        self.flows.set()
        for writer in self._writers:
            writer.transport.abort()
