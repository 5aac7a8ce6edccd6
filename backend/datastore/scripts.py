"""Lua scripts, each loaded from its file once and called by SHA."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import redis
from hiredis import pack_command
from redis.commands.core import Script
from redis.exceptions import MovedError, NoScriptError

from datastore.client import redis_errors
from datastore.lane import lane

Arg = str | int | float

_pack: Any = pack_command


@cache
def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


class Scripts:
    """The scripts of one folder, called by file name: `scripts.call("join_queue", keys, args)`.

    A server that has lost its scripts (restart, failover, SCRIPT FLUSH) gets them again by itself.
    """

    def __init__(self, client: redis.Redis, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._registered: dict[str, Script] = {}

    def _script(self, name: str) -> Script:
        script = self._registered.get(name)
        if script is None:
            script = self._registered[name] = self._client.register_script(_source(self._folder / f"{name}.lua"))
        return script

    def call(self, name: str, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        """Run one script. Raises `StoreUnavailable` where the server is away or cannot write."""
        with redis_errors():
            script = self._script(name)
            command = _pack(("EVALSHA", script.sha, len(keys), *keys, *args))
            try:
                return self._ask(command)
            except NoScriptError:
                self._client.script_load(script.script)
                return self._ask(command)

    def call_ahead(
        self, name: str, calls: Iterable[tuple[Sequence[str], Sequence[Arg]]], *, ahead: int
    ) -> Iterator[Any]:
        """Run one script for each of the calls, keys and arguments, of which so many are on their way at a time; the
        answers in their order. A call is made up when it is its turn to be sent."""
        sha = self._script(name).sha
        unanswered: deque[tuple[Sequence[str], Sequence[Arg]]] = deque()
        with redis_errors(), lane(self._client) as one:

            def answer() -> Any:
                keys, args = unanswered.popleft()
                try:
                    return one.answer()
                except (MovedError, NoScriptError):  # not run there
                    return self.call(name, keys, args)

            for keys, args in calls:
                one.ask("EVALSHA", sha, len(keys), *keys, *args)
                unanswered.append((keys, args))
                if len(unanswered) >= ahead:
                    yield answer()
            while unanswered:
                yield answer()

    def _ask(self, command: bytes) -> Any:
        """What `Redis.execute_command` does for a command whose answer is taken as it comes."""
        pool: Any = self._client.connection_pool
        connection = pool.get_connection()
        try:
            return self._exchange(connection, command)
        except MovedError:  # not done there: asked again at the node that has the slot now
            connection.disconnect()
            return self._exchange(connection, command)
        finally:
            pool.release(connection)

    @staticmethod
    def _exchange(connection: Any, command: bytes) -> Any:
        connection.send_packed_command((command,))
        return connection.read_response()

    def queue(self, pipeline: Any, name: str, keys: Sequence[str], args: Sequence[Arg]) -> None:
        """Put one call into a pipeline; redis-py loads missing scripts when the pipeline runs."""
        self._script(name)(keys=keys, args=args, client=pipeline)
