"""Rates: how they are written, what a turn tells, and what one process decides alone. Time moves by hand."""

import pytest

from datastore.local_turns import SHARE, LocalTurns
from datastore.rates import Rate, RateError, Turn, rate_of
from rest.addresses import client_of

SECOND = 1_000_000


def test_a_rate_is_written_as_calls_and_seconds_or_off() -> None:
    assert rate_of(" 60/5 ") == Rate(calls=60, seconds=5)
    assert rate_of("OFF") is None


@pytest.mark.parametrize("text", ["", "60", "0/5", "5/0", "-1/5", "60/5s", "6e1/5", "²/5", "60/5/5", "1/100000"])
def test_a_rate_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(RateError, match="calls/seconds"):
        rate_of(text)


def test_a_turn_tells_what_is_left_and_when_to_come_again() -> None:
    rate = Rate(calls=10, seconds=5)

    after_one = Turn(is_allowed=True, rate=rate, ahead_us=SECOND // 2, is_shared=True)
    used_up = Turn(is_allowed=False, rate=rate, ahead_us=5 * SECOND, is_shared=True)

    assert (after_one.remaining, after_one.wait_seconds, after_one.reset_seconds) == (9, 0, 1)
    assert (used_up.remaining, used_up.wait_seconds, used_up.reset_seconds) == (0, 1, 5)


def allowed(turns: LocalTurns, calls: int, *, at_us: int, caller: str = "a") -> int:
    return sum(turns.take_alone(caller, at_us)[0] for _ in range(calls))


def test_one_process_alone_holds_exactly_the_rate_and_the_burst() -> None:
    turns = LocalTurns(Rate(calls=10, seconds=5))

    assert allowed(turns, 30, at_us=7 * SECOND) == 10
    assert allowed(turns, 30, at_us=7 * SECOND + SECOND // 2 - 1) == 0
    assert allowed(turns, 30, at_us=7 * SECOND + SECOND // 2) == 1
    assert allowed(turns, 30, at_us=7 * SECOND + 4 * SECOND) == 7
    assert allowed(turns, 30, at_us=7 * SECOND, caller="another") == 10


def test_a_share_is_a_quarter_of_the_burst_and_of_the_rate() -> None:
    turns = LocalTurns(Rate(calls=40, seconds=10))

    first = sum(turns.take_share("a", 0) for _ in range(50))
    later = sum(turns.take_share("a", 10 * SECOND - 1) for _ in range(50))

    assert (first, later) == (40 // SHARE, 40 // SHARE - 1)


def test_a_client_that_polls_as_told_never_uses_up_its_share() -> None:
    turns = LocalTurns(Rate(calls=150, seconds=5))

    assert all(turns.take_share("a", number * SECOND // 5) for number in range(5_000))


def test_what_redis_was_not_told_of_is_told_once_less_what_has_worn_off() -> None:
    turns = LocalTurns(Rate(calls=40, seconds=10))
    for _ in range(3):
        assert turns.take_share("a", 1000)

    assert turns.untold_us("a", 101_000) == 3 * SECOND // 4 - 100_000
    assert turns.untold_us("a", 101_000) == 0
    assert turns.take_share("a", 20 * SECOND)
    assert turns.untold_us("a", 30 * SECOND) == 0


def test_a_caller_whom_redis_remembers_is_always_counted_there() -> None:
    turns = LocalTurns(Rate(calls=40, seconds=10))
    turns.remember_shared("a", until_us=1000)

    assert [turns.take_share("a", at_us) for at_us in (999, 1000)] == [False, True]


def test_memory_is_bounded_and_the_longest_unseen_caller_is_forgotten() -> None:
    turns = LocalTurns(Rate(calls=4, seconds=10), kept=2)
    for caller in ("a", "b", "a", "c"):
        turns.take_alone(caller, 0)

    assert allowed(turns, 9, at_us=0, caller="a") == 2
    assert allowed(turns, 9, at_us=0, caller="b") == 4


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "client"),
    [
        ("203.0.113.9", "", 0, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", 0, "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", 1, "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", 1, "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", 2, "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1", 3, "198.51.100.1"),
        ("10.0.0.1", "", 1, "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, nonsense", 1, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", 1, "198.51.100.1"),
        ("10.0.0.1", "[2001:db8:1:2:3::4]:443", 1, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:aaaa::1", "", 0, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "", 0, "203.0.113.9"),
        ("fe80::1%eth0", "", 0, "fe80::/64"),
        ("", "", 0, "unknown"),
        ("unix:", "x" * 5_000, 1, "unknown"),
    ],
)
def test_the_client_is_the_hop_that_the_last_trusted_proxy_saw(
    peer: str, forwarded: str, proxies: int, client: str
) -> None:
    meta = {"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})

    assert client_of(meta, trusted_proxies=proxies) == client
