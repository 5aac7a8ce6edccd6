"""What a store remembers of the last matches of a queue."""

from matchmaking.match import Entrant, MatchId, Proposal
from matchmaking.recent import recent_line, recent_of
from matchmaking.stores.port import TicketStore
from tests.builders import CASUAL, NOW_MS, RANKED, a_proposal, a_waiting_player, announced, marks_of


def test_nothing_is_known_of_a_queue_without_matches(store: TicketStore) -> None:
    recent = store.recent("ranked", 10)

    assert (len(recent.ratings), len(recent.waits_ms), len(recent.gaps), len(recent.at_ms)) == (0, 0, 0, 0)
    assert list(recent.regions) == []


def test_recent_matches_tell_of_each_player_the_wait_and_of_each_match_the_gap(store: TicketStore) -> None:
    for at_ms, ratings in ((NOW_MS, (1000, 1004.5)), (NOW_MS + 1_000, (1500, 1520))):
        players = [
            a_waiting_player(store, rating=rating, waited_ms=1_000 * number, now_ms=at_ms, region="eu")
            for number, rating in enumerate(ratings, start=1)
        ]
        announced(store, store.claim(RANKED, [a_proposal(store, *players)], at_ms))
    others = [a_waiting_player(store, rules=CASUAL) for _ in range(2)]
    announced(store, store.claim(CASUAL, [a_proposal(store, *others)], NOW_MS))

    recent = store.recent("ranked", 10)

    rows = list(zip(recent.ratings, recent.waits_ms, recent.gaps, recent.at_ms, recent.regions, strict=True))
    assert rows == [
        (1500, 1_000, 20, NOW_MS + 1_000, "eu"),
        (1520, 2_000, 20, NOW_MS + 1_000, "eu"),
        (1000, 1_000, 4.5, NOW_MS, "eu"),
        (1004.5, 2_000, 4.5, NOW_MS, "eu"),
    ]
    assert store.recent("ranked", 1).ratings.tolist() == [1500, 1520]
    assert store.counts("ranked", []).recent_waits_ms == [1_000, 2_000, 1_000, 2_000]


def test_the_gap_of_teams_is_that_of_their_means(store: TicketStore) -> None:
    players = [a_waiting_player(store, rating=rating) for rating in (1000, 1400, 1100, 1150)]
    marks = marks_of(store, "ranked")
    entrants = [Entrant(player, marks[player]) for player in players]
    proposal = Proposal(MatchId("00000000-0000-4000-8000-000000000001"), ((*entrants[:2],), (*entrants[2:],)))

    announced(store, store.claim(RANKED, [proposal], NOW_MS))

    assert store.recent("ranked", 5).gaps.tolist() == [75, 75, 75, 75]


def test_a_line_of_a_store_is_read_as_it_was_written(store: TicketStore) -> None:
    players = [a_waiting_player(store, rating=rating, waited_ms=250) for rating in (1234.5678, 1200)]
    (match,) = store.claim(RANKED, [a_proposal(store, *players)], NOW_MS).matches

    read = recent_of([recent_line(match.teams, "eu", NOW_MS)])

    assert read.ratings.tolist() == [1234.57, 1200]
    assert (read.gaps.tolist()[0], read.waits_ms.tolist(), list(read.regions)) == (34.5678, [250, 250], ["eu", "eu"])
