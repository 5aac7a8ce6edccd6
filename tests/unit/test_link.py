"""Which store this process asks, as Redis comes and goes and PostgreSQL says who is in charge."""

from dataclasses import dataclass

import pytest

from datastore.link import Link
from errors import StoreUnavailable

GONE = StoreUnavailable("redis", "ConnectionError")


@dataclass
class World:
    """What a link sees. `in_charge` is None while PostgreSQL is away."""

    redis_is_up: bool = True
    in_charge: str | None = "redis"
    now: float = 100.0
    switches: int = 0

    def probe(self) -> None:
        if not self.redis_is_up:
            raise GONE

    def is_fallen_back(self) -> bool:
        if self.in_charge is None:
            raise StoreUnavailable("postgresql", "away")
        return self.in_charge == "postgresql"

    def fall_back(self) -> None:
        if self.in_charge is None:
            raise StoreUnavailable("postgresql", "away")
        self.in_charge = "postgresql"
        self.switches += 1

    def link(self) -> Link:
        return Link(
            probe=self.probe,
            is_fallen_back=self.is_fallen_back,
            fall_back=self.fall_back,
            monotonic=lambda: self.now,
        )


def test_a_call_that_failed_while_the_probe_works_is_the_callers_to_repeat() -> None:
    world = World()
    link = world.link()

    with pytest.raises(StoreUnavailable):
        link.failed(GONE)

    assert link.prefers_first()
    assert world.switches == 0


def test_a_redis_that_fails_the_probe_is_left_to_the_stand_in_for_everybody() -> None:
    world = World(redis_is_up=False)
    link, other = world.link(), world.link()

    link.failed(GONE)
    other.look()

    assert not link.prefers_first()
    assert not other.prefers_first()
    assert (world.in_charge, world.switches) == ("postgresql", 1)


def test_with_both_away_the_call_fails_and_nothing_is_believed() -> None:
    world = World(redis_is_up=False, in_charge=None)
    link = world.link()

    with pytest.raises(StoreUnavailable, match="postgresql"):
        link.failed(GONE)
    with pytest.raises(StoreUnavailable, match="postgresql"):
        link.prefers_first()
    world.in_charge = "redis"

    assert not link.prefers_first()
    assert world.in_charge == "postgresql"


def test_what_postgresql_cannot_say_leaves_it_as_it_was() -> None:
    world = World(in_charge="postgresql")
    link = world.link()
    link.look()
    world.in_charge = None

    link.look()

    assert link.is_fallen_back


def test_who_came_home_while_this_process_still_cannot_reach_redis_is_called_back() -> None:
    world = World(redis_is_up=False)
    link = world.link()
    link.failed(GONE)
    world.in_charge = "redis"  # another process reached it
    link.look()

    assert not link.prefers_first()
    assert (world.in_charge, world.switches) == ("postgresql", 2)


def test_who_came_home_and_reaches_redis_again_asks_it() -> None:
    world = World(redis_is_up=False)
    link = world.link()
    link.failed(GONE)
    world.in_charge, world.redis_is_up = "redis", True
    link.look()

    assert link.prefers_first()
    assert world.switches == 1


def test_how_long_it_has_been_left_is_counted_from_the_switch() -> None:
    world = World(redis_is_up=False)
    link = world.link()
    assert link.fallen_back_seconds() == 0
    link.failed(GONE)
    world.now += 2.5

    assert link.fallen_back_seconds() == 2.5


def test_a_worker_follows_and_does_not_decide() -> None:
    world = World(redis_is_up=False)
    link = world.link()
    link.only_follow()

    with pytest.raises(StoreUnavailable):
        link.failed(GONE)
    assert link.prefers_first()
    assert world.switches == 0
    world.in_charge = "postgresql"
    link.look()

    assert not link.prefers_first()
