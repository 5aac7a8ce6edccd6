"""Rows of tickets, page by page, as the engine's columns."""

from matchmaking.stores.redis.waiting_rows import WaitingRows


def a_row(queues: str = "ranked", ratings: str = "1200.0", said: str = "|||alice", match: str = "") -> str:
    return f"{match}|{queues}|ticket|{ratings}|1000|{said}"


def test_pages_become_one_table() -> None:
    rows = WaitingRows("ranked")
    rows.add(["a", "b"], [a_row(ratings="1200.5"), a_row(ratings="900")])
    rows.add(["c"], [a_row(ratings="1e3")])

    tickets = rows.tickets

    assert tickets.player_ids == ["a", "b", "c"]
    assert tickets.ratings.tolist() == [1200.5, 900.0, 1000.0]
    assert tickets.joined_ms.tolist() == [1000, 1000, 1000]


def test_a_player_who_moved_to_the_next_page_counts_once() -> None:
    rows = WaitingRows("ranked")
    rows.add(["a", "b"], [a_row(), a_row(ratings="1300.0")])
    rows.add(["b", "c"], [a_row(ratings="1400.0"), a_row(ratings="1500.0")])

    tickets = rows.tickets

    assert tickets.player_ids == ["a", "b", "c"]
    assert tickets.ratings.tolist() == [1200.0, 1300.0, 1500.0]
    assert len(tickets.marks) == 3


def test_who_is_gone_matched_or_in_other_queues_only_is_left_out() -> None:
    rows = WaitingRows("ranked")
    rows.add(
        ["gone", "matched", "casual", "both"],
        [None, a_row(match="m1"), a_row("casual"), a_row("casual,ranked", "1000.0,1700.0")],
    )

    assert rows.tickets.player_ids == ["both"]
    assert rows.tickets.ratings.tolist() == [1700.0]


def test_an_empty_queue_is_an_empty_table() -> None:
    assert len(WaitingRows("ranked").tickets.ratings) == 0
