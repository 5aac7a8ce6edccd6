"""Redis as people run it: with options of its own, with a replica, under sentinels, as a cluster. Real servers."""

import contextlib
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from datastore.client import connect
from devstack.binaries import find_redis_server
from devstack.embedded import RedisServer, free_port
from devstack.private_file import write_private
from tests.tcp_proxy import TcpProxy

PASSWORD = "right-horse-7"
SERVICE = "caroud"
#: Seconds without an answer after which a node or a primary counts as dead.
NODE_TIMEOUT_SECONDS = 0.5


class TunedRedis(RedisServer):
    """A Redis with more lines in its configuration."""

    #: By which others know it, where that is not its own.
    known_port: int | None = None

    def __init__(self, folder: Path, port: int | None = None, **options: str) -> None:
        super().__init__(folder, port or free_port(), PASSWORD, appendonly=False)
        self.options = {"masterauth": PASSWORD, **{name.replace("_", "-"): value for name, value in options.items()}}

    @property
    def configuration(self) -> str:
        return super().configuration + "".join(f"{name} {value}\n" for name, value in self.options.items())

    def asked(self, *command: Any) -> Any:
        """The server's own answer, as its administrator gets it."""
        with redis.Redis(port=self.port, password=PASSWORD, decode_responses=True, protocol=2) as client:
            return client.execute_command(*command)

    def keys(self, pattern: str = "*") -> list[str]:
        with redis.Redis(port=self.port, password=PASSWORD, decode_responses=True) as client:
            return sorted(client.scan_iter(match=pattern, count=1000))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Dead at once, as by kill -9."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def a_redis(folder: Path, **options: str) -> TunedRedis:
    """Not started yet."""
    return TunedRedis(folder / f"redis-{secrets.token_hex(4)}", **options)


@contextlib.contextmanager
def primary_and_replica(folder: Path, *, tls: ssl.SSLContext | None = None) -> Iterator[tuple[TunedRedis, TunedRedis]]:
    """Two servers; the second follows the first. With `tls` both are known by ports where they are reached by it."""
    with contextlib.ExitStack() as running:
        primary, replica = a_redis(folder), a_redis(folder)
        for server in (primary, replica) if tls else ():
            reach_by_tls(server, running, tls)
            server.options["replica-announce-port"] = str(server.known_port)
        replica.options["replicaof"] = f"127.0.0.1 {primary.known_port or primary.port}"
        running.enter_context(primary)
        running.enter_context(replica)
        until(lambda: replica.asked("ROLE")[3] == "connected", what="the replica is not connected")
        yield primary, replica


def reach_by_tls(server: TunedRedis, running: contextlib.ExitStack, tls: ssl.SSLContext | None) -> None:
    """By its `known_port`, where servers without TLS reach it too."""
    server.known_port = running.enter_context(TcpProxy(server.port, tls=tls, is_plain_too=True)).port


class Sentinel(TunedRedis):
    """A sentinel that watches `primary`; two of three have to agree."""

    name = "sentinel"

    def __init__(self, folder: Path, primary: TunedRedis) -> None:
        super().__init__(folder)
        self.primary = primary

    @property
    def argv(self) -> list[str]:
        return [str(find_redis_server()), str(self.folder / "redis.conf"), "--sentinel"]

    @property
    def configuration(self) -> str:
        watched = {
            "monitor": f"127.0.0.1 {self.primary.known_port or self.primary.port} 2",
            "auth-pass": PASSWORD,
            "down-after-milliseconds": f"{NODE_TIMEOUT_SECONDS * 1000:.0f}",
            "failover-timeout": "2000",
        }
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}", f"requirepass {PASSWORD}"]
        lines += [f"sentinel sentinel-pass {PASSWORD}"]
        lines += [f"sentinel {option} {SERVICE} {value}" for option, value in watched.items()]
        return "\n".join(lines) + "\n"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self.folder / "redis.conf", self.configuration)

    def has_seen(self, *, sentinels: int, replicas: int) -> bool:
        answer = self.asked("SENTINEL", "MASTER", SERVICE)
        seen = answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
        return int(seen["num-other-sentinels"]) >= sentinels - 1 and int(seen["num-slaves"]) >= replicas


class SentinelGroup:
    """A primary, its replica, and three sentinels; all reached by TLS, where that is given."""

    def __init__(self, folder: Path, *, tls: ssl.SSLContext | None = None) -> None:
        self._folder = folder
        self._tls = tls
        self._running = contextlib.ExitStack()
        self.primary: TunedRedis
        self.replica: TunedRedis
        self.sentinels: list[Sentinel] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as running:
            self.primary, self.replica = running.enter_context(primary_and_replica(self._folder, tls=self._tls))
            for number in range(3):
                sentinel = Sentinel(self._folder / f"sentinel-{number}", self.primary)
                self.sentinels.append(running.enter_context(sentinel))
                if self._tls:
                    reach_by_tls(sentinel, running, self._tls)
            for sentinel in self.sentinels:
                until(lambda s=sentinel: s.has_seen(sentinels=3, replicas=1), what="the sentinels do not meet")
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.known_port or sentinel.port}" for sentinel in self.sentinels)
        return f"{'rediss' if self._tls else 'redis'}+sentinel://:{PASSWORD}@{hosts}/{SERVICE}/0?sentinel_password={PASSWORD}"


class Cluster:
    """Three primaries with a third of the slots each; reached by TLS, where that is given."""

    SLOTS = 16384

    def __init__(self, folder: Path, *, tls: ssl.SSLContext | None = None) -> None:
        self._folder = folder
        self._tls = tls
        self._running = contextlib.ExitStack()
        self.nodes: list[TunedRedis] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as running:
            for number in range(3):
                options = {"cluster_enabled": "yes", "cluster_node_timeout": f"{NODE_TIMEOUT_SECONDS * 1000:.0f}"}
                node = TunedRedis(self._folder / f"node-{number}", _port_with_a_bus(), **options)
                if self._tls:
                    reach_by_tls(node, running, self._tls)
                    node.options |= {
                        "cluster-announce-ip": "127.0.0.1",
                        "cluster-announce-port": str(node.known_port),
                        "cluster-announce-bus-port": str(node.port + 10_000),
                    }
                self.nodes.append(running.enter_context(node))
            self._form()
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def _form(self) -> None:
        shares = [range(n * self.SLOTS // 3, (n + 1) * self.SLOTS // 3) for n in range(3)]
        for epoch, (node, share) in enumerate(zip(self.nodes, shares, strict=True), start=1):
            node.asked("CLUSTER", "ADDSLOTS", *share)
            node.asked("CLUSTER", "SET-CONFIG-EPOCH", epoch)
            node.asked("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        for node in self.nodes:
            until(lambda n=node: _is_whole(n), what="the cluster does not form", seconds=20)

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{node.known_port or node.port}" for node in self.nodes)
        return f"{'rediss' if self._tls else 'redis'}+cluster://:{PASSWORD}@{hosts}/0"

    def owner_of(self, slot: int) -> TunedRedis:
        for first, last, primary, *_ in self.nodes[0].asked("CLUSTER", "SLOTS"):
            if int(first) <= slot <= int(last):
                return next(node for node in self.nodes if int(primary[1]) in (node.port, node.known_port))
        raise AssertionError(f"slot {slot} has no owner")

    def move(self, slot: int, target: TunedRedis, *, pause: Callable[[], None] = lambda: None) -> int:
        """Move a slot with all its keys as `redis-cli --cluster reshard` does; answers how many keys it had."""
        source, moved = self.owner_of(slot), 0
        target_id, source_id = target.asked("CLUSTER", "MYID"), source.asked("CLUSTER", "MYID")
        target.asked("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        source.asked("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        pause()
        while keys := source.asked("CLUSTER", "GETKEYSINSLOT", slot, 50):
            source.asked("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "AUTH", PASSWORD, "KEYS", *keys)
            moved += len(keys)
        for node in (target, source, *self.nodes):
            node.asked("CLUSTER", "SETSLOT", slot, "NODE", target_id)
        return moved


def _is_whole(node: TunedRedis) -> bool:
    answer = node.asked("CLUSTER", "INFO")
    text = answer if isinstance(answer, str) else "".join(f"{name}:{value}\n" for name, value in answer.items())
    return "cluster_state:ok" in text and "cluster_known_nodes:3" in text


def _port_with_a_bus() -> int:
    """A free port whose cluster bus, 10000 above it, is free as well."""
    while True:
        port = free_port()
        if port + 10_000 > 65_535:
            continue
        with socket.socket() as bus:
            try:
                bus.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port


def until(is_so: Callable[[], object], *, what: str, seconds: float = 10.0, forgiven: Sequence[type] = ()) -> float:
    """Wait until it is so; answers how many seconds that took. `forgiven` errors count as not yet."""
    began = time.monotonic()
    while True:
        with contextlib.suppress(redis.RedisError, *forgiven):
            if is_so():
                return time.monotonic() - began
        assert time.monotonic() - began < seconds, f"after {seconds} s: {what}"
        time.sleep(0.02)


__all__ = ["PASSWORD", "SERVICE", "Cluster", "Sentinel", "SentinelGroup", "TunedRedis", "a_redis", "connect", "until"]
