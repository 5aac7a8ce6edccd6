"""A player leaves a running match, its server asks for another one, and who waits comes: over HTTP, by real rounds."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from caroud import wiring
from matchmaking.charge import fall_back, read_charge
from matchmaking.engine.demands import BackfillPriority
from matchmaking.history import match_of
from matchmaking.match import Match, MatchId
from matchmaking.models import MatchRecord, OpenSeat, Participant
from matchmaking.open_seats import offered_seats
from matchmaking.services import open_seat as service
from matchmaking.services.abandon_matches import settle_overdue
from matchmaking.services.come_home import come_home
from matchmaking.services.find_matches import run_round
from matchmaking.services.record_matches import sweep_outbox
from matchmaking.services.recover_store import recover_if_lost
from players.models import Rating
from tests.integration.conftest import Account, Api
from tests.integration.test_failover import Backup

#: The queues of Redis and those of PostgreSQL beside it.
in_both_stores = pytest.mark.parametrize("door", ["matchmaking/", "matchmaking/postgres/"])


class Died(BaseException):
    """What a killed process does not survive either."""


@pytest.fixture(autouse=True)
def filling(settings: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """`ranked` fills open seats last, `casual` first, `duos` last; the other queues not at all."""
    request.getfixturevalue("api")
    rules = settings.RULES
    priorities = {"ranked": BackfillPriority.LAST, "casual": BackfillPriority.FIRST, "duos": BackfillPriority.LAST}
    queues = {
        name: replace(queue, backfill=priorities.get(name, BackfillPriority.OFF))
        for name, queue in rules.queues.items()
    }
    settings.RULES = replace(rules, queues=queues)
    wiring._live_rules.cache_clear()
    yield
    settings.RULES = rules


@pytest.fixture
def server(api: Api) -> str:
    return api.server()


def join(api: Api, player: Account, queue: str = "ranked", *, door: str = "matchmaking/", **more: Any) -> Any:
    return api.post(f"{door}join/", {"queue": queue, **more}, token=player.token)


def told(api: Api, player: Account, *, door: str = "matchmaking/") -> Any:
    return api.get(f"{door}status/", token=player.token)


def a_match(
    api: Api, queue: str = "ranked", *, players: int = 2, door: str = "matchmaking/"
) -> tuple[list[Account], str]:
    """Players in the order of the match's teams, and its id."""
    accounts = [api.player() for _ in range(players)]
    for account in accounts:
        join(api, account, queue, door=door)
    (match,) = run(api, queue, door=door)
    by_id = {account.id: account for account in accounts}
    return [by_id[player.id] for player in match.players], match.id


def run(api: Api, queue: str = "ranked", *, door: str = "matchmaking/") -> list[Match]:
    if door == "matchmaking/":
        return api.round(queue)
    return run_round(
        store=wiring.postgres_tickets(),
        rules=wiring.queue_rules(queue),
        charge=None,
        now_ms=api.clock(),
        new_id=wiring.new_id,
    )


def ask(api: Api, match_id: str, leaver: Account, *, expect: int = 200, **who: Any) -> Any:
    return api.post(f"matches/{match_id}/backfill/", {"leaver": leaver.id}, expect=expect, **who)


def teams_of(answer: Any) -> list[list[str]]:
    return [[player["id"] for player in team] for team in answer["teams"]]


def test_a_waiting_player_gets_the_seat_of_the_leaver_at_the_next_round(api: Api, server: str) -> None:
    (one, other), match_id = a_match(api)
    api.post("servers/eu-1/heartbeat/", token=server)

    asked = ask(api, match_id, other, token=server)
    newcomer = api.player()
    join(api, newcomer)
    assert told(api, newcomer)["status"] == "waiting"
    assert api.round() == []

    assert asked["match"] == match_id
    (seat,) = asked["seats"]
    assert (seat["leaver"], seat["team"], seat["status"], seat["player"]) == (other.id, 2, "open", None)
    for player in (one, newcomer):
        answer = told(api, player)
        assert (answer["status"], answer["match"]["id"], answer["match"]["status"]) == (
            "matched",
            match_id,
            "in_progress",
        )
        assert teams_of(answer["match"]) == [[one.id], [newcomer.id]]
    assert told(api, one)["opponent"]["username"] == newcomer.username
    heard = api.post("servers/eu-1/heartbeat/", token=server)
    assert [teams_of(match) for match in heard["matches"]] == [[[one.id], [newcomer.id]]]
    assert heard["new_matches"] == []
    (seat,) = api.get(f"matches/{match_id}/backfill/", token=server)["seats"]
    assert (seat["status"], seat["player"]) == (
        "filled",
        {"id": newcomer.id, "username": newcomer.username, "elo_rating": 1200},
    )


def test_a_newcomer_who_comes_while_the_server_asks_is_in_the_answer(
    api: Api, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_, other), match_id = a_match(api)
    newcomer = api.player()
    join(api, newcomer)
    find_seats = service.asked_seats

    def meanwhile(match_id: MatchId) -> list[OpenSeat]:
        monkeypatch.undo()
        api.round()
        return find_seats(match_id)

    monkeypatch.setattr(service, "asked_seats", meanwhile)
    (seat,) = ask(api, match_id, other, token=server)["seats"]

    assert (seat["status"], seat["player"]["username"]) == ("filled", newcomer.username)


def test_the_seat_on_the_server_stays_one_seat(api: Api) -> None:
    token = api.server(capacity=1)
    (_, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=token)
    join(api, api.player())
    api.round()

    (server,) = wiring.server_pool().list()
    assert server.active_games == 1
    api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=token)
    (server,) = wiring.server_pool().list()
    assert server.active_games == 0


def test_who_left_may_join_again_and_is_told_no_match(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)

    assert told(api, leaver) == {"status": "not_in_queue"}
    assert join(api, leaver)["status"] == "waiting"
    assert api.round() == []
    assert told(api, leaver)["status"] == "waiting"  # nobody comes back into the match that he left
    join(api, api.player())
    api.round()  # the newcomer is a better match for him than waiting
    assert told(api, leaver)["match"]["id"] != match_id


def test_the_ticket_that_became_the_match_is_not_put_back_for_who_left(api: Api, server: str) -> None:
    players = [api.player(), api.player()]
    kept = {player.id: join(api, player)["ticket"] for player in players}
    (match,) = api.round()
    leaver = players[0]
    ask(api, match.id, leaver, token=server)
    wiring.redis_client().delete(wiring.keys().last_word(leaver.id))

    headers = {"Authorization": f"Bearer {leaver.token}", "X-Matchmaking-Ticket": kept[leaver.id]}
    answer = api.client.get("/api/matchmaking/status/", headers=headers)

    assert answer.json() == {"status": "not_in_queue"}


def test_the_seat_is_for_others_than_who_left_it(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api, "casual")
    ask(api, match_id, leaver, token=server)
    join(api, leaver, "casual")
    api.clock.advance(seconds=1)
    newcomer = api.player()
    join(api, newcomer, "casual")

    api.round("casual")

    assert told(api, newcomer)["match"]["id"] == match_id
    assert told(api, leaver)["status"] == "waiting"


def test_those_whom_open_seats_leave_over_make_new_matches_in_the_same_round(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api, "casual")
    ask(api, match_id, leaver, token=server)
    waiting = [api.player() for _ in range(3)]
    for player in waiting:
        join(api, player, "casual")
        api.clock.advance(seconds=1)

    (made,) = api.round("casual")

    assert told(api, waiting[0])["match"]["id"] == match_id
    assert [told(api, player)["match"]["id"] for player in waiting[1:]] == [made.id] * 2


@pytest.mark.parametrize(("queue", "seat_is_filled"), [("casual", True), ("ranked", False)])
def test_open_seats_choose_first_or_last_as_the_rules_say(
    api: Api, server: str, queue: str, seat_is_filled: bool
) -> None:
    (_, leaver), match_id = a_match(api, queue)
    ask(api, match_id, leaver, token=server)
    waiting = [api.player(), api.player()]
    for player in waiting:
        join(api, player, queue)

    made = api.round(queue)

    assert len(made) == (0 if seat_is_filled else 1)
    (seat,) = OpenSeat.objects.all()
    assert (seat.status == "filled") is seat_is_filled
    assert sorted(told(api, player)["status"] for player in waiting) == (
        ["matched", "waiting"] if seat_is_filled else ["matched", "matched"]
    )


def test_where_nobody_fits_everybody_goes_on_waiting(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    far = api.player()
    Rating.objects.create(player_id=far.id, queue="ranked", rating=2000)
    join(api, far)

    assert api.round() == []

    assert told(api, far)["status"] == "waiting"
    assert OpenSeat.objects.get().status == "open"


def test_who_is_blocked_by_somebody_in_the_match_does_not_come(api: Api, server: str) -> None:
    (stays, leaver), match_id = a_match(api)
    newcomer = api.player()
    api.post("players/blocks/", {"id": newcomer.id}, token=stays.token)
    ask(api, match_id, leaver, token=server)
    join(api, newcomer)

    api.round()

    assert told(api, newcomer)["status"] == "waiting"


def test_a_party_comes_whole_or_not_at_all(api: Api, server: str) -> None:
    players, match_id = a_match(api, "duos", players=4)
    leader, friend = api.player(), api.player()
    party = api.post("parties/", token=leader.token, expect=201)
    api.post("parties/join/", {"code": party["code"]}, token=friend.token)
    join(api, leader, "duos", party=party["id"])
    ask(api, match_id, players[0], token=server)
    api.round("duos")
    assert [told(api, player)["status"] for player in (leader, friend)] == ["waiting"] * 2

    ask(api, match_id, players[1], token=server)
    api.round("duos")

    answers = [told(api, player) for player in (leader, friend)]
    assert [answer["match"]["id"] for answer in answers] == [match_id] * 2
    teams = [sorted(team) for team in teams_of(answers[0]["match"])]
    assert teams == [sorted([leader.id, friend.id]), sorted([players[2].id, players[3].id])]
    assert [seat["status"] for seat in api.get(f"matches/{match_id}/backfill/", token=server)["seats"]] == [
        "filled"
    ] * 2


@in_both_stores
def test_the_queues_of_either_store_fill_seats(api: Api, door: str) -> None:
    (one, leaver), match_id = a_match(api, door=door)
    ask(api, match_id, leaver, fleet=True)
    assert told(api, leaver, door=door) == {"status": "not_in_queue"}
    newcomer = api.player()
    join(api, newcomer, door=door)

    run(api, door=door)

    for player in (one, newcomer):
        assert teams_of(told(api, player, door=door)["match"]) == [[one.id], [newcomer.id]]
    assert join(api, leaver, door=door)["status"] == "waiting"
    assert join(api, leaver, door=door)["status"] == "waiting"


def test_the_store_that_stands_in_fills_seats_and_redis_hears_of_it_when_it_is_back(api: Api) -> None:
    (one, leaver), match_id = a_match(api)
    fall_back(api.clock())
    stand_in = wiring.stand_in_tickets()
    wiring.link().look()
    ask(api, match_id, leaver, fleet=True)
    newcomer = api.player()
    join(api, newcomer)
    run_round(store=stand_in, rules=wiring.queue_rules("ranked"), charge=None, now_ms=api.clock(), new_id=wiring.new_id)
    assert teams_of(told(api, newcomer)["match"]) == [[one.id], [newcomer.id]]

    bring_home(api)

    for player in (one, newcomer):
        assert teams_of(told(api, player)["match"]) == [[one.id], [newcomer.id]]
    assert told(api, leaver)["status"] == "not_in_queue"
    assert join(api, leaver)["status"] == "waiting"


def bring_home(api: Api) -> None:
    assert come_home(
        store=wiring.redis_tickets_unasked(),
        stand_in=wiring.stand_in_tickets(),
        pool=wiring.redis_servers(),
        known_servers=wiring.postgres_servers(),
        rules=wiring.rules(),
        word="home",
        now_ms=api.clock(),
    )
    wiring.link().look()


def test_newcomers_who_were_claimed_before_redis_went_away_wait_again_when_it_is_back(
    api: Api, server: str, dies: Any
) -> None:
    (_, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    newcomer = api.player()
    join(api, newcomer)
    dies("after seats are claimed")
    with pytest.raises(Died):
        api.round()
    fall_back(api.clock())

    bring_home(api)

    assert wiring.redis_tickets().outbox(10) == []
    assert wiring.redis_tickets().snapshot("ranked").player_ids == [newcomer.id]


def test_newcomers_who_were_written_before_redis_went_away_and_played_to_the_end_wait_no_longer(
    api: Api, server: str, dies: Any
) -> None:
    (_, leaver), match_id = a_match(api)
    api.clock.advance(seconds=3000)  # the match is older than any ticket
    ask(api, match_id, leaver, token=server)
    newcomer = api.player()
    join(api, newcomer)
    dies("before newcomers are announced")
    with pytest.raises(Died):
        api.round()
    dies("nowhere")
    fall_back(api.clock())
    wiring.link().look()
    assert teams_of(told(api, newcomer)["match"])[1] == [newcomer.id]
    api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=server)

    bring_home(api)

    assert wiring.redis_tickets().outbox(10) == []
    assert wiring.redis_tickets().snapshot("ranked").player_ids == []
    assert told(api, newcomer)["status"] == "not_in_queue"


def test_a_rolled_back_redis_hears_who_has_left_a_match_that_it_has_lost(api: Api, server: str, settings: Any) -> None:
    players = [api.player() for _ in range(2)]
    for player in players:
        join(api, player)
    backup = Backup(settings.REDIS_URL)
    (match,) = api.round()
    leaver, stays = players
    ask(api, match.id, leaver, token=server)
    backup.roll_back()

    recover(api)

    assert wiring.redis_tickets().snapshot("ranked").player_ids == []
    assert told(api, leaver)["status"] == "not_in_queue"
    assert told(api, stays)["match"]["id"] == match.id


def test_a_match_that_redis_does_not_know_is_not_filled_from_its_queues(api: Api) -> None:
    (_, leaver), match_id = a_match(api, door="matchmaking/postgres/")
    ask(api, match_id, leaver, fleet=True)
    newcomer = api.player()
    join(api, newcomer)

    api.round()

    assert told(api, newcomer)["status"] == "waiting"
    assert OpenSeat.objects.get().status == "open"


def test_the_ticket_of_who_left_is_not_put_back_in_postgresql_either(api: Api) -> None:
    door = "matchmaking/postgres/"
    players = [api.player(), api.player()]
    kept = {player.id: join(api, player, door=door)["ticket"] for player in players}
    (match,) = run(api, door=door)
    leaver = players[0]
    ask(api, match.id, leaver, fleet=True)
    join(api, leaver, door=door)
    api.post(f"{door}leave/", token=leaver.token)

    headers = {"Authorization": f"Bearer {leaver.token}", "X-Matchmaking-Ticket": kept[leaver.id]}
    answer = api.client.get(f"/api/{door}status/", headers=headers)

    assert answer.json() == {"status": "not_in_queue"}


def test_a_redis_that_was_rolled_back_hears_who_plays_now(api: Api) -> None:
    (one, leaver), match_id = a_match(api)
    client, keys = wiring.redis_client(), wiring.keys()
    newcomer = api.player()
    join(api, newcomer)
    before = {name: client.hgetall(name) for name in (keys.tickets, keys.matches)}
    line = keys.of_queue("ranked")
    lines = {name: client.zrange(name, 0, -1, withscores=True) for name in (line.queue, line.arrivals, line.last_seen)}
    ask(api, match_id, leaver, fleet=True)
    api.round()
    assert told(api, newcomer)["status"] == "matched"
    for name, fields in before.items():
        client.delete(name)
        client.hset(name, mapping=fields)
    for name, members in lines.items():
        client.zadd(name, dict(members))
    client.set(keys.incarnation, "older")

    recover(api)

    for player in (one, newcomer):
        assert teams_of(told(api, player)["match"]) == [[one.id], [newcomer.id]]
    assert wiring.redis_tickets().snapshot("ranked").player_ids == []
    assert told(api, leaver)["status"] == "not_in_queue"


def recover(api: Api) -> None:
    assert recover_if_lost(
        store=wiring.redis_tickets_unasked(),
        pool=wiring.redis_servers(),
        known_servers=wiring.postgres_servers(),
        rules=wiring.rules(),
        charge=read_charge(),
        word="again",
        now_ms=api.clock(),
    )


# --- the request ----------------------------------------------------------------------------------------


def test_asked_twice_is_one_request(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api)

    first = ask(api, match_id, leaver, token=server)
    api.clock.advance(seconds=5)

    assert ask(api, match_id, leaver, token=server) == first
    join(api, api.player())
    join(api, api.player())  # two, so that a second seat would be seen: the third is left over
    join(api, api.player())
    api.round()
    assert ask(api, match_id, leaver, token=server)["seats"][0]["status"] == "filled"
    assert Participant.objects.filter(match_id=match_id).count() == 3


def test_a_withdrawn_seat_is_filled_by_nobody_until_it_is_asked_for_again(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    path = f"matches/{match_id}/backfill/?leaver={leaver.id}"
    for _ in range(2):
        response = api.call("DELETE", path, "", token=server)
        assert (response.status_code, response.json()["seats"][0]["status"]) == (200, "withdrawn")
    newcomer = api.player()
    join(api, newcomer)
    api.round()
    assert told(api, newcomer)["status"] == "waiting"
    assert told(api, leaver)["status"] == "not_in_queue"

    assert ask(api, match_id, leaver, token=server)["seats"][0]["status"] == "open"
    api.round()
    assert told(api, newcomer)["match"]["id"] == match_id


def test_withdrawing_by_name_withdraws_the_seat_of_that_player_alone(api: Api, server: str) -> None:
    players, match_id = a_match(api, "duos", players=4)
    for player in players[:2]:
        ask(api, match_id, player, token=server)

    path = f"matches/{match_id}/backfill/?leaver={players[1].id}"
    seats = api.call("DELETE", path, "", token=server).json()["seats"]

    assert [(seat["leaver"], seat["status"]) for seat in seats] == [
        (players[0].id, "open"),
        (players[1].id, "withdrawn"),
    ]


def test_withdrawing_without_a_name_withdraws_all_open_seats(api: Api, server: str) -> None:
    players, match_id = a_match(api, "duos", players=4)
    ask(api, match_id, players[0], token=server)
    join(api, api.player(), "duos")
    api.round("duos")
    ask(api, match_id, players[3], token=server)

    answer = api.call("DELETE", f"matches/{match_id}/backfill/", "", token=server).json()

    assert [seat["status"] for seat in answer["seats"]] == ["filled", "withdrawn"]


def test_a_seat_that_nobody_took_in_time_is_offered_no_longer(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    api.clock.advance(seconds=wiring.queue_rules("ranked").backfill_ttl_seconds)
    newcomer = api.player()
    join(api, newcomer)

    api.round()

    assert told(api, newcomer)["status"] == "waiting"
    assert offered_seats("ranked", api.clock()) == []
    assert api.get(f"matches/{match_id}/backfill/", token=server)["seats"][0]["status"] == "expired"
    assert ask(api, match_id, leaver, token=server)["seats"][0]["status"] == "open"
    api.round()
    assert told(api, newcomer)["match"]["id"] == match_id


def test_a_newcomer_may_leave_too_and_be_replaced(api: Api, server: str) -> None:
    (one, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    second, third = api.player(), api.player()
    join(api, second)
    api.round()

    ask(api, match_id, second, token=server)
    join(api, third)
    api.round()

    assert teams_of(told(api, third)["match"]) == [[one.id], [third.id]]
    assert told(api, second)["status"] == "not_in_queue"


def test_a_queue_whose_rules_fill_no_seats_refuses(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api, "ladder")

    answer = ask(api, match_id, leaver, token=server, expect=409)

    assert "fills no seats" in answer["detail"]
    assert told(api, leaver)["status"] == "matched"


def test_nobody_can_be_asked_for_before_all_have_accepted(api: Api, server: str, settings: Any) -> None:
    ranked = replace(settings.RULES.queues["ranked"], acceptance_seconds=20)
    settings.RULES = replace(settings.RULES, queues={**settings.RULES.queues, "ranked": ranked})
    wiring._live_rules.cache_clear()
    (one, leaver), match_id = a_match(api)

    assert ask(api, match_id, leaver, token=server, expect=409)["match_status"] == "pending_acceptance"
    assert told(api, leaver)["match"]["id"] == match_id

    for player in (one, leaver):
        api.post(f"matches/{match_id}/accept/", token=player.token)
    ask(api, match_id, leaver, token=server)
    newcomer = api.player()
    join(api, newcomer)
    api.round()
    match = told(api, newcomer)["match"]
    assert teams_of(match) == [[one.id], [newcomer.id]]
    assert match["status"] == "created"  # and not asked of the newcomer
    assert "acceptance" not in match


@pytest.mark.parametrize("body", [{}, {"leaver": "nobody"}, {"leaver": None}, {"leaver": 1}])
def test_a_body_that_names_no_player_is_refused_by_name(api: Api, server: str, body: Any) -> None:
    _, match_id = a_match(api)

    assert api.post(f"matches/{match_id}/backfill/", body, token=server, expect=400)["field"] == "leaver"
    assert not OpenSeat.objects.exists()


def test_only_who_plays_in_the_match_can_leave_it(api: Api, server: str) -> None:
    _, match_id = a_match(api)
    stranger = api.player()

    assert ask(api, match_id, stranger, token=server, expect=400)["field"] == "leaver"
    response = api.call("DELETE", f"matches/{match_id}/backfill/?leaver={stranger.id}", "", token=server)
    assert (response.status_code, response.json()["field"]) == (400, "leaver")


def test_strangers_other_servers_and_the_fleet_ask_for_nobody_in_a_match_on_a_server(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api)
    other = api.server("eu-2")

    for who in ({"token": other}, {"fleet": True}, {"token": leaver.token}):
        for method in ("POST", "GET", "DELETE"):
            response = api.call(method, f"matches/{match_id}/backfill/", {"leaver": leaver.id}, **who)
            assert response.status_code == 403, (method, who)
    ask(api, wiring.new_id(), leaver, token=server, expect=404)
    assert told(api, leaver)["status"] == "matched"


def test_a_settled_match_asks_for_nobody_any_more(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=server)

    answer = ask(api, match_id, leaver, token=server, expect=409)

    assert (answer["match_status"], answer["ranks"]) == ("completed", [1, 2])
    newcomer = api.player()
    join(api, newcomer)
    api.round()
    assert told(api, newcomer)["status"] == "waiting"
    assert api.get(f"matches/{match_id}/backfill/", token=server)["seats"][0]["status"] == "over"


# --- the result -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ranks", "of_leaver"), [([1, 2], 1184), ([2, 1], 1200)])
def test_who_left_takes_the_loss_and_gains_nothing_and_who_came_is_not_rated(
    api: Api, server: str, ranks: list[int], of_leaver: int
) -> None:
    (one, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    newcomer = api.player()
    join(api, newcomer)
    api.round()

    record = api.post(f"matches/{match_id}/result/", {"ranks": ranks}, token=server)

    ratings = {str(row.player_id): (row.rating, row.games) for row in Rating.objects.filter(queue="ranked")}
    assert ratings[one.id] == (1216 if ranks == [1, 2] else 1184, 1)
    assert ratings[leaver.id] == (of_leaver, 1 if of_leaver < 1200 else 0)
    assert ratings[newcomer.id] == (1200, 0)
    of_leaver_and_newcomer = record["teams"][1]
    assert [player["id"] for player in of_leaver_and_newcomer] == [leaver.id, newcomer.id]
    assert [bool(player["left_at"]) for player in of_leaver_and_newcomer] == [True, False]
    assert [bool(player["joined_at"]) for player in of_leaver_and_newcomer] == [False, True]
    assert of_leaver_and_newcomer[1]["elo_after"] is None
    for player in (one, newcomer):
        assert told(api, player) == {"status": "not_in_queue", "last_match": {"id": match_id, "status": "completed"}}
    assert join(api, leaver)["your_elo"] == of_leaver
    assert api.get("matches/", token=newcomer.token)["results"][0]["id"] == match_id


def test_a_result_while_the_leaver_plays_another_match_ends_only_the_one(api: Api, server: str) -> None:
    (one, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    for player in (leaver, api.player()):
        join(api, player)
    (second,) = api.round()

    api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=server)

    assert told(api, leaver)["match"]["id"] == second.id
    assert told(api, one)["last_match"]["id"] == match_id
    api.post(f"matches/{second.id}/result/", {"ranks": [1, 2]}, token=server)
    assert Rating.objects.get(player_id=leaver.id, queue="ranked").games == 2


def test_a_match_that_everybody_has_left_can_be_reported(api: Api, server: str) -> None:
    players, match_id = a_match(api)
    for player in players:
        ask(api, match_id, player, token=server)

    assert api.post(f"matches/{match_id}/result/", {"abandoned": True}, token=server)["status"] == "abandoned"
    assert api.post("servers/eu-1/heartbeat/", token=server)["matches"] == []


# --- crash points -----------------------------------------------------------------------------------------


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the process die at a named point."""

    def die_at(name: str) -> None:
        def point(passed: str) -> None:
            if passed == name:
                raise Died

        for module in ("fill_seats", "seat_newcomers"):
            monkeypatch.setattr(f"matchmaking.services.{module}.crash_point", point)

    return die_at


POINTS = ["after seats are claimed", "before newcomers are written", "before newcomers are announced"]


@pytest.mark.parametrize("point", POINTS)
def test_a_round_that_dies_is_finished_by_the_sweep(api: Api, server: str, dies: Any, point: str) -> None:
    (one, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    newcomer = api.player()
    join(api, newcomer)
    dies(point)
    with pytest.raises(Died):
        api.round()

    assert told(api, newcomer)["status"] == "waiting"
    assert api.post("matchmaking/leave/", token=newcomer.token, expect=503)
    dies("nowhere")
    assert sweep_outbox(store=wiring.redis_tickets(), now_ms=api.clock()) == 1

    assert teams_of(told(api, newcomer)["match"]) == [[one.id], [newcomer.id]]
    assert wiring.redis_tickets().outbox(10) == []
    assert sweep_outbox(store=wiring.redis_tickets(), now_ms=api.clock()) == 0


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("meanwhile", ["result", "withdrawn"])
def test_what_happens_before_the_sweep_counts(api: Api, server: str, dies: Any, point: str, meanwhile: str) -> None:
    (_, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    newcomer = api.player()
    joined = join(api, newcomer)
    dies(point)
    with pytest.raises(Died):
        api.round()
    api.clock.advance(seconds=1)
    if meanwhile == "result":
        api.post(f"matches/{match_id}/result/", {"ranks": [1, 2]}, token=server)
    else:
        api.call("DELETE", f"matches/{match_id}/backfill/", "", token=server)
    dies("nowhere")

    sweep_outbox(store=wiring.redis_tickets(), now_ms=api.clock())

    answer = told(api, newcomer)
    if point != "before newcomers are announced":
        assert (answer["status"], answer["waiting_time"], joined["waiting_time"]) == ("waiting", 1, 0)
        assert wiring.redis_tickets().snapshot("ranked").player_ids == [newcomer.id]
    elif meanwhile == "result":
        assert answer == {"status": "not_in_queue", "last_match": {"id": match_id, "status": "completed"}}
        assert join(api, newcomer)["status"] == "waiting"
    else:
        assert answer["match"]["id"] == match_id
    assert wiring.redis_tickets().outbox(10) == []


def test_a_claim_of_an_older_epoch_is_given_back(api: Api, server: str, dies: Any) -> None:
    (_, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    newcomer = api.player()
    join(api, newcomer)
    dies("after seats are claimed")
    with pytest.raises(Died):
        api.round()
    fall_back(api.clock())
    dies("nowhere")

    assert sweep_outbox(store=wiring.redis_tickets(), now_ms=api.clock()) == 0

    assert wiring.redis_tickets().snapshot("ranked").player_ids == [newcomer.id]
    assert not Participant.objects.filter(player_id=newcomer.id).exists()


def test_a_claim_for_a_match_that_redis_has_lost_waits_until_it_is_back(api: Api, server: str, dies: Any) -> None:
    (one, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    newcomer = api.player()
    join(api, newcomer)
    dies("before newcomers are announced")
    with pytest.raises(Died):
        api.round()
    dies("nowhere")
    wiring.redis_client().hdel(wiring.keys().matches, match_id)
    wiring.redis_client().set(wiring.keys().incarnation, "older")

    assert sweep_outbox(store=wiring.redis_tickets(), now_ms=api.clock()) == 0
    recover(api)
    assert sweep_outbox(store=wiring.redis_tickets(), now_ms=api.clock()) == 1

    for player in (one, newcomer):
        assert teams_of(told(api, player)["match"]) == [[one.id], [newcomer.id]]
    assert wiring.redis_tickets().outbox(10) == []


def test_a_round_that_stood_still_until_its_claim_was_given_back_puts_nobody_into_the_match(
    api: Api, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    newcomer = api.player()
    join(api, newcomer)

    def stand_still(point: str) -> None:
        if point == "before newcomers are written" and not passed:
            passed.append(point)
            api.call("DELETE", f"matches/{match_id}/backfill/", "", token=server)
            assert sweep_outbox(store=wiring.redis_tickets(), now_ms=api.clock()) == 0
            ask(api, match_id, leaver, token=server)

    passed: list[str] = []
    monkeypatch.setattr("matchmaking.services.seat_newcomers.crash_point", stand_still)
    api.round()

    assert passed
    assert told(api, newcomer)["status"] == "waiting"
    assert teams_of(told(api, one)["match"]) == [[one.id], []]
    assert OpenSeat.objects.get().status == "open"
    api.round()
    assert teams_of(told(api, newcomer)["match"]) == [[one.id], [newcomer.id]]


def test_a_store_that_was_not_told_who_left_is_told_by_the_clock(
    api: Api, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one, leaver), match_id = a_match(api)

    def die(**_: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr("matchmaking.services.open_seat.tell_players", die)
        with pytest.raises(Died):
            ask(api, match_id, leaver, token=server)
    assert told(api, leaver)["status"] == "matched"

    settle_overdue(store=wiring.ticket_store(), ratings=wiring.rating_cache(), rules=wiring.rules(), now_ms=api.clock())

    assert told(api, leaver)["status"] == "not_in_queue"
    assert teams_of(told(api, one)["match"]) == [[one.id], []]
    assert told(api, one)["opponent"] is None


def test_history_and_store_say_the_same_of_who_plays(api: Api, server: str) -> None:
    (_, leaver), match_id = a_match(api)
    ask(api, match_id, leaver, token=server)
    join(api, api.player())
    api.round()

    (live,) = wiring.redis_tickets().find_matches([MatchId(match_id)])
    of_history = match_of(MatchRecord.objects.get(id=match_id))
    assert [[player.id for player in team] for team in live.match.teams] == [
        [player.id for player in team] for team in of_history.teams
    ]


def test_a_round_of_a_queue_that_fills_no_seats_asks_nothing_of_postgresql(
    api: Api, server: str, django_assert_num_queries: Any
) -> None:
    join(api, api.player(), "ladder")
    charge = read_charge()

    with django_assert_num_queries(0):
        run_round(
            store=wiring.redis_tickets(),
            rules=wiring.queue_rules("ladder"),
            charge=charge,
            now_ms=api.clock(),
            new_id=wiring.new_id,
        )
