"""Redis and PostgreSQL as children that can be killed, silenced, emptied and replaced."""

import contextlib
import secrets
import shutil
import signal
import time
from pathlib import Path

import psutil
import redis

from datastore.client import RedisLimits, connect
from devstack.embedded import PostgresServer, RedisServer, free_port
from devstack.errors import StartFailed

#: Seconds for the old processes of a killed PostgreSQL to be gone, so that a new one can start.
_RESTART_SECONDS = 30.0
#: Seconds for a replica to have everything.
_SYNC_SECONDS = 20.0
_LOOK_SECONDS = 0.05


def tree_of(pid: int) -> list[psutil.Process]:
    """The process and all its descendants, as far as they still run."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def send_signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    """To each of them that still runs."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


class KillableRedis(RedisServer):
    """A Redis with an append-only file that survives `kill -9`, or not."""

    def client(self) -> redis.Redis:
        """A client of the harness's own, past all proxies."""
        return connect(self.url, limits=RedisLimits(connect_seconds=2, answer_seconds=10, max_connections=2))

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """`kill -9`."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def wipe(self) -> None:
        """Forget everything; it must not run."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, *command: str | int) -> object:
        """One command, on a connection of its own."""
        client = self.client()
        try:
            answer: object = client.execute_command(*command)  # type: ignore[no-untyped-call]
            return answer
        finally:
            client.close()
            client.connection_pool.disconnect()


class RedisPair:
    """The Redis that everybody uses, and a spare one that can become it."""

    def __init__(self, folder: Path) -> None:
        password = secrets.token_hex(12)
        self.primary = KillableRedis(folder / "redis-a", free_port(), password)
        self.spare = KillableRedis(folder / "redis-b", free_port(), password)

    def start_replica(self, port: int) -> None:
        """The spare copies the primary, through the proxy at `port`; comes back when it has everything."""
        self.spare.kill()
        self.spare.wipe()
        self.spare.start()
        self.primary.ask("CONFIG", "SET", "repl-diskless-sync-delay", 0)
        self.spare.ask("CONFIG", "SET", "masterauth", self.primary.password)
        self.spare.ask("REPLICAOF", "127.0.0.1", port)
        deadline = time.monotonic() + _SYNC_SECONDS
        while "master_link_status:up" not in self._replication_of_spare():
            if time.monotonic() > deadline:
                raise StartFailed("the replica did not catch up")
            time.sleep(_LOOK_SECONDS)

    def promote(self) -> None:
        """The spare is the primary from now on, with what it has."""
        self.spare.ask("REPLICAOF", "NO", "ONE")
        self.primary, self.spare = self.spare, self.primary

    def stop(self) -> None:
        self.primary.stop()
        self.spare.stop()

    def _replication_of_spare(self) -> str:
        client = self.spare.client()
        try:
            return "\n".join(f"{name}:{value}" for name, value in client.info("replication").items())
        except redis.RedisError:
            return ""
        finally:
            client.close()


class KillablePostgres(PostgresServer):
    """A PostgreSQL that keeps what it has committed when it is killed: its default settings, fsync included."""

    def kill(self) -> None:
        """`kill -9` of the postmaster and all its processes."""
        process, self._process = self._process, None
        if process is not None:
            send_signal(tree_of(process.pid), signal.SIGKILL)
            process.wait()

    def silence(self) -> None:
        """SIGSTOP: connections stay, nothing answers."""
        if self._process is not None:
            send_signal(tree_of(self._process.pid), signal.SIGSTOP)

    def wake(self) -> None:
        if self._process is not None:
            send_signal(tree_of(self._process.pid), signal.SIGCONT)

    def restart(self) -> None:
        """Start again after `kill()`, as soon as the last of the old processes is gone."""
        deadline = time.monotonic() + _RESTART_SECONDS
        while True:
            try:
                self.start()
                return
            except StartFailed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_SECONDS)
