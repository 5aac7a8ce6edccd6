"""The checker of `make chaos` is not blind: for each invariant a log in which it is broken."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from chaos.checker import judge
from chaos.records import (
    Beat,
    Death,
    Evidence,
    Fault,
    LeftKey,
    Limits,
    Mode,
    Part,
    RatingRow,
    Row,
    Seat,
    Seen,
    Told,
)

#: Seconds since 1970; everything in these logs happens after it.
START = 1_800_000_000.0
_lines = itertools.count(1)


def told(player: str, call: str, status: str, at: float, *, ticket: int = 1, took: float = 0.01, **more: Any) -> Told:
    """A call that was answered `at` seconds after the start."""
    http = more.pop("http", 200)
    at += START
    return Told(next(_lines), player, ticket, call, http, at - took, at, status, **more)


def waiting(player: str, call: str, at: float, **more: Any) -> Told:
    return told(player, call, "waiting", at, queue="ranked", **{"waited": 0.0, **more})


def matched(player: str, match: str, at: float, *, call: str = "status", **more: Any) -> Told:
    return told(player, call, "matched", at, match=match, players=("ann", "bob"), **more)


def a_row(match: str, created: float, ended: float | None, **more: Any) -> Row:
    parts = more.pop("parts", (Part("ann", 0, 1200.0, 1216.0), Part("bob", 1, 1200.0, 1184.0)))
    known = {"status": "completed", "queue": "ranked", "server": "eu-1", "ranks": (1, 2)}
    ends = None if ended is None else START + ended
    return Row(match=match, created=START + created, ended=ends, parts=parts, **{**known, **more})


def beat(call: str, at: float, **more: Any) -> Beat:
    http = more.pop("http", 200)
    return Beat(next(_lines), "eu-1", call, http, START + at - 0.01, START + at, **more)


def fault(kind: str, began: float, ended: float) -> Fault:
    return Fault(next(_lines), kind, START + began, START + ended)


def evidence(**more: Any) -> Evidence:
    """Ann and Bob join at 1, are matched at 2, told at 3, and the match ends at 6. Nothing is wrong."""
    limits = Limits(
        ticket_ttl_seconds=30.0,
        heartbeat_ttl_seconds=8.0,
        reap_interval_seconds=2.0,
        resume_seconds=15.0,
        capacities={"eu-1": 2},
    )
    healthy: dict[str, Any] = {
        "told": [
            waiting("ann", "join", 1.0),
            waiting("bob", "join", 1.1),
            matched("ann", "m1", 3.0),
            matched("bob", "m1", 3.1),
            told("ann", "status", "not_in_queue", 7.0, match="m1"),
            told("bob", "status", "not_in_queue", 7.1, match="m1"),
        ],
        "beats": [
            beat("heartbeat", 3.0, matches=("m1",)),
            beat("result", 6.1, matches=("m1",), ranks=(1, 2), status="completed"),
        ],
        "rows": [a_row("m1", 2.0, 6.0)],
        "ratings": [RatingRow("ann", "ranked", 1216.0, 1), RatingRow("bob", "ranked", 1184.0, 1)],
        "keys": [LeftKey("matchmaking:stats", 1000, 5)],
        "play_ended": START + 60.0,
    }
    return Evidence(limits=limits, **{**healthy, **more})


def broken(given: Evidence) -> dict[str, list[str]]:
    """The broken invariants and what was said of each."""
    return {
        verdict.invariant: [violation.text for violation in verdict.violations]
        for verdict in judge(given)
        if not verdict.holds
    }


def with_told(*more: Told, without_endings: bool = False) -> Evidence:
    """The healthy log and these answers, in the order in which they were told."""
    base = evidence()
    kept = [each for each in base.told if not (without_endings and each.match)]
    return replace(base, told=sorted([*kept, *more], key=lambda each: each.told))


def test_in_a_healthy_log_nothing_is_broken() -> None:
    assert broken(evidence()) == {}


def test_a_run_without_a_match_proves_nothing() -> None:
    assert "I0" in broken(evidence(told=[], beats=[], rows=[], ratings=[]))


# --- I1 ------------------------------------------------------------------------------------------------


def test_a_player_who_waits_during_a_live_match_breaks_i1() -> None:
    found = broken(with_told(waiting("ann", "status", 5.0, waited=4.0)))
    assert found == {"I1": ["player ann was told waiting during match m1"]}


def test_a_player_who_is_told_another_match_during_a_live_one_breaks_i1() -> None:
    given = with_told(told("ann", "status", "matched", 5.0, match="m2", players=("ann", "cid")))
    parts = (Part("ann", 0), Part("cid", 1))
    given.rows.append(a_row("m2", 5.5, 5.8, status="abandoned", parts=parts, ranks=()))
    assert broken(given)["I1"] == ["player ann was told match m2 during match m1"]


def test_a_player_in_two_rows_at_a_time_breaks_i1_even_if_nobody_said_so() -> None:
    given = evidence()
    parts = (Part("ann", 0), Part("zoe", 1))
    given.rows.append(a_row("m0", -2.0, 5.9, status="abandoned", server=None, ranks=(), parts=parts))
    assert broken(given)["I1"] == ["player ann: match m1 began before m0 ended"]


def test_no_ticket_is_what_one_may_be_told_once_the_match_has_ended() -> None:
    assert broken(with_told(waiting("ann", "join", 7.5, ticket=2), told("ann", "leave", "left", 8.0, ticket=2))) == {}


# --- I2 ------------------------------------------------------------------------------------------------


def test_a_ticket_that_is_silently_gone_breaks_i2() -> None:
    given = with_told(waiting("cid", "join", 1.0), told("cid", "status", "not_in_queue", 2.0))
    assert broken(given) == {"I2": ["player cid, ticket 1: waited, and then was not in any queue"]}


def test_a_ticket_that_never_ends_breaks_i2() -> None:
    given = with_told(waiting("cid", "join", 1.0), waiting("cid", "status", 20.0, waited=19.0))
    assert broken(given) == {"I2": ["player cid, ticket 1: never ended, last told 'waiting'"]}


def test_a_leave_without_an_answer_may_have_been_carried_out() -> None:
    given = with_told(
        waiting("cid", "join", 1.0),
        told("cid", "leave", "", 2.0, http=0),
        told("cid", "leave", "not_in_queue", 3.0),
    )
    assert broken(given) == {}


def test_a_ticket_that_nobody_asked_for_may_be_gone_with_the_word_that_it_expired() -> None:
    given = with_told(waiting("cid", "join", 1.0), told("cid", "status", "not_in_queue", 45.0))
    assert list(broken(given)) == ["I2"]
    assert "I2" not in broken(replace(given, faults=[fault("redis_flushall", 20.0, 20.01)]))


def test_a_match_that_only_history_tells_of_is_an_end() -> None:
    given = evidence()
    given.told[2] = told("ann", "status", "not_in_queue", 6.5)
    given.told[4] = told("ann", "history", "ended", 7.0, match="m1")
    assert broken(given) == {}


def test_a_ticket_that_expires_although_its_player_asks_breaks_i2() -> None:
    given = with_told(
        waiting("cid", "join", 1.0), waiting("cid", "status", 20.0, waited=19.0), told("cid", "status", "expired", 45.0)
    )
    assert broken(given) == {"I2": ["player cid, ticket 1: expired 25.0 s after its player had asked"]}


def test_a_ticket_of_a_silent_player_may_expire() -> None:
    assert broken(with_told(waiting("cid", "join", 1.0), told("cid", "status", "expired", 45.0))) == {}


@pytest.mark.parametrize(("at", "is_wrong"), [(20.0, False), (40.0, True)])
def test_a_player_who_is_kept_in_a_match_after_its_end_breaks_i2(at: float, is_wrong: bool) -> None:
    given = with_told(matched("ann", "m1", at))
    assert ("I2" in broken(given)) is is_wrong


def test_a_ticket_that_loses_its_place_breaks_i2() -> None:
    given = with_told(
        waiting("cid", "join", 1.0),
        waiting("cid", "status", 11.0, waited=10.0),
        waiting("cid", "status", 12.0, waited=0.0),
        told("cid", "leave", "left", 13.0),
    )
    assert broken(given)["I2"][0].startswith("player cid, ticket 1: joined 10 s later")


# --- I3 ------------------------------------------------------------------------------------------------


def test_a_match_that_was_told_and_is_not_in_postgresql_breaks_i3() -> None:
    given = evidence(rows=[], ratings=[], beats=[])
    assert broken(given)["I3"] == ["match m1 was told and is in PostgreSQL 0 times"]


def test_a_match_that_is_in_postgresql_twice_breaks_i3() -> None:
    given = evidence(rows=[a_row("m1", 2.0, 6.0), a_row("m1", 2.0, 6.0)])
    assert "match m1 was told and is in PostgreSQL 2 times" in broken(given)["I3"]


def test_players_who_are_told_different_matches_break_i3() -> None:
    given = evidence()
    given.told[2] = replace(given.told[2], players=("ann", "cid"))
    assert broken(given) == {"I3": ["match m1: its players were told another line-up"]}


def test_a_player_who_is_never_told_of_the_match_breaks_i3() -> None:
    given = evidence()
    given.told = [each for each in given.told if not (each.player == "bob" and each.match)]
    assert "player bob was never told of match m1 (completed)" in broken(given)["I3"]


def test_a_row_without_its_players_breaks_i3() -> None:
    given = evidence()
    given.rows.append(a_row("m2", 3.0, 4.0, status="abandoned", ranks=(), parts=()))
    assert broken(given) == {"I3": ["match m2 has 0 players in PostgreSQL"]}


def test_a_match_that_only_its_server_was_told_of_breaks_i3() -> None:
    given = evidence()
    given.beats.append(beat("heartbeat", 9.0, matches=("m9",)))
    assert broken(given) == {"I3": ["server eu-1 was told match m9, which history lacks"]}


# --- I4, I8 --------------------------------------------------------------------------------------------


def test_a_server_that_is_told_more_matches_than_seats_breaks_i4() -> None:
    given = evidence()
    given.beats.append(beat("heartbeat", 4.0, matches=("m1", "m1", "m2", "m3")))
    assert broken(given)["I4"] == ["server eu-1 was told 3 matches for 2 seats"]


def test_a_server_with_more_rows_at_a_time_than_seats_breaks_i4() -> None:
    given = evidence()
    for name in ("m2", "m3", "m4"):
        parts = (Part(f"{name}a", 0), Part(f"{name}b", 1))
        given.rows.append(a_row(name, 10.0, 20.0, status="abandoned", ranks=(), parts=parts))
    assert broken(given)["I4"][0].startswith("server eu-1 had 3 matches for 2 seats")


def test_a_stale_token_that_is_heard_breaks_i4() -> None:
    given = evidence()
    given.beats.append(beat("heartbeat", 4.0, is_stale=True))
    assert broken(given) == {"I4": ["server eu-1 was heard with the token of an older generation"]}


@pytest.mark.parametrize(("created", "is_wrong"), [(19.0, False), (25.0, True)])
def test_a_match_for_a_dead_server_breaks_i8_once_everybody_has_to_know(created: float, is_wrong: bool) -> None:
    given = evidence(deaths=[Death("eu-1", START + 10.0, START + 40.0)])
    parts = (Part("cid", 0), Part("dan", 1))
    given.rows.append(a_row("m2", created, 42.0, status="abandoned", ranks=(), parts=parts))
    assert ("I8" in broken(given)) is is_wrong


@pytest.mark.parametrize(("ended", "is_wrong"), [(19.0, False), (35.0, True)])
def test_a_match_that_lives_on_without_its_server_breaks_i8(ended: float, is_wrong: bool) -> None:
    given = evidence(deaths=[Death("eu-1", START + 10.0, START + 40.0)])
    parts = (Part("cid", 0), Part("dan", 1))
    given.rows.append(a_row("m2", 8.0, ended, status="abandoned", ranks=(), parts=parts))
    assert ("I8" in broken(given)) is is_wrong


def test_a_match_that_never_ends_breaks_i8() -> None:
    given = evidence()
    parts = (Part("cid", 0), Part("dan", 1))
    given.rows.append(a_row("m2", 10.0, None, status="created", ranks=(), parts=parts))
    assert broken(given) == {"I8": ["match m2 on eu-1 never ended (created)"]}


# --- I5, I6 --------------------------------------------------------------------------------------------


def test_a_ticket_that_was_left_and_matched_breaks_i5() -> None:
    given = with_told(told("ann", "leave", "left", 1.5))
    assert "player ann, ticket 1 ended 2 times: left, matched m1" in broken(given)["I5"]


def test_a_match_that_begins_after_the_leave_breaks_i5() -> None:
    given = evidence()
    given.told = [each for each in given.told if each.player == "bob" or not each.match]
    given.told.append(told("ann", "leave", "left", 1.5))
    assert broken(given)["I5"] == ["player ann was told 'left', and then put into match m1"]


def test_a_leave_that_finds_nothing_during_the_tickets_own_match_breaks_i5() -> None:
    given = with_told(told("ann", "leave", "not_in_queue", 2.5))
    assert broken(given) == {"I5": ["player ann was told that there was no ticket, during its match m1"]}


def test_a_leave_refused_for_a_match_that_is_not_kept_breaks_i5() -> None:
    given = with_told(matched("ann", "m1", 4.0, call="leave", http=409))
    given.rows = []
    assert broken(given)["I5"] == ["player ann could not leave for match m1, which history does not have"]


def test_a_key_with_two_answers_breaks_i6() -> None:
    first = waiting("cid", "join", 20.0, key="k")
    other = told("cid", "join", "not_in_queue", 20.1, key="k", is_replay=True)
    left = told("cid", "leave", "left", 21.0)
    assert list(broken(with_told(first, other, left))) == ["I6"]
    under_fault = replace(with_told(first, other, left), faults=[fault("redis_flushall", 20.0, 20.05)])
    assert "I6" not in broken(under_fault)
    fallen_back = replace(with_told(first, other, left), modes=[Mode(START + 19.0, "fallback")])
    assert "I6" not in broken(fallen_back)


# --- I7 ------------------------------------------------------------------------------------------------

#: Ann and Bob are a party and play against Cid and Dee; Dee leaves at 6, Eve takes the seat at 7.
SQUAD = (
    Part("ann", 0, 1200.0, 1210.0),
    Part("bob", 0, 1200.0, 1210.0),
    Part("cid", 1, 1200.0, 1190.0),
    Part("dee", 1, 1200.0, 1190.0, left=START + 6.0),
    Part("eve", 1, joined=START + 7.0),
)


def seen(player: str, call: str, at: float, *, players: str = "ann bob cid dee", **more: Any) -> Seen:
    told = {"status": "matched", "match": "s1", "players": tuple(players.split()), **more}
    return Seen(next(_lines), player, call, told.pop("http", 200), START + at - 0.01, START + at, **told)


def squads(*more: Seen, parts: tuple[Part, ...] = SQUAD, **of_row: Any) -> Evidence:
    row = a_row("s1", 2.0, 9.0, parts=parts, **{"queue": "squads", "seats": (Seat("dee", "eve"),), **of_row})
    rated = [part for part in parts if part.after is not None]
    given = evidence(
        seen=[seen("ann", "status", 4.0), seen("eve", "status", 8.0, players="ann bob cid eve"), *more],
        parties=[("ann", "bob")],
    )
    # Those of the healthy log play under other names.
    rename = {"ann": "ann of m1", "bob": "bob of m1"}
    given.told = [
        replace(each, player=rename[each.player], players=tuple(rename[one] for one in each.players))
        for each in given.told
    ]
    given.rows = [replace(given.rows[0], parts=tuple(replace(p, player=rename[p.player]) for p in given.rows[0].parts))]
    given.ratings = [replace(rating, player=rename[rating.player]) for rating in given.ratings]
    given.rows.append(row)
    given.ratings += [RatingRow(part.player, "squads", part.after or 0.0, 1) for part in rated]
    return given


def test_a_squad_with_a_leaver_and_a_newcomer_breaks_nothing() -> None:
    assert broken(squads()) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"player": "zoe"},  # half a party
        {"team": 1},  # on both sides
        {"joined": START + 5.0},  # one from the start, the other one for an open seat
    ],
)
def test_a_party_that_is_parted_breaks_i7(changed: dict[str, Any]) -> None:
    parts = (SQUAD[0], replace(SQUAD[1], **changed), *SQUAD[2:])
    assert any("of a party" in text for text in broken(squads(parts=parts))["I7"])


def test_another_lineup_breaks_i7_and_a_leaver_may_be_in_it_or_not() -> None:
    assert broken(squads(seen("cid", "status", 6.5, players="ann bob cid"))) == {}
    for players in ("ann cid dee", "ann bob cid zoe"):
        given = squads(seen("cid", "status", 5.0, players=players))
        assert broken(given) == {"I7": ["match s1: player cid was told another line-up than history has"]}


def test_who_is_told_a_match_and_has_no_part_in_it_breaks_i7() -> None:
    assert "I7" in broken(squads(seen("zoe", "status", 5.0)))


def test_a_match_that_was_told_to_a_squad_and_is_not_kept_breaks_i7() -> None:
    assert broken(squads(seen("ann", "status", 1.0, match="s0")))["I7"] == [
        "match s0 was told and is not in PostgreSQL"
    ]


def test_a_match_that_goes_on_after_a_no_breaks_i7() -> None:
    given = squads(seen("cid", "decline", 3.0, status="", players=""))
    assert broken(given)["I7"] == ["match s1 was declined, and history says completed"]
    unrated = tuple(replace(part, before=None, after=None) for part in SQUAD[:4])
    fallen = {"parts": unrated, "status": "abandoned", "ranks": (), "seats": ()}
    no = seen("cid", "decline", 3.0, status="", players="")
    assert broken(replace(squads(no, **fallen), parties=[])) == {"I7": LINEUP_OF_EVE}
    given = squads(no, **fallen)
    given.beats.append(beat("heartbeat", 4.0, matches=("s1",)))
    assert "server eu-1 was told match s1, which player cid had declined" in broken(given)["I7"]


#: Eve was told of a match in which she has no part there.
LINEUP_OF_EVE = ["match s1: player eve was told another line-up than history has"]


@pytest.mark.parametrize("said_yes", ["ann bob cid dee", "ann bob cid"])
def test_a_match_that_begins_without_a_yes_of_all_breaks_i7(said_yes: str) -> None:
    given = squads(*(seen(player, "accept", 3.0, status="", players="") for player in said_yes.split()))
    given.beats.append(beat("heartbeat", 4.0, matches=("s1",)))
    is_whole = "dee" in said_yes
    assert broken(given) == ({} if is_whole else {"I7": ["match s1 began, and dee was never heard to accept it"]})


@pytest.mark.parametrize(
    "seats",
    [
        (),  # a newcomer for whom there was no seat
        (Seat("dee", "eve"), Seat("cid", "eve")),  # one newcomer in two
        (Seat("dee"),),  # in none
    ],
)
def test_a_seat_that_is_not_filled_once_breaks_i7(seats: tuple[Seat, ...]) -> None:
    assert any("took open seats" in text for text in broken(squads(seats=seats))["I7"])


def test_a_team_with_more_players_than_seats_breaks_i7() -> None:
    parts = (*SQUAD[:3], replace(SQUAD[3], left=None), SQUAD[4])
    assert "match s1: 3 play in team 1, which has 2 seats" in broken(squads(parts=parts))["I7"]


def test_a_server_that_is_told_another_newcomer_than_history_has_breaks_i7() -> None:
    given = squads()
    given.beats += [beat("backfill", 8.0, matches=("s1",), filled=(("dee", who),)) for who in ("eve", "zoe")]
    assert broken(given)["I7"] == ["match s1: the seat of dee was filled by eve, zoe, history says {'eve'}"]


def test_a_newcomer_who_plays_elsewhere_breaks_i1_and_a_leaver_who_does_not_wait_for_the_end_breaks_nothing() -> None:
    for player, created, is_wrong in (("eve", 3.0, True), ("dee", 6.5, False)):
        given = squads()
        parts = (Part(player, 0), *(Part(name, 1 - number % 2) for number, name in enumerate(("x", "y", "z"))))
        given.rows.append(a_row("s2", created, 20.0, queue="squads", status="abandoned", ranks=(), parts=parts))
        assert ("I1" in broken(given)) is is_wrong


@pytest.mark.parametrize(
    "changed",
    [
        {3: {"after": 1205.0}},  # a leaver gains
        {4: {"before": 1200.0, "after": 1190.0}},  # a newcomer is rated
        {2: {"before": None, "after": None}},  # one who played is not
    ],
)
def test_ratings_of_a_match_that_somebody_left_break_i11_where_they_are_not_as_promised(
    changed: dict[int, dict[str, Any]],
) -> None:
    parts = tuple(replace(part, **changed.get(place, {})) for place, part in enumerate(SQUAD))
    assert any("changed ratings by" in text for text in broken(squads(parts=parts))["I11"])


def test_ratings_of_a_squad_that_nobody_left_have_to_add_up() -> None:
    parts = (*SQUAD[:3], replace(SQUAD[3], left=None, after=1180.0))
    given = replace(squads(parts=parts, seats=()), seen=[])
    assert broken(given) == {"I11": ["match s1 changed ratings by [10.0, 10.0, -10.0, -20.0]"]}


# --- I9, I10, I11, I12 ---------------------------------------------------------------------------------


def test_two_rows_at_a_time_around_a_fallback_break_i9() -> None:
    given = evidence(modes=[Mode(START + 2.0, "redis"), Mode(START + 3.0, "fallback")])
    parts = (Part("ann", 0), Part("zoe", 1))
    given.rows.insert(0, a_row("m0", -2.0, 5.9, status="abandoned", server=None, ranks=(), parts=parts))
    assert broken(given)["I9"] == ["player ann: match m1 began before m0 ended"]
    assert "I1" not in broken(given)


@pytest.mark.parametrize(("told_at", "is_late"), [(24.0, False), (40.0, True)])
def test_matching_that_takes_too_long_to_resume_breaks_i10(told_at: float, is_late: bool) -> None:
    given = with_told(
        waiting("ann", "join", 11.0, ticket=2),
        waiting("bob", "join", 11.0, ticket=2),
        matched("ann", "m2", told_at, ticket=2),
        matched("bob", "m2", told_at, ticket=2),
    )
    given.rows.append(a_row("m2", 12.0, 50.0, status="abandoned", ranks=(), parts=(Part("ann", 0), Part("bob", 1))))
    given.faults = [fault("redis_kill_short", 9.0, 10.0)]
    assert ("I10" in broken(given)) is is_late


def test_a_match_of_who_joined_before_the_faults_end_is_no_resumption() -> None:
    assert broken(evidence(faults=[fault("redis_kill_short", 0.5, 2.0)]))["I10"] == [
        "redis_kill_short: matching resumed after never (58.0 s without a fault)"
    ]


def test_time_under_another_fault_does_not_count_against_the_first() -> None:
    faults = [fault("redis_kill_short", 9.0, 10.0), fault("redis_away", 11.0, 55.0)]
    assert "I10" not in broken(evidence(faults=faults))


def test_ratings_that_do_not_add_up_break_i11() -> None:
    given = evidence(ratings=[RatingRow("ann", "ranked", 1216.0, 1), RatingRow("bob", "ranked", 1190.0, 1)])
    given.rows[0] = replace(given.rows[0], parts=(Part("ann", 0, 1200.0, 1216.0), Part("bob", 1, 1200.0, 1190.0)))
    assert broken(given) == {"I11": ["match m1 changed ratings by [16.0, -10.0]"]}


def test_a_result_that_counts_twice_breaks_i11() -> None:
    given = evidence(ratings=[RatingRow("ann", "ranked", 1232.0, 2), RatingRow("bob", "ranked", 1184.0, 1)])
    assert broken(given)["I11"][0].startswith("player ann in ranked: 1 results")


def test_a_rating_that_does_not_begin_where_the_one_before_ended_breaks_i11() -> None:
    given = evidence(ratings=[RatingRow("ann", "ranked", 1216.0, 2), RatingRow("bob", "ranked", 1184.0, 2)])
    given.rows.append(replace(a_row("m2", 20.0, 30.0), match="m2"))
    assert "player ann: 1216.0 after a match, 1200.0 before the next" in broken(given)["I11"]


def test_a_result_that_was_taken_and_does_not_stand_breaks_i11() -> None:
    given = evidence()
    given.beats.append(beat("result", 6.2, matches=("m1",), ranks=(2, 1), status="completed"))
    assert broken(given) == {"I11": ["match m1: result [2, 1] was taken, history says completed [1, 2]"]}


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (LeftKey("matchmaking:ticket:ann", -1, 5), "matchmaking:ticket:ann would stay for ever"),
        (LeftKey("matchmaking:queue:casual", 500, 1), "matchmaking:queue:casual still holds 1"),
        (LeftKey("active_games", 500, 2), "active_games still holds 2"),
        (LeftKey("matchmaking:outbox", -1, 1), "matchmaking:outbox still holds 1"),
    ],
)
def test_what_stays_in_redis_breaks_i12(key: LeftKey, says: str) -> None:
    assert broken(evidence(keys=[key])) == {"I12": [says]}


# --- 5xx -----------------------------------------------------------------------------------------------


def test_a_500_and_a_503_that_names_no_time_are_failures() -> None:
    given = with_told(
        told("ann", "status", "", 7.5, http=500),
        told("ann", "status", "", 7.6, http=503),
        told("ann", "status", "", 7.7, http=503, retry_after="2"),
    )
    assert broken(given) == {"5xx": ["1 x 500 to status", "1 x 503 to status without Retry-After"]}


def test_a_violation_names_the_lines_that_show_it() -> None:
    given = with_told(waiting("ann", "status", 5.0, waited=4.0))
    (violation,) = next(verdict for verdict in judge(given) if not verdict.holds).violations
    shown = [each for each in given.told if each.line in violation.lines]
    assert [(each.status, each.player) for each in shown] == [("matched", "ann"), ("waiting", "ann")]
