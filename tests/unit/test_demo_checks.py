"""The demo's checks see what is broken, each in evidence that is right but for one thing."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from demo.checks import (
    CHECKS,
    Verdict,
    matches_are_made,
    no_match_is_secret,
    nothing_fails,
    parties_are_whole,
    players_are_in_one_match,
    players_are_told_the_same,
    ratings_change_once,
    servers_keep_their_capacity,
    tickets_end_once,
)
from demo.figures import QueueFigures, Spread, figures_of, percentile, queue_figures_of, rating_gap
from demo.population import queues_of_players
from demo.records import Call, Evidence, Heartbeat, MatchRow, ParticipantRow, PlayLog, Profile, SqlCounters, Told

MAI, TANG, STRANGER = "mai", "tang", "stranger"
FIRST, SECOND = "match-1", "match-2"


def a_told(
    player: str = MAI,
    status: str = "waiting",
    match: str | None = None,
    *,
    ticket: int = 1,
    call: str = "status",
    at: float = 0.0,
    players: Sequence[str] = (),
    is_repeat: bool = False,
) -> Told:
    return Told(player, ticket, call, status, match, frozenset(players), at, at, is_repeat)


def an_evening_of(player: str) -> tuple[Told, ...]:
    """Two matches and a ticket that is left."""
    both = (MAI, TANG)
    return (
        a_told(player, call="join", ticket=1),
        a_told(player, "matched", FIRST, ticket=1, players=both),
        a_told(player, "matched", FIRST, ticket=1, players=both),
        a_told(player, "not_in_queue", FIRST, ticket=1),
        a_told(player, call="join", ticket=2),
        a_told(player, "left", call="leave", ticket=2),
        a_told(player, "not_in_queue", FIRST, ticket=2),
        a_told(player, call="join", ticket=3),
        a_told(player, "matched", SECOND, call="leave", ticket=3, players=both),
        a_told(player, "not_in_queue", SECOND, ticket=3),
    )


def a_participant(player: str, team: int, before: float | None, after: float | None) -> ParticipantRow:
    return ParticipantRow(player, team, before or 1200.0, 500, before, after)


def a_match(
    match: str = FIRST,
    *,
    status: str = "completed",
    created: float = 100.0,
    ended: float | None = 102.0,
    mai: tuple[float | None, float | None] = (1200.0, 1216.0),
    tang: tuple[float | None, float | None] = (1200.0, 1184.0),
) -> MatchRow:
    return MatchRow(match, status, created, ended, (a_participant(MAI, 0, *mai), a_participant(TANG, 1, *tang)))


def a_second_match(**changes: Any) -> MatchRow:
    second = a_match(SECOND, created=105.0, ended=107.0, mai=(1216.0, 1230.5), tang=(1184.0, 1169.5))
    return replace(second, **changes)


RIGHT = Evidence(
    player_ids=frozenset({MAI, TANG}),
    told=(*an_evening_of(MAI), *an_evening_of(TANG)),
    heartbeats=(Heartbeat("eu-1", 1, (FIRST,), 1.0), Heartbeat("eu-1", 1, (), 2.0)),
    calls=(Call("GET", "matchmaking/status/", 200, 0.0, 0.01), Call("POST", "matchmaking/leave/", 409, 0.0, 0.01)),
    # 1230.5 is shown as 1230: whole points, halves to even.
    profiles=(Profile(MAI, 1230, 2, 2, 0, 0), Profile(TANG, 1170, 2, 0, 2, 0)),
    matches=(a_match(), a_second_match()),
)


def offences_of(check: Callable[[Evidence], Verdict], **broken: Any) -> str:
    """What the check says about the right evidence with this in it."""
    verdict = check(replace(RIGHT, **broken))
    assert verdict.holds is (verdict.offences == ())
    return "\n".join(verdict.offences)


def told_by_mai(*answers: Told) -> tuple[Told, ...]:
    return (*answers, *an_evening_of(TANG))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_right_evidence_breaks_no_check(check: Callable[[Evidence], Verdict]) -> None:
    assert offences_of(check) == ""


@pytest.mark.parametrize(
    ("party", "is_whole"),
    [({MAI, STRANGER}, False), ({MAI, TANG}, False), ({STRANGER}, True)],
    ids=["a member is missing", "two teams", "not in it"],
)
def test_a_party_that_was_parted_is_found(party: set[str], is_whole: bool) -> None:
    offences = offences_of(parties_are_whole, parties=(frozenset(party),), matches=(a_match(),))
    assert (offences == "") is is_whole


def test_a_followers_ticket_ends_when_the_leader_leaves() -> None:
    told = (replace(a_told(), is_follower=True), replace(a_told(status="not_in_queue"), is_follower=True))
    assert offences_of(tickets_end_once, told=told) == ""
    assert "never ended" in offences_of(tickets_end_once, told=told[:1])


def test_an_evening_without_a_match_is_no_proof() -> None:
    assert "nobody was matched" in offences_of(matches_are_made, matches=())


def test_a_player_alone_needs_no_match() -> None:
    assert offences_of(matches_are_made, matches=(), player_ids=frozenset({MAI})) == ""


class TestPlayersAreInOneMatch:
    def test_a_second_match_before_the_first_has_ended_is_found(self) -> None:
        told = told_by_mai(a_told(MAI, "matched", FIRST), a_told(MAI, "matched", SECOND))
        assert offences_of(players_are_in_one_match, told=told) == "player mai was told match-2 while in match-1"

    def test_a_match_that_comes_back_to_life_is_found(self) -> None:
        told = told_by_mai(
            a_told(MAI, "matched", FIRST), a_told(MAI, "not_in_queue", FIRST), a_told(MAI, "matched", FIRST)
        )
        assert "match-1 again after its end" in offences_of(players_are_in_one_match, told=told)

    def test_matches_that_overlap_in_postgresql_are_found_for_both_players(self) -> None:
        offences = offences_of(players_are_in_one_match, matches=(a_match(), a_second_match(created_seconds=101.9)))
        assert sorted(offences.splitlines()) == [
            "player mai: match-2 began before match-1 ended",
            "player tang: match-2 began before match-1 ended",
        ]

    def test_a_match_that_never_ended_overlaps_every_later_one(self) -> None:
        matches = (a_match(status="in_progress", ended=None), a_second_match())
        assert "match-2 began before match-1 ended" in offences_of(players_are_in_one_match, matches=matches)

    def test_a_match_may_begin_in_the_moment_in_which_the_last_one_ended(self) -> None:
        assert offences_of(players_are_in_one_match, matches=(a_match(), a_second_match(created_seconds=102.0))) == ""


class TestTicketsEndOnce:
    def test_a_ticket_without_an_end_is_found(self) -> None:
        told = told_by_mai(a_told(MAI, call="join"), a_told(MAI, "waiting"))
        assert offences_of(tickets_end_once, told=told) == "ticket 1 of player mai never ended (last told: waiting)"

    def test_a_ticket_that_vanished_is_found_though_the_last_match_is_still_told(self) -> None:
        lost = a_told(MAI, "not_in_queue", FIRST, ticket=4)
        told = (*RIGHT.told, a_told(MAI, call="join", ticket=4), lost)
        assert (
            offences_of(tickets_end_once, told=told) == "ticket 4 of player mai never ended (last told: not_in_queue)"
        )

    def test_a_ticket_that_was_left_and_matched_is_found(self) -> None:
        told = told_by_mai(
            a_told(MAI, call="join"),
            a_told(MAI, "left", call="leave"),
            a_told(MAI, "matched", FIRST, players=(MAI, TANG)),
        )
        assert "ticket 1 of player mai ended 2 times: left, matched match-1" in offences_of(tickets_end_once, told=told)

    def test_a_ticket_that_led_to_two_matches_is_found(self) -> None:
        told = told_by_mai(a_told(MAI, call="join"), a_told(MAI, "matched", FIRST), a_told(MAI, "matched", SECOND))
        assert "ended 2 times" in offences_of(tickets_end_once, told=told)

    def test_a_match_that_was_over_before_the_player_asked_is_an_end(self) -> None:
        told = told_by_mai(a_told(MAI, call="join"), a_told(MAI, "not_in_queue", FIRST))
        assert offences_of(tickets_end_once, told=told) == ""

    def test_expiry_is_an_end(self) -> None:
        assert offences_of(tickets_end_once, told=(a_told(MAI, call="join"), a_told(MAI, "expired"))) == ""

    def test_leaving_twice_is_an_end_only_where_the_first_answer_was_lost(self) -> None:
        gone = a_told(MAI, "not_in_queue", call="leave", is_repeat=True)
        assert offences_of(tickets_end_once, told=(a_told(MAI, call="join"), gone)) == ""
        assert "never ended" in offences_of(
            tickets_end_once, told=(a_told(MAI, call="join"), replace(gone, is_repeat=False))
        )


class TestPlayersAreToldTheSame:
    def test_a_match_told_with_two_line_ups_is_found(self) -> None:
        told = (*RIGHT.told, a_told(MAI, "matched", FIRST, players=(MAI, STRANGER)))
        assert "match-1 was told with 2 different line-ups" in offences_of(players_are_told_the_same, told=told)

    def test_a_match_that_is_not_in_postgresql_is_found(self) -> None:
        assert "match-2 is in PostgreSQL 0 times" in offences_of(players_are_told_the_same, matches=(a_match(),))

    def test_a_match_that_is_in_postgresql_twice_is_found(self) -> None:
        matches = (*RIGHT.matches, a_second_match())
        assert "match-2 is in PostgreSQL 2 times" in offences_of(players_are_told_the_same, matches=matches)

    def test_a_match_with_other_players_in_postgresql_is_found(self) -> None:
        others = (a_participant(MAI, 0, 1216.0, 1230.5), a_participant(STRANGER, 1, 1184.0, 1169.5))
        matches = (a_match(), a_second_match(participants=others))
        assert "match-2 has other players" in offences_of(players_are_told_the_same, matches=matches)

    def test_a_player_who_was_never_told_is_found(self) -> None:
        told = tuple(answer for answer in RIGHT.told if (answer.player_id, answer.match_id) != (TANG, SECOND))
        assert offences_of(players_are_told_the_same, told=told) == "match match-2: player tang was never told"

    def test_a_player_of_somebody_else_need_not_be_told_to_us(self) -> None:
        assert offences_of(players_are_told_the_same, told=an_evening_of(MAI), player_ids=frozenset({MAI})) == ""


def test_a_match_that_nobody_was_told_of_is_found() -> None:
    matches = (*RIGHT.matches, a_match("match-3", status="abandoned"))
    assert offences_of(no_match_is_secret, matches=matches) == "match match-3 (abandoned)"


def test_a_game_more_than_seats_is_found_and_a_full_server_is_not() -> None:
    full = Heartbeat("eu-1", 2, (FIRST, SECOND), 3.0)
    assert offences_of(servers_keep_their_capacity, heartbeats=(full,)) == ""
    beyond = replace(full, match_ids=(FIRST, SECOND, "match-3"))
    assert "3 games for 2 seats" in offences_of(servers_keep_their_capacity, heartbeats=(full, beyond))


class TestRatingsChangeOnce:
    def test_a_change_that_is_not_zero_sum_is_found(self) -> None:
        matches = (a_match(tang=(1200.0, 1185.0)), a_second_match())
        assert "match-1 changed the sum of ratings by +1.000" in offences_of(ratings_change_once, matches=matches)

    def test_a_completed_match_without_a_change_is_found(self) -> None:
        matches = (a_match(tang=(None, None)), a_second_match())
        assert "match-1 is completed and 1 ratings did not change" in offences_of(ratings_change_once, matches=matches)

    def test_an_abandoned_match_with_a_change_is_found(self) -> None:
        matches = (*RIGHT.matches, a_match("match-3", status="abandoned"))
        assert "match-3 is abandoned and has changed ratings" in offences_of(ratings_change_once, matches=matches)

    def test_an_abandoned_match_without_a_change_is_right(self) -> None:
        quiet = a_match("match-3", status="abandoned", mai=(None, None), tang=(None, None))
        assert offences_of(ratings_change_once, matches=(*RIGHT.matches, quiet)) == ""

    def test_a_change_that_was_applied_twice_is_found_between_matches(self) -> None:
        twice = a_second_match(
            participants=(a_participant(MAI, 0, 1232.0, 1245.0), a_participant(TANG, 1, 1184.0, 1171.0))
        )
        offences = offences_of(ratings_change_once, matches=(a_match(), twice))
        assert "player mai: 1216.0 after a match, 1232.0 before the next" in offences

    def test_a_change_that_was_applied_twice_is_found_after_the_last_match(self) -> None:
        profiles = (Profile(MAI, 1245, 2, 2, 0, 0), RIGHT.profiles[1])
        assert "mai ended at 1230.5 and the profile says 1245" in offences_of(ratings_change_once, profiles=profiles)

    def test_a_match_that_was_counted_twice_is_found(self) -> None:
        profiles = (Profile(MAI, 1230, 3, 3, 0, 0), RIGHT.profiles[1])
        offences = offences_of(ratings_change_once, profiles=profiles)
        assert offences == "player mai has 2 completed matches of ranked and 3 games in the profile"

    def test_games_of_another_queue_are_not_counted(self) -> None:
        profiles = (Profile(MAI, 1230, 2, 2, 0, 0, "duos"), RIGHT.profiles[1])
        assert "0 completed matches of duos" in offences_of(ratings_change_once, profiles=profiles)

    def test_only_elo_takes_from_one_what_it_gives_to_the_other(self) -> None:
        unequal = replace(a_match(mai=(1200.0, 1300.0)), queue="duos")
        profiles: tuple[Profile, ...] = ()
        assert offences_of(ratings_change_once, matches=(unequal,), profiles=profiles) == ""
        ranked = replace(unequal, queue="ranked")
        assert "changed the sum" in offences_of(ratings_change_once, matches=(ranked,), profiles=profiles)

    def test_games_that_were_neither_won_nor_lost_nor_drawn_are_found(self) -> None:
        profiles = (Profile(MAI, 1230, 2, 1, 0, 0), RIGHT.profiles[1])
        assert "player mai has 2 completed" in offences_of(ratings_change_once, profiles=profiles)

    def test_the_order_is_that_of_the_ends_not_of_the_rows(self) -> None:
        assert offences_of(ratings_change_once, matches=RIGHT.matches[::-1]) == ""


def test_answers_with_5xx_are_found_and_counted_by_call() -> None:
    failed = Call("POST", "matchmaking/join/", 503, 0.0, 0.01)
    offences = offences_of(nothing_fails, calls=(*RIGHT.calls, failed, failed, replace(failed, status=500)))
    assert offences.splitlines() == ["2 x 503 POST matchmaking/join/", "1 x 500 POST matchmaking/join/"]


def test_a_percentile_is_a_value_that_was_seen() -> None:
    values = [float(value) for value in range(20, 0, -1)]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.95, 0.99, 1.0)] == [1.0, 10.0, 19.0, 20.0, 20.0]
    assert percentile([], 0.5) is None


def test_the_gap_of_a_match_is_between_its_teams_means() -> None:
    teams = (
        a_participant(MAI, 0, 1300.0, None),
        a_participant(TANG, 1, 1100.0, None),
        a_participant(STRANGER, 1, 1300.0, None),
    )
    assert rating_gap(replace(a_match(), participants=teams)) == 100.0


def test_each_queue_has_figures_of_its_own() -> None:
    duo = replace(
        a_match("match-3"),
        queue="duos",
        participants=(
            replace(a_participant(MAI, 0, 1300.0, None), waited_ms=4000),
            replace(a_participant(TANG, 0, 1500.0, None), waited_ms=4000),
            replace(a_participant(STRANGER, 1, 1100.0, None), waited_ms=2000),
        ),
    )
    log = PlayLog(
        told=[a_told(MAI, call="join"), a_told(MAI, call="status"), a_told(STRANGER, call="join", ticket=2)],
        queues={MAI: ("ranked", "duos"), TANG: ("ranked",), STRANGER: ("duos",), "alone": ("royale",)},
        parties=[frozenset({MAI, TANG})],
    )

    ranked = replace(a_match(), participants=a_match().participants[:1])
    assert queue_figures_of(log, [ranked, duo, replace(ranked, id="match-4")]) == [
        QueueFigures("ranked", 2, 1, 2, 0, Spread(0.5, 0.5, 0.5), 0.0, 0.0),
        QueueFigures("duos", 2, 2, 1, 1, Spread(4.0, 4.0, 4.0), 300.0, 300.0),
        QueueFigures("royale", 1, 0, 0, 0, Spread(None, None, None), None, None),
    ]


@pytest.mark.parametrize(
    ("players", "of_queues"),
    [
        (2, {"ranked": 2, "casual": 1}),
        (15, {"ranked": 15, "casual": 6}),
        (16, {"ranked": 6, "casual": 2, "ladder": 2, "duos": 8}),
        (200, {"ranked": 126, "casual": 20, "ladder": 16, "duos": 24, "squads": 20, "royale": 14}),
    ],
)
def test_a_queue_has_enough_players_for_its_matches_or_none(players: int, of_queues: dict[str, int]) -> None:
    known = ("ranked", "casual", "ladder", "duos", "squads", "royale")
    chosen = queues_of_players(players, known)

    assert len(chosen) == players
    assert Counter(queue for queues in chosen for queue in queues) == of_queues
    assert set(queues_of_players(players, ["ranked"])) == {("ranked",)}


def test_figures_of_an_evening_without_anything_are_silent_not_wrong() -> None:
    figures = figures_of(PlayLog(), (), SqlCounters(5, 5), began_seconds=0.0, ended_seconds=1.0)
    assert figures.sql_transactions_per_match is None
    assert figures.rating_strength_correlation is None
    assert figures.wait_seconds.p95 is None
    assert figures.calls_per_second == 0.0


def test_calls_before_and_after_the_play_do_not_count_for_its_rate() -> None:
    calls = [Call("GET", "", 200, at, 0.01) for at in (0.5, 1.0, 2.0, 3.0, 3.5)]
    figures = figures_of(PlayLog(calls=calls), (), SqlCounters(0, 0), began_seconds=1.0, ended_seconds=3.0)
    assert figures.calls_per_second == 1.5
    assert figures.calls_by_status == {"200": 5}
