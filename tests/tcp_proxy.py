"""A TCP proxy on 127.0.0.1 whose target can be changed and whose connections can fall silent."""

import asyncio
import contextlib
import ssl
import threading
from types import TracebackType
from typing import Self


class TcpProxy:
    """From `port` to `target`, in a thread of its own; with `tls`, it speaks TLS in front of a server that does not."""

    def __init__(self, target: int, *, tls: ssl.SSLContext | None = None) -> None:
        #: Where new connections go.
        self.target = target
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._pairs: set[_Pair] = set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls))
        self.port = self._server.sockets[0].getsockname()[1]
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
        self._server.close()
        await self._reset()
        # They end by themselves, as their connections have; asyncio complains about a server task that is cancelled.
        if tasks := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            await asyncio.wait(tasks, timeout=5)


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
