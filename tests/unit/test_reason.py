"""Why a ticket still waits: the first thing in its way, and when that changes."""

from dataclasses import replace

import numpy as np
import pytest

from matchmaking.engine.demands import BalanceRule, LatencyLimit, MatchFormat, RematchRule
from matchmaking.engine.search_window import SearchWindow, WhoseWait
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.engine.traits import Traits, traits_text
from matchmaking.expectations.eta import NOBODY_KNOWS, Eta
from matchmaking.expectations.others import Line, Seen, obstacles
from matchmaking.expectations.reason import Code, Reason, Surroundings, is_long, why_waiting
from tests.builders import NOW_MS, RANKED

#: 100 points, and 10 more every 10 s up to 300.
WINDOW = SearchWindow(base=100, step=10, every_seconds=10, max_extra=200)


def a_line(*others: tuple[float, float], parties: tuple[str, ...] = (), traits: tuple[Traits, ...] = ()) -> Line:
    """Tickets of (rating, seconds waited), with the ids p0, p1, …"""
    ratings, waited = zip(*others, strict=True) if others else ((), ())
    tickets = WaitingTickets(
        player_ids=[f"p{row}" for row in range(len(others))],
        ratings=np.array(ratings, dtype=np.float64),
        joined_ms=np.array([NOW_MS - round(seconds * 1000) for seconds in waited], dtype=np.int64),
        parties=parties,
        traits=[traits_text(one) for one in traits],
    )
    return Line(tickets, NOW_MS)


def why(
    line: Line,
    *,
    player: str = "p0",
    window: SearchWindow = WINDOW,
    match_format: MatchFormat | None = None,
    last_round_ms: int = NOW_MS - 500,
    lacks_seats: bool = False,
    balance: BalanceRule | None = None,
) -> Reason:
    row = line.row_of(player)
    assert row is not None
    waited_ms = NOW_MS - int(line.tickets.joined_ms[row])
    return why_waiting(
        Seen(float(line.tickets.ratings[row]), waited_ms, line.own_rows(player)),
        Surroundings(line, last_round_ms, lacks_seats),
        window=window,
        match_format=match_format or MatchFormat(),
        balance=balance or BalanceRule(),
        now_ms=NOW_MS,
    )


def test_nobody_else_waits() -> None:
    assert why(a_line((1500, 20))) == Reason(Code.ALONE, "nobody else waits in this queue", 0, 0)


def test_out_of_reach_tells_the_nearest_and_when_the_window_is_wide_enough() -> None:
    reason = why(a_line((1500, 25), (1259.5, 40), (1900, 40), (1100, 40)))

    # 240.5 points: reached after 150 s, of which 25 are over. The other one's longer wait does not help.
    assert reason == Reason(
        Code.OUT_OF_REACH,
        "3 players waiting, none in reach: nearest 241 points away; your window reaches 241 in 125 s",
        others=3,
        in_reach=0,
        nearest_points=241,
        seconds=125,
    )


def test_out_of_reach_counts_the_wait_of_who_came_later() -> None:
    reason = why(a_line((1500, 25), (1259.5, 5)))

    assert reason.seconds == 145
    assert reason.text.endswith("your window reaches 241 in 125 s, theirs in 145 s")


def test_a_distance_that_no_wait_bridges_is_said_to_be_so() -> None:
    reason = why(a_line((1500, 25), (1199, 25)))

    assert (reason.code, reason.seconds) == (Code.OUT_OF_REACH, None)
    assert reason.text.endswith("your window does not reach so far")
    assert why(a_line((1500, 25), (1200, 25))).seconds == 175


def test_whom_i_reach_may_not_reach_me_yet() -> None:
    reason = why(a_line((1500, 90), (1690, 25)))

    assert reason == Reason(
        Code.NOT_REACHED,
        "1 player in reach, nearest 190 points away; their window reaches you in 65 s",
        others=1,
        in_reach=1,
        nearest_points=190,
        seconds=65,
    )


def test_where_the_longer_wait_counts_a_newcomer_is_reached_at_once() -> None:
    line = a_line((1500, 90), (1690, 25))

    assert why(line, window=replace(WINDOW, whose_wait=WhoseWait.LONGER)).code is Code.IN_REACH
    assert why(line, window=replace(WINDOW, whose_wait=WhoseWait.OWN)).code is Code.NOT_REACHED


def test_a_match_of_many_wants_enough_of_them() -> None:
    five = a_line((1500, 20), (1510, 20), (1520, 20), (1480, 20), (2500, 20))

    reason = why(five, match_format=MatchFormat(teams=5, team_size=1))

    assert (reason.code, reason.in_reach, reason.nearest_points) == (Code.TOO_FEW, 3, 10)
    assert reason.text == "3 players in reach, nearest 10 points away; a match needs 5 players"
    assert why(five, match_format=MatchFormat(teams=2, team_size=2)).code is Code.IN_REACH


def test_a_party_is_not_its_own_opponent() -> None:
    line = a_line((1500, 20), (1505, 20), (1900, 20), parties=("a:p0,p1", "a:p0,p1", ""))

    reason = why(line)

    assert (reason.code, reason.others, reason.nearest_points) == (Code.OUT_OF_REACH, 1, 400)


def test_no_round_for_long_is_said_before_all_else() -> None:
    line = a_line((1500, 60))

    assert why(line, last_round_ms=NOW_MS - 12_000).text == "matching is paused: no round for 12 s"
    assert why(line, last_round_ms=NOW_MS - 10_000).code is Code.ALONE
    assert why(line, last_round_ms=0).text == "matching is paused: no round for 60 s"  # not since 1970
    assert why(a_line((1500, 9)), last_round_ms=0).code is Code.ALONE


def test_a_queue_without_seats_waits_for_servers() -> None:
    assert why(a_line((1500, 20), (1500, 20)), lacks_seats=True).code is Code.NO_SERVER


@pytest.mark.parametrize(
    ("waited", "eta", "expected"),
    [
        (15.0, NOBODY_KNOWS, False),
        (15.1, NOBODY_KNOWS, True),
        (3.1, Eta(1.0, 3.0, 50), True),
        (3.0, Eta(1.0, 3.0, 50), False),
        (15.1, Eta(20.0, 90.0, 50), True),
    ],
)
def test_a_wait_is_long_beyond_what_was_told_or_beyond_fifteen_seconds(waited: float, eta: Eta, expected: bool) -> None:
    assert is_long(round(waited * 1000), eta) is expected


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        (Traits(), Traits(), []),
        (Traits(blocked=frozenset({"p1"})), Traits(), ["block"]),
        (Traits(), Traits(blocked=frozenset({"p0"})), ["block"]),
        (Traits(), Traits(blocked=frozenset({"p2"})), []),
        (Traits(recent=("p1",)), Traits(), ["rematch"]),
        (Traits(recent=("p9", "p1")), Traits(), []),
        (Traits(latencies_ms={"eu": 30}), Traits(latencies_ms={"us": 30}), ["region"]),
        (Traits(latencies_ms={"eu": 30, "us": 90}), Traits(latencies_ms={"us": 30, "eu": 101}), ["region"]),
        (Traits(latencies_ms={"eu": 30, "us": 80}), Traits(latencies_ms={"us": 30, "eu": 101}), []),
        (Traits(latencies_ms={"eu": 300}), Traits(), []),
    ],
)
def test_what_stands_between_two_tickets_in_reach(mine: Traits, theirs: Traits, expected: list[str]) -> None:
    rules = replace(
        RANKED,
        search_window=WINDOW,
        latency=LatencyLimit(max_ms=80),
        rematch=RematchRule(last=2, points=60),
    )
    # 60 points apart, 100 are accepted: a rematch counts 60 for the last opponent, 30 for the one before.
    line = a_line((1500, 5), (1560, 5), traits=(mine, theirs))

    assert obstacles(line, 0, 1, rules, NOW_MS) == expected


def test_the_window_that_is_too_narrow_is_named() -> None:
    rules = replace(RANKED, search_window=WINDOW)
    line = a_line((1500, 90), (1690, 25), (1900, 90))

    assert obstacles(line, 0, 1, rules, NOW_MS) == ["their_window"]
    assert obstacles(line, 1, 0, rules, NOW_MS) == ["your_window"]
    assert obstacles(line, 0, 2, rules, NOW_MS) == ["your_window", "their_window"]
    longer = replace(rules, search_window=replace(WINDOW, whose_wait=WhoseWait.LONGER))
    assert obstacles(line, 0, 1, longer, NOW_MS) == []


@pytest.mark.parametrize(
    ("window", "points", "expected"),
    [
        (WINDOW, 100, 0),
        (WINDOW, 100.1, 10),
        (WINDOW, 110, 10),
        (WINDOW, 110.1, 20),
        (WINDOW, 300, 200),
        (WINDOW, 300.1, None),
        (SearchWindow(base=50, step=0, max_extra=0), 51, None),
        (SearchWindow(base=50, step=30, every_seconds=4, max_extra=40), 90, 8),
        (SearchWindow(base=50, steps=((5, 20), (30, 100))), 50, 0),
        (SearchWindow(base=50, steps=((5, 20), (30, 100))), 71, 30),
        (SearchWindow(base=50, steps=((5, 20), (30, 100))), 151, None),
    ],
)
def test_seconds_until_a_window_reaches(window: SearchWindow, points: float, expected: float | None) -> None:
    assert window.seconds_until(points) == expected
    if expected:
        assert window.reach(expected) >= points > window.reach(expected - 0.01)


@pytest.mark.parametrize(
    ("waited", "said", "seconds"),
    [
        (12, "likelier than 65% to win, 67% in 8 s", 8),
        (20, "likelier than 67% to win, 69% in 20 s", 20),
        (41, "likelier than 69% to win", None),
    ],
)
def test_enough_in_reach_tells_how_even_teams_have_to_be(waited: float, said: str, seconds: int | None) -> None:
    bound = BalanceRule(max_favourite=0.65, step=0.02, every_seconds=20, max_extra=0.04)
    reason = why(a_line((1500, waited), (1510, 5)), balance=bound)
    assert reason.code is Code.IN_REACH
    assert reason.text == f"1 player in reach, nearest 10 points away: a round looks for teams of which none is {said}"
    assert reason.seconds == seconds
