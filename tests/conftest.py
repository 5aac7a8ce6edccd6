"""What tests of all levels share."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings

from datastore.client import connect
from datastore.keys import Keys
from devstack.binaries import find_redis_server
from devstack.embedded import RedisServer, free_port
from matchmaking.rules import Rules
from matchmaking.stores.memory import MemoryTicketStore
from matchmaking.stores.port import TicketStore
from matchmaking.stores.redis.store import RedisTicketStore
from servers.stores.memory import MemoryServerPool
from servers.stores.port import ServerPool
from servers.stores.redis.pool import RedisServerPool
from tests.builders import CASUAL, RANKED

settings.register_profile("caroud", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("caroud")

RULES = Rules(default_queue="ranked", queues={"ranked": RANKED, "casual": CASUAL})


@dataclass(frozen=True, slots=True)
class Stores:
    """A ticket store and the server pool whose seats it takes."""

    tickets: TicketStore
    pool: ServerPool


@pytest.fixture(scope="session")
def redis_url() -> str:
    """The Redis of this run."""
    return os.environ["REDIS_URL"]


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    client = connect(redis_url)
    yield client
    client.close()
    client.connection_pool.disconnect()


def a_prefix() -> str:
    """A namespace that no other test uses, in one slot."""
    return f"{{test-{secrets.token_hex(6)}}}:"


@pytest.fixture
def keys(redis_client: redis.Redis) -> Iterator[Keys]:
    """Keys under a prefix that no other test uses; they are gone afterwards."""
    made = Keys(prefix=a_prefix(), default_queue="ranked")
    yield made
    for key in redis_client.scan_iter(match=made.prefix + "*", count=1000):
        redis_client.delete(key)


@pytest.fixture(scope="session")
def bundled_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Redis of the wheel: the oldest version that the scripts are written for (6.2)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAROUD_EMBEDDED", "bundled")
        with RedisServer(
            Path(tmp_path_factory.mktemp("redis")) / "data", free_port(), secrets.token_hex(8), appendonly=False
        ) as server:
            yield server.url


def _kinds_of_store() -> list[str]:
    """Memory and the Redis of this run; where that is the machine's own, the bundled one too."""
    is_bundled = ".venv" in find_redis_server().parts
    return ["memory", "redis"] if is_bundled else ["memory", "redis", "bundled-redis"]


@pytest.fixture(params=_kinds_of_store())
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Every keeper of the stores' promises, empty."""
    if request.param == "memory":
        memory = MemoryServerPool()
        yield Stores(MemoryTicketStore(memory), memory)
        return
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "bundled_redis_url")
    client = connect(url)
    fresh = Keys(prefix=a_prefix(), default_queue="ranked")
    yield Stores(RedisTicketStore(client, fresh, RULES), RedisServerPool(client, fresh))
    for key in client.scan_iter(match=fresh.prefix + "*", count=1000):
        client.delete(key)
    client.close()
    client.connection_pool.disconnect()


@pytest.fixture
def store(stores: Stores) -> TicketStore:
    return stores.tickets


@pytest.fixture
def pool(stores: Stores) -> ServerPool:
    return stores.pool
