"""The data in a Redis Cluster of three primaries: all keys in one slot, which moves; nodes that die."""

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from redis.crc import key_slot

from errors import StoreUnavailable
from matchmaking.match import MatchId, PlayerId
from tests.builders import RANKED, a_proposal
from tests.integration.test_smoke_script import smoke
from tests.redis_topologies import PASSWORD, Cluster, until
from tests.topologies.conftest import PREFIX, Crowd, Service, play
from tests.topologies.test_acl import documented_rule

pytestmark = [pytest.mark.xdist_group("redis-cluster"), pytest.mark.takes(10)]

SLOT = key_slot(PREFIX.encode())


@pytest.fixture(scope="module")
def whole_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(whole_cluster: Cluster) -> Iterator[Cluster]:
    """Empty, all nodes up."""
    yield whole_cluster
    for node in whole_cluster.nodes:
        node.asked("FLUSHALL")


def test_every_step_of_the_stores_works_in_a_cluster(cluster: Cluster, service_on: Callable[..., Service]) -> None:
    play(service_on(cluster.url))

    owner = cluster.owner_of(SLOT)
    keys = owner.keys()
    assert keys
    assert all(key.startswith(PREFIX) for key in keys)
    assert [node.keys() for node in cluster.nodes if node is not owner] == [[], []]


def test_the_documented_account_is_enough_in_a_cluster(cluster: Cluster, service_on: Callable[..., Service]) -> None:
    for node in cluster.nodes:
        node.asked(*documented_rule("caroud"))

    play(service_on(cluster.url.replace(f"://:{PASSWORD}@", f"://caroud:{PASSWORD}@")))


def test_the_smoke_script_plays_in_a_cluster_and_says_that_celery_needs_another_redis(cluster: Cluster) -> None:
    node = cluster.nodes[0]
    settings = {"REDIS_URL": cluster.url, "REDIS_KEY_PREFIX": PREFIX}

    done = smoke(**settings, CELERY_BROKER_URL=node.url.replace("127.0.0.1", "localhost"))

    assert "All matchmaking tests passed!" in done.stdout
    assert "All server pool tests passed!" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("❌ Celery broker failed: it is a Redis Cluster")
    assert done.returncode == 1


def test_one_node_that_is_up_is_enough_to_find_the_others(cluster: Cluster, service_on: Callable[..., Service]) -> None:
    stranger = next(node for node in cluster.nodes if node is not cluster.owner_of(SLOT))

    service = service_on(f"redis+cluster://:{PASSWORD}@127.0.0.1:1,127.0.0.1:{stranger.port},127.0.0.1:2/0")

    assert service.join("alice").is_new


def test_nothing_is_lost_when_the_slot_moves_while_players_join(
    cluster: Cluster, service_on: Callable[..., Service]
) -> None:
    service = service_on(cluster.url)
    source = cluster.owner_of(SLOT)
    target = next(node for node in cluster.nodes if node is not source)

    with Crowd(service) as crowd:
        crowd.goes_on()
        moved = cluster.move(SLOT, target, pause=lambda: time.sleep(0.2))
        away_for = crowd.goes_on()

    assert moved > 0
    assert away_for < 1.0
    assert sorted(service.tickets.snapshot("ranked").player_ids) == sorted(crowd.acked)
    assert source.keys() == []


def test_a_slot_that_has_moved_is_followed_without_an_error(
    cluster: Cluster, service_on: Callable[..., Service]
) -> None:
    service = service_on(cluster.url)
    service.join("alice")
    cluster.move(SLOT, next(node for node in cluster.nodes if node is not cluster.owner_of(SLOT)))

    assert service.join("bob").size == 2
    cluster.move(SLOT, next(node for node in cluster.nodes if node is not cluster.owner_of(SLOT)))
    assert service.tickets.counts("ranked", []).current_size == 2  # by a pipeline
    cluster.move(SLOT, next(node for node in cluster.nodes if node is not cluster.owner_of(SLOT)))
    assert service.tickets.acknowledge([MatchId("nobody")]) is None  # by a transaction
    assert service.tickets.snapshot("ranked").player_ids == ["alice", "bob"]
    cluster.move(SLOT, next(node for node in cluster.nodes if node is not cluster.owner_of(SLOT)))
    assert service.tickets.snapshot("ranked").player_ids == ["alice", "bob"]  # pages whose answers are read later
    proposal = a_proposal(service.tickets, PlayerId("alice"), PlayerId("bob"), match_id="m1", queues=("ranked",))
    cluster.move(SLOT, next(node for node in cluster.nodes if node is not cluster.owner_of(SLOT)))
    assert len(service.tickets.claim(RANKED, [proposal], 1_300).matches) == 1  # calls on their way together


def test_a_cluster_that_is_down_is_an_unavailable_store(cluster: Cluster, service_on: Callable[..., Service]) -> None:
    service = service_on(cluster.url)
    service.join("alice")
    silent = next(node for node in cluster.nodes if node is not cluster.owner_of(SLOT))
    os.kill(silent.pid, signal.SIGSTOP)
    try:
        until(lambda: _is_refused(service), what="a cluster without a third of its slots serves")
        with pytest.raises(StoreUnavailable, match="ClusterDownError"):
            service.join("bob")
    finally:
        os.kill(silent.pid, signal.SIGCONT)

    until(lambda: not _is_refused(service), what="the cluster is whole again and does not serve")
    assert service.join("bob").size == 2


@pytest.mark.parametrize("how", ["dead", "silent"])
def test_with_all_nodes_away_each_call_ends_in_time(
    how: str, cluster: Cluster, service_on: Callable[..., Service]
) -> None:
    service = service_on(cluster.url)
    service.join("alice")
    for node in cluster.nodes:
        node.kill() if how == "dead" else os.kill(node.pid, signal.SIGSTOP)
    try:
        took = [_seconds_to_fail(service, f"bob-{number}") for number in range(4)]
    finally:
        for node in cluster.nodes:
            node.start() if how == "dead" else os.kill(node.pid, signal.SIGCONT)

    assert max(took) < 1.5, took
    until(lambda: service.join("carol"), what="the cluster is back and does not serve", forgiven=[StoreUnavailable])


def _is_refused(service: Service) -> bool:
    try:
        service.tickets.online()
    except StoreUnavailable:
        return True
    return False


def _seconds_to_fail(service: Service, player: str) -> float:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        service.join(player)
    return time.monotonic() - began
