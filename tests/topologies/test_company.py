"""Two beats and two workers beside each other, data and messages on a Redis each.

They run for all tests of this file and stop with it: beside another stack on the same database, each would find again
and again that its Redis is another one than before.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from matchmaking.match import MatchStatus, PlayerId
from matchmaking.models import MatchRecord, Participant
from matchmaking.ticket import Matched
from tests.redis_topologies import PASSWORD, TunedRedis, a_redis, until
from tests.threads import at_once
from tests.topologies.conftest import PREFIX, Service
from tests.topologies.stack import Stack
from tests.topologies.test_acl import documented_rule
from tests.topologies.test_celery import START_SECONDS, ask_for_rounds, wait_for_rounds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("stack"), pytest.mark.takes(20)]


@pytest.fixture(scope="module")
def company(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None
) -> Iterator[tuple[Stack, TunedRedis, TunedRedis]]:
    """Two beats and two workers, the data on one Redis and the messages on another, each by its documented account."""
    folder = tmp_path_factory.mktemp("company")
    with a_redis(folder) as data, a_redis(folder) as broker:
        data.asked(*documented_rule("caroud"))
        broker.asked(*documented_rule("celery"))
        urls = (
            f"redis://{user}:{PASSWORD}@127.0.0.1:{server.port}/0"
            for user, server in (("caroud", data), ("celery", broker))
        )
        with Stack.on(folder, *urls) as stack:
            for name in ("one", "two"):
                stack.worker(name, "rounds,reaping,history", children=2)
                stack.beat(f"beat-{name}")
            wait_for_rounds(data, seconds=START_SECONDS)
            yield stack, data, broker


def test_data_and_messages_are_on_different_servers_by_one_setting(
    company: tuple[Stack, TunedRedis, TunedRedis], service_on: Callable[..., Service]
) -> None:
    stack, data, broker = company
    service_on(data.url).join(str(uuid.uuid4()), now_ms=time.time_ns() // 1_000_000)
    wait_for_rounds(data, seconds=5)

    in_data, in_broker = data.keys(), broker.keys()

    assert f"{PREFIX}matchmaking:queue" in in_data
    assert [key for key in in_data if not key.startswith(PREFIX)] == []
    assert in_broker
    assert [key for key in in_broker if not key.startswith("{celerycaroud}:")] == []
    assert [line for program in stack.programs for line in program.text().splitlines() if "ermission" in line] == []


def test_two_beats_and_two_workers_match_each_player_once(
    company: tuple[Stack, TunedRedis, TunedRedis], service_on: Callable[..., Service]
) -> None:
    _, data, broker = company
    service = service_on(data.url)
    players = [str(uuid.uuid4()) for _ in range(1_000)]
    # Joins in four threads, and more rounds asked for than four children can keep apart.
    at_once(
        partial(ask_for_rounds, broker, 300),
        *(partial(join_all, service, players[n::4]) for n in range(4)),
    )

    def all_are_matched() -> bool:
        """Players ask while they wait: after a recovery only who has asked since is matched."""
        for player in service.tickets.snapshot("ranked").player_ids:
            service.tickets.status(PlayerId(player), time.time_ns() // 1_000_000)
        return service.tickets.counts("ranked", []).current_size <= 1

    until(all_are_matched, what="players wait for ever", seconds=15)
    until(lambda: service.tickets.outbox(1) == [], what="the outbox is not emptied")

    in_history = Counter(str(found) for found in Participant.objects.values_list("player_id", flat=True))
    mine = {player: in_history[player] for player in players}
    assert set(mine.values()) <= {0, 1}
    assert sum(mine.values()) >= len(players) - 1
    told = {player: service.tickets.status(PlayerId(player), time.time_ns() // 1_000_000) for player in players}
    for player, answer in told.items():
        assert isinstance(answer, Matched) == bool(mine[player])
    matches = {answer.match.id for answer in told.values() if isinstance(answer, Matched)}
    assert matches <= {str(found) for found in MatchRecord.objects.values_list("id", flat=True)}
    for found in service.tickets.find_matches(sorted(matches)):
        service.tickets.end(found.match, MatchStatus.ABANDONED)


def join_all(service: Service, players: list[str]) -> None:
    for player in players:
        service.join(player, now_ms=time.time_ns() // 1_000_000)
