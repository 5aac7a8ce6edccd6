"""The rules change while players wait and play: what each of them meets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from caroud import nudge, wiring
from matchmaking.models import MatchRecord
from matchmaking.rules import live, load_rules
from tasks import reaping, rounds
from tests.integration.conftest import Account, Api

BOTH_STORES = pytest.mark.parametrize("path", ["matchmaking/", "matchmaking/postgres/"])
RANKED = "default_queue = 'ranked'\n[queues.ranked]\n"
CASUAL = "[queues.casual]\nk_factor = 10\nmatch_ttl_seconds = 600\n"

Write = Callable[[str], None]


@pytest.fixture
def write(api: Api, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the file of the rules, which the process follows without a pause."""
    monkeypatch.setattr(live, "LOOK_EVERY_SECONDS", 0.0)
    file = tmp_path / "queues.toml"
    file.write_text(RANKED + CASUAL, encoding="utf-8")
    settings.QUEUES_FILE, settings.RULES = str(file), load_rules(file)
    wiring.forget()
    wiring.redis_tickets().mark("whole")

    def write(text: str) -> None:
        file.write_text(text, encoding="utf-8")
        wiring.rules(), wiring.rules()

    return write


def restart_with(settings: Any, write: Write, text: str) -> None:
    """As a process that was started with this file, and knows nothing of before."""
    write(text)
    settings.RULES = load_rules(Path(settings.QUEUES_FILE))
    wiring.forget()


def join(api: Api, path: str, queue: str, player: Account | None = None) -> Account:
    player = player or api.player()
    assert api.post(f"{path}join/", {"queue": queue}, token=player.token)["status"] == "waiting"
    return player


def status(api: Api, path: str, player: Account) -> Any:
    return api.get(f"{path}status/", token=player.token)


@BOTH_STORES
def test_a_new_queue_is_there_for_joins_rounds_figures_and_expiry(api: Api, write: Write, path: str) -> None:
    api.post(f"{path}join/", {"queue": "duel"}, token=api.player().token, expect=400)

    write(RANKED + CASUAL + "[queues.duel]\nticket_ttl_seconds = 20\n")
    one, other = join(api, path, "duel"), join(api, path, "duel")

    assert api.get(f"{path}stats/")["queues"]["duel"]["current_size"] == 2
    assert status(api, path, one)["status"] == "waiting"
    (rounds.find_matches if path == "matchmaking/" else rounds.find_matches_in_postgresql)("duel")
    assert status(api, path, one)["match"]["queue"] == status(api, path, other)["match"]["queue"] == "duel"
    alone = join(api, path, "duel")
    api.clock.advance(seconds=21)
    reaping.expire_tickets()
    assert status(api, path, alone) == {"status": "expired", "queue": "duel"}


@BOTH_STORES
def test_a_changed_setting_counts_for_who_waits_already(api: Api, write: Write, path: str) -> None:
    player = join(api, path, "ranked")
    assert status(api, path, player)["search_window"] == {"min": 1100, "max": 1300}

    write(RANKED + "[queues.ranked.search_window]\nbase = 55\n" + CASUAL)

    assert status(api, path, player)["search_window"] == {"min": 1145, "max": 1255}


@BOTH_STORES
def test_who_waits_in_a_queue_that_is_taken_out_waits_on_and_is_told_soon_that_the_ticket_has_expired(
    api: Api, write: Write, path: str
) -> None:
    player = join(api, path, "casual")
    shown = api.get(f"{path}status/", token=player.token)["ticket"]
    stays = join(api, path, "ranked")

    write(RANKED)
    api.clock.advance(seconds=1)
    assert status(api, path, player)["status"] == "waiting"
    assert "casual" in api.post(f"{path}join/", token=player.token, expect=409)["detail"]
    api.clock.advance(seconds=1)
    reaping.expire_tickets()

    assert status(api, path, player) == {"status": "expired", "queue": "casual"}
    assert status(api, path, stays)["status"] == "waiting"
    headers = {"Authorization": f"Bearer {player.token}", "X-Matchmaking-Ticket": shown}
    assert api.client.get(f"/api/{path}status/", headers=headers).json()["status"] == "expired"
    join(api, path, "ranked", player)


@BOTH_STORES
def test_who_waits_in_a_queue_that_is_taken_out_may_leave_it(api: Api, write: Write, path: str) -> None:
    player = join(api, path, "casual")

    write(RANKED)

    assert api.post(f"{path}leave/", token=player.token) == {"status": "left"}
    join(api, path, "ranked", player)


@BOTH_STORES
def test_a_queue_that_is_taken_out_has_no_joins_rounds_or_figures_any_more(api: Api, write: Write, path: str) -> None:
    waiting = [join(api, path, "casual"), join(api, path, "casual")]

    write(RANKED)
    rounds.find_matches("casual")
    rounds.find_matches_in_postgresql("casual")
    nudge.run_overdue_round("casual")

    assert [status(api, path, player)["status"] for player in waiting] == ["waiting", "waiting"]
    assert "queue" in api.post(f"{path}join/", {"queue": "casual"}, token=api.player().token, expect=400)["detail"]
    assert list(api.get(f"{path}stats/")["queues"]) == ["ranked"]


def test_nothing_of_a_closed_queues_tickets_is_left_in_redis(api: Api, write: Write) -> None:
    for _ in range(3):
        join(api, "matchmaking/", "casual")

    write(RANKED)
    api.clock.advance(seconds=1)
    reaping.expire_tickets()

    redis, keys = wiring.redis_client(), wiring.keys()
    queue = keys.of_queue("casual")
    assert redis.exists(queue.queue, queue.arrivals, queue.last_seen, keys.tickets) == 0


def test_a_queue_that_comes_back_in_time_has_its_tickets(api: Api, write: Write) -> None:
    player = join(api, "matchmaking/", "casual")

    write(RANKED)
    write(RANKED + CASUAL)
    api.clock.advance(seconds=1)
    reaping.expire_tickets()

    assert status(api, "matchmaking/", player)["status"] == "waiting"


@BOTH_STORES
def test_a_process_that_never_knew_the_queue_says_that_there_is_no_ticket(
    api: Api, write: Write, settings: Any, path: str
) -> None:
    player = join(api, path, "casual")

    restart_with(settings, write, RANKED)

    assert status(api, path, player) == {"status": "not_in_queue"}


def test_a_ticket_in_a_queue_that_a_process_never_knew_holds_nobody_up(api: Api, write: Write, settings: Any) -> None:
    player = join(api, "matchmaking/", "casual")

    restart_with(settings, write, RANKED)

    join(api, "matchmaking/", "ranked", player)


def a_casual_match(api: Api) -> tuple[Account, str]:
    one, other = join(api, "matchmaking/", "casual"), join(api, "matchmaking/", "casual")
    (match,) = api.round("casual")
    assert {player.id for player in match.players} == {one.id, other.id}
    return one, match.id


def test_a_match_of_a_queue_that_was_taken_out_counts_by_the_rules_it_was_made_under(api: Api, write: Write) -> None:
    token = api.server()
    player, match_id = a_casual_match(api)

    write(RANKED)
    assert status(api, "matchmaking/", player)["match"]["id"] == match_id
    told = api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=token)

    assert [team[0]["elo_after"] for team in told["teams"]] == [1205, 1195]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_match_of_a_queue_that_was_taken_out_is_settled_when_its_time_is_over(
    api: Api, write: Write, settings: Any, is_known: bool
) -> None:
    """By its own rules; where nobody knows them any more, by the longest that there are."""
    player, match_id = a_casual_match(api)
    if is_known:
        write(RANKED)
    else:
        restart_with(settings, write, RANKED)

    api.clock.advance(seconds=601)
    reaping.settle_overdue_matches()
    assert (MatchRecord.objects.get(id=match_id).status == "abandoned") is is_known
    api.clock.advance(seconds=3000)
    reaping.settle_overdue_matches()

    assert MatchRecord.objects.get(id=match_id).status == "abandoned"
    assert status(api, "matchmaking/", player)["status"] == "not_in_queue"


def test_the_clock_asks_for_a_round_of_every_queue_in_which_somebody_waits_by_priority(
    api: Api, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    for task in (rounds.find_matches, rounds.find_matches_in_postgresql):
        monkeypatch.setattr(task, "apply_async", lambda args, expires, to=task.name: asked.append((to, *args)))

    write(RANKED + CASUAL + "[queues.duel]\npriority = 5\n[queues.last]\n")
    for queue in ("casual", "duel", "ranked"):
        join(api, "matchmaking/", queue)
    rounds.ask_for_rounds()
    assert asked == [("tasks.rounds.find_matches", queue) for queue in ("duel", "ranked", "casual")]
    began = {queue: wiring.redis_tickets().counts(queue, []).last_round_ms for queue in ("casual", "last")}
    assert began == {"casual": None, "last": api.clock()}

    asked.clear()
    write(RANKED + "priority = 1\n[queues.duel]\n[queues.last]\n")
    api.post("matchmaking/postgres/join/", {"queues": ["duel", "ranked"]}, token=api.player().token)
    rounds.ask_for_rounds_in_postgresql()
    assert asked == [("tasks.rounds.find_matches_in_postgresql", queue) for queue in ("ranked", "duel")]


def test_two_who_meet_only_in_a_further_queue_of_their_tickets_are_matched_by_the_clock(
    api: Api, write: Write, settings: Any
) -> None:
    write(RANKED + CASUAL + "[queues.duel]\n")
    settings.MATCHMAKING_BACKEND = "postgres"
    players = [api.player() for _ in range(2)]
    for player, first in zip(players, ("ranked", "duel"), strict=True):
        api.post("matchmaking/join/", {"queues": [first, "casual"]}, token=player.token)

    rounds.find_matches_in_postgresql("casual")

    assert [status(api, "matchmaking/", player)["status"] for player in players] == ["matched", "matched"]


def test_a_file_that_cannot_be_used_changes_nothing(api: Api, write: Write) -> None:
    player = join(api, "matchmaking/", "casual")

    write(RANKED + CASUAL + "teams = 1\n")

    assert status(api, "matchmaking/", player)["status"] == "waiting"
    join(api, "matchmaking/", "casual")
