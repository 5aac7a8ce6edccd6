"""Data and messages behind Sentinel: the primary dies, the replica takes over."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from errors import StoreUnavailable
from tests.redis_topologies import PASSWORD, SERVICE, SentinelGroup
from tests.topologies.conftest import Crowd, Service, play
from tests.topologies.stack import Stack
from tests.topologies.test_celery import START_SECONDS, wait_for_rounds

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.takes(10)]


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelGroup]:
    with SentinelGroup(tmp_path_factory.mktemp("sentinel")) as group:
        yield group


@pytest.mark.django_db(transaction=True)
def test_players_and_workers_go_on_some_seconds_after_the_primary_and_a_sentinel_died(
    group: SentinelGroup, service_on: Callable[..., Service], tmp_path: Path
) -> None:
    play(service_on(group.url))
    service = service_on(group.url, prefix="{crowd}:")  # the worker's rounds leave them alone
    with Stack.on(tmp_path, group.url, group.url) as stack:
        worker, beat = stack.worker("rounds", "rounds"), stack.beat("beat")
        wait_for_rounds(group.primary, seconds=START_SECONDS)
        with Crowd(service) as crowd:
            crowd.goes_on()
            group.sentinels[0].kill()
            group.primary.kill()
            away_for = crowd.goes_on()
        worker_away_for = away_for + wait_for_rounds(group.replica, seconds=15)
        assert worker.is_alive and beat.is_alive

    assert away_for < 10.0, away_for
    assert worker_away_for < 15.0, worker_away_for
    assert max(crowd.failures) < 1.5
    assert group.replica.asked("ROLE")[0] == "master"
    waiting = service.tickets.snapshot("ranked").player_ids
    # An asynchronous replica: what was acknowledged in the last moment may be missing, and nothing else.
    assert len(set(crowd.acked) - set(waiting)) <= 50
    assert set(waiting) - set(crowd.acked) <= {f"p{n}-{number}" for n in range(4) for number in range(len(waiting))}


def test_a_service_that_sentinels_do_not_know_is_an_unavailable_store(
    group: SentinelGroup, service_on: Callable[..., Service]
) -> None:
    service = service_on(group.url.replace(f"/{SERVICE}/", "/another/"))

    with pytest.raises(StoreUnavailable, match="PrimaryNotFound"):
        service.join("alice")


def test_sentinels_may_want_a_password_of_their_own(group: SentinelGroup, service_on: Callable[..., Service]) -> None:
    service = service_on(group.url.replace(f"?sentinel_password={PASSWORD}", ""))

    with pytest.raises(StoreUnavailable):
        service.join("alice")
