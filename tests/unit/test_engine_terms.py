"""What traits change: blocks, recent opponents, latencies, uncertain ratings; and whose wait counts."""

import math

import numpy as np
import pytest

from matchmaking.engine import Pairing, SearchWindow, WaitingTickets, WhoseWait, find_matches
from matchmaking.engine.demands import LatencyLimit, RematchRule
from matchmaking.engine.traits import Traits, traits_text
from tests.unit.strategies import NOW_MS

#: Reaches 100 at once, 160 after 10 s, 220 after 20 s.
WINDOW = SearchWindow(base=100, step=60, every_seconds=10, max_extra=400)


def pool(*rows: tuple[str, float, float, Traits]) -> WaitingTickets:
    """(player, rating, waited seconds, traits) of each ticket."""
    return WaitingTickets(
        player_ids=[row[0] for row in rows],
        ratings=np.array([row[1] for row in rows]),
        joined_ms=np.array([NOW_MS - round(row[2] * 1000) for row in rows], dtype=np.int64),
        traits=[traits_text(row[3]) for row in rows],
    )


def met(tickets: WaitingTickets, pairing: Pairing) -> set[frozenset[str]]:
    return {frozenset((tickets.player_ids[a], tickets.player_ids[b])) for a, b in pairing.pairs.tolist()}


def pairs_of(*names: str) -> set[frozenset[str]]:
    return {frozenset(name) for name in names}


# Whose wait counts


@pytest.mark.parametrize(("whose", "meets"), [("shorter", False), ("own", False), ("longer", True)])
def test_the_wait_that_counts_is_the_rules_choice(whose: str, meets: bool) -> None:
    tickets = pool(("n", 1500, 0, Traits()), ("v", 1650, 10, Traits()))
    window = SearchWindow(base=100, step=60, every_seconds=10, max_extra=400, whose_wait=WhoseWait(whose))

    assert met(tickets, find_matches(tickets, window, NOW_MS)) == (pairs_of("nv") if meets else set())


# Blocks


@pytest.mark.parametrize("blocker", ["a", "b"])
def test_who_has_blocked_the_other_never_meets_them(blocker: str) -> None:
    blocks = {"a": Traits(blocked=frozenset("b")), "b": Traits(blocked=frozenset(("a", "nobody here")))}
    said = {name: blocks[name] if name == blocker else Traits() for name in "ab"}
    two = pool(("a", 1500, 600, said["a"]), ("b", 1500, 600, said["b"]))
    three = pool(("a", 1500, 0, said["a"]), ("b", 1500, 0, said["b"]), ("c", 1590, 0, Traits()))

    assert met(two, find_matches(two, WINDOW, NOW_MS)) == set()
    assert met(three, find_matches(three, WINDOW, NOW_MS)) <= pairs_of("ac", "bc")
    assert len(find_matches(three, WINDOW, NOW_MS).pairs) == 1


def test_a_block_beyond_the_band_changes_nothing() -> None:
    rows = [(f"{place:02}", 1500.0 + place, 0.0, Traits()) for place in range(30)]
    rows[0] = ("00", 1500.0, 0.0, Traits(blocked=frozenset(("29",))))
    tickets = pool(*rows)

    assert len(find_matches(tickets, WINDOW, NOW_MS).pairs) == 15


# Recent opponents


def test_a_recent_opponent_counts_as_further_away() -> None:
    played = Traits(recent=("b",))
    tickets = pool(("a", 1500, 0, played), ("b", 1501, 0, Traits()), ("c", 1520, 0, Traits()))

    near = find_matches(tickets, WINDOW, NOW_MS, rematch=RematchRule(last=2, points=18))
    far = find_matches(tickets, WINDOW, NOW_MS, rematch=RematchRule(last=2, points=60))

    assert met(tickets, near) == pairs_of("ab")  # 1 + 18 against 19: equal, and both have waited as long
    assert met(tickets, far) == pairs_of("bc")
    assert met(tickets, find_matches(tickets, WINDOW, NOW_MS)) == pairs_of("ab")


@pytest.mark.parametrize(("points", "meets"), [(90, True), (90.001, False)])
def test_the_window_sees_a_recent_opponent_further_away(points: float, meets: bool) -> None:
    tickets = pool(("a", 1500, 0, Traits()), ("b", 1510, 0, Traits(recent=("a",))))
    pairing = find_matches(tickets, WINDOW, NOW_MS, rematch=RematchRule(last=1, points=points))

    assert met(tickets, pairing) == (pairs_of("ab") if meets else set())


def test_the_malus_decays_and_the_later_meeting_of_the_two_counts() -> None:
    rule = RematchRule(last=3, points=120)  # 120, 80, 40
    third = pool(("a", 1500, 0, Traits(recent=("x", "y", "b"))), ("b", 1560, 0, Traits()))
    first = pool(("a", 1500, 0, Traits(recent=("x", "y", "b"))), ("b", 1560, 0, Traits(recent=("a",))))
    fourth = pool(("a", 1500, 0, Traits(recent=("x", "y", "z", "b"))), ("b", 1600, 0, Traits()))

    assert met(third, find_matches(third, WINDOW, NOW_MS, rematch=rule)) == pairs_of("ab")
    assert met(first, find_matches(first, WINDOW, NOW_MS, rematch=rule)) == set()
    assert met(fourth, find_matches(fourth, WINDOW, NOW_MS, rematch=rule)) == pairs_of("ab")


def test_a_rematch_in_a_crowd_is_passed_around() -> None:
    rows = [(f"{place:02}", 1500.0 + place, 0.0, Traits()) for place in range(40)]
    rows[20] = ("20", 1520.0, 0.0, Traits(recent=("21",)))
    tickets = pool(*rows)
    pairing = find_matches(tickets, WINDOW, NOW_MS, rematch=RematchRule(last=1, points=50))

    assert len(pairing.pairs) == 20
    assert frozenset(("20", "21")) not in met(tickets, pairing)


# Regions


def test_a_match_is_played_where_its_worst_off_player_is_best() -> None:
    one = Traits(latencies_ms={"ap": 60, "eu": 20, "us": 90})
    other = Traits(latencies_ms={"ap": 55, "eu": 95, "us": 85})
    tickets = pool(("a", 1500, 0, one), ("b", 1500, 0, other))

    assert find_matches(tickets, WINDOW, NOW_MS).regions == ["ap"]


def test_two_without_a_region_near_enough_to_both_do_not_meet() -> None:
    east, west = Traits(latencies_ms={"eu": 20, "us": 130}), Traits(latencies_ms={"eu": 300, "us": 30})
    limit = LatencyLimit(max_ms=100, step_ms=30, every_seconds=10, max_extra_ms=90)
    apart = pool(("e", 1500, 9, east), ("w", 1500, 60, west))
    later = pool(("e", 1500, 10, east), ("w", 1500, 60, west))

    assert met(apart, find_matches(apart, WINDOW, NOW_MS, latency=limit)) == set()
    assert find_matches(later, WINDOW, NOW_MS, latency=limit).regions == ["us"]
    assert met(apart, find_matches(apart, WINDOW, NOW_MS)) == pairs_of("ew")


def test_the_region_is_within_the_limit_of_each_even_where_another_is_fairer() -> None:
    new, old = Traits(latencies_ms={"a": 60, "b": 40}), Traits(latencies_ms={"a": 61, "b": 140})
    tickets = pool(("n", 1500, 0, new), ("o", 1500, 100, old))
    limit = LatencyLimit(max_ms=50, step_ms=10, every_seconds=10, max_extra_ms=100)

    assert find_matches(tickets, WINDOW, NOW_MS, latency=limit).regions == ["b"]


def test_who_has_told_no_latency_fits_every_region() -> None:
    told = Traits(latencies_ms={"eu": 80, "us": 30})
    tickets = pool(("a", 1500, 0, told), ("b", 1500, 0, Traits()), ("c", 1700, 0, Traits()), ("d", 1700, 0, Traits()))
    pairing = find_matches(tickets, WINDOW, NOW_MS, latency=LatencyLimit(max_ms=100))

    assert dict(zip(map(tuple, pairing.pairs.tolist()), pairing.regions, strict=True)) == {(0, 1): "us", (2, 3): ""}


def test_without_a_limit_players_of_no_common_region_meet_anywhere() -> None:
    tickets = pool(("a", 1500, 0, Traits(latencies_ms={"eu": 1})), ("b", 1500, 0, Traits(latencies_ms={"us": 1})))

    assert find_matches(tickets, WINDOW, NOW_MS).regions == [""]
    assert find_matches(tickets, WINDOW, NOW_MS, latency=LatencyLimit(max_ms=100)).regions == []


def test_nobody_has_told_and_there_are_no_regions() -> None:
    tickets = pool(("a", 1500, 0, Traits()), ("b", 1500, 0, Traits(games=3)))

    assert find_matches(tickets, WINDOW, NOW_MS).regions == ()


# Uncertain ratings


def test_an_uncertain_rating_widens_the_window_by_its_deviation_beyond_a_settled_one() -> None:
    extra = math.sqrt(2 * (125.0**2 - 75.0**2))  # 141.4 points beyond 100
    unsure = Traits(deviation=125)
    inside = pool(("a", 1500, 0, unsure), ("b", 1500 + 100 + extra - 0.01, 0, unsure))
    outside = pool(("a", 1500, 0, unsure), ("b", 1500 + 100 + extra + 0.01, 0, unsure))

    assert met(inside, find_matches(inside, WINDOW, NOW_MS)) == pairs_of("ab")
    assert met(outside, find_matches(outside, WINDOW, NOW_MS)) == set()


def test_a_settled_rating_widens_nothing() -> None:
    tickets = pool(("a", 1500, 0, Traits(deviation=75)), ("b", 1601, 0, Traits(deviation=60)))

    assert met(tickets, find_matches(tickets, WINDOW, NOW_MS)) == set()


def test_no_uncertainty_looks_beyond_the_ceiling_of_the_window() -> None:
    unsure = Traits(deviation=2_000)
    inside = pool(("a", 1000, 0, unsure), ("b", 1500, 0, unsure))
    outside = pool(("a", 1000, 0, unsure), ("b", 1501, 0, unsure))

    assert met(inside, find_matches(inside, WINDOW, NOW_MS)) == pairs_of("ab")
    assert met(outside, find_matches(outside, WINDOW, NOW_MS)) == set()
