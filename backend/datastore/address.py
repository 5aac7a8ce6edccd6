"""What a Redis URL says: one server, a cluster, or a primary that sentinels know.

    redis://user:password@host:6379/0                                  one server
    redis+sentinel://user:password@host:26379,host:26379/<service>/0   the primary of a service
    redis+cluster://user:password@host:6379,host:6379/0                a cluster; some of its nodes

`rediss` in place of `redis` is the same over TLS. Behind a `?` may follow what redis-py takes in a URL
(`ssl_ca_certs=…`), and `sentinel_password=…`, `sentinel_username=…` where sentinels have a login of their own.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl, unquote, urlencode

#: What stands behind the comma-separated hosts where they name no port.
REDIS_PORT = 6379
SENTINEL_PORT = 26379

_SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")


class Topology(StrEnum):
    """Who serves behind the address."""

    SERVER = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Node:
    """Host and port of one server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A Redis URL, read."""

    topology: Topology
    is_tls: bool
    #: The server; or sentinels, or cluster nodes, to ask for it.
    nodes: tuple[Node, ...]
    #: `user:password@`, percent-encoded as it came; or empty.
    login: str
    db: int
    #: The name under which sentinels know the primary.
    service: str
    options: dict[str, str]
    #: `sentinel_username` and `sentinel_password`, without the prefix.
    sentinel_login: dict[str, str]

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL; `ValueError` says what is wrong with it, without repeating its password."""
        scheme, has_scheme, rest = url.partition("://")
        tls_or_not, _, kind = scheme.partition("+")
        if not has_scheme or tls_or_not not in ("redis", "rediss") or kind not in list(Topology):
            raise ValueError("begins with none of redis://, rediss://, redis+sentinel://, redis+cluster://")
        topology = Topology(kind)
        rest, _, query = rest.partition("?")
        authority, _, path = rest.partition("/")
        login, _, hosts = authority.rpartition("@")
        service, db = _service_and_db(topology, path)
        options = dict(parse_qsl(query))
        sentinel_login = {
            name.removeprefix("sentinel_"): options.pop(name) for name in _SENTINEL_OPTIONS if name in options
        }
        return cls(
            topology=topology,
            is_tls=tls_or_not == "rediss",
            nodes=tuple(_node(host, topology) for host in hosts.split(",")),
            login=f"{login}@" if login else "",
            db=db,
            service=service,
            options=options,
            sentinel_login=sentinel_login,
        )

    def url_of(self, node: Node) -> str:
        """How a client that knows of single servers only reaches `node`."""
        return f"{self._tls_or_not}://{self.login}{_bracketed(node)}/{self.db}{self._query(self.options)}"

    def __str__(self) -> str:
        """Where it is, for log lines: no password."""
        hosts = ",".join(map(_bracketed, self.nodes))
        return f"{self.service} of {hosts}" if self.topology is Topology.SENTINEL else hosts

    @property
    def _tls_or_not(self) -> str:
        return "rediss" if self.is_tls else "redis"

    @staticmethod
    def _query(options: dict[str, str]) -> str:
        return f"?{urlencode(options, safe='/')}" if options else ""


def _service_and_db(topology: Topology, path: str) -> tuple[str, int]:
    if topology is not Topology.SENTINEL:
        db = _db(path)
        if topology is Topology.CLUSTER and db:
            raise ValueError("a Redis Cluster has database 0 only")
        return "", db
    service, _, db_text = path.partition("/")
    if not service:
        raise ValueError("redis+sentinel:// needs the name of the service behind the hosts: …:26379/mymaster/0")
    return unquote(service), _db(db_text)


def _db(text: str) -> int:
    if text and not text.isdigit():
        raise ValueError(f"{text!r} is not the number of a database")
    return int(text or 0)


def _node(text: str, topology: Topology) -> Node:
    """`host`, `host:port`, `[2001:db8::1]:port`."""
    host, port = text, ""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif ":" in text:
        host, _, port = text.rpartition(":")
    if port and not port.isdigit():
        raise ValueError(f"{port!r} is not a port")
    default = SENTINEL_PORT if topology is Topology.SENTINEL else REDIS_PORT
    return Node(unquote(host) or "localhost", int(port or default))


def _bracketed(node: Node) -> str:
    return f"[{node.host}]:{node.port}" if ":" in node.host else str(node)
