"""TLS to servers that others name: the primary by its sentinels, the owner of the slot by its cluster."""

from collections.abc import Callable, Iterator

import pytest
from redis.crc import key_slot

from errors import StoreUnavailable
from tests.certificates import Authority
from tests.redis_topologies import Cluster, SentinelGroup
from tests.topologies.conftest import PREFIX, Crowd, Service, play
from tests.topologies.test_tls import ask_both

pytestmark = [pytest.mark.xdist_group("redis-tls"), pytest.mark.takes(10)]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "right")


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[SentinelGroup]:
    with SentinelGroup(tmp_path_factory.mktemp("sentinel"), tls=authority.server("127.0.0.1")) as group:
        yield group


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster"), tls=authority.server("127.0.0.1")) as cluster:
        yield cluster


def test_the_primary_that_sentinels_name_is_verified_before_and_after_a_failover(
    group: SentinelGroup, authority: Authority, service_on: Callable[..., Service]
) -> None:
    done = ask_both(group.url, str(authority.ca_file))
    assert done.stdout.splitlines() == ["data ok", "broker ok"], done.stderr
    service = service_on(f"{group.url}&ssl_ca_certs={authority.ca_file}")
    play(service)

    with Crowd(service) as crowd:
        crowd.goes_on()
        group.primary.kill()
        crowd.goes_on()

    assert group.replica.asked("ROLE")[0] == "master"


def test_the_owner_of_the_slot_is_verified_also_when_the_slot_has_moved(
    cluster: Cluster, authority: Authority, service_on: Callable[..., Service]
) -> None:
    service = service_on(f"{cluster.url}?ssl_ca_certs={authority.ca_file}")
    play(service)
    slot = key_slot(PREFIX.encode())
    other = next(node for node in cluster.nodes if node is not cluster.owner_of(slot))

    with Crowd(service) as crowd:
        crowd.goes_on()
        cluster.move(slot, other)
        crowd.goes_on()

    assert cluster.owner_of(slot) is other


def test_a_cluster_and_sentinels_whom_nobody_vouches_for_are_unavailable(
    cluster: Cluster, group: SentinelGroup, tmp_path_factory: pytest.TempPathFactory, service_on: Callable[..., Service]
) -> None:
    stranger = Authority(tmp_path_factory.mktemp("ca"), "wrong").ca_file

    for url in (f"{cluster.url}?ssl_ca_certs={stranger}", f"{group.url}&ssl_ca_certs={stranger}"):
        with pytest.raises(StoreUnavailable):
            service_on(url).join("alice")
