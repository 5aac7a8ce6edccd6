"""Nothing grows for ever: after a busy time every key has a lifetime, and the stores are empty."""

from caroud import wiring
from matchmaking.match import MatchId
from matchmaking.services.settle_match import Outcome, settle_match
from tasks import history, reaping
from tests.integration.conftest import Api


def test_after_a_busy_time_no_key_lives_for_ever_and_nothing_is_left_over(api: Api) -> None:
    token = api.server(capacity=2)
    players = [api.player() for _ in range(12)]
    for turn in range(3):
        for place, player in enumerate(players):
            api.post("matchmaking/join/", {"queue": "ranked" if place % 3 else "casual"}, token=player.token)
        api.post("matchmaking/leave/", token=players[turn].token)
        for match in [*api.round("ranked"), *api.round("casual")]:
            settle_match(
                store=wiring.ticket_store(),
                ratings=wiring.rating_cache(),
                rules=wiring.rules(),
                match_id=MatchId(match.id),
                outcome=Outcome(ranks=(1, 2)),
                now_ms=api.clock(),
            )
        api.post("servers/eu-1/heartbeat/", token=token)
        api.clock.advance(seconds=301)
        reaping.expire_tickets()
    history.persist_matches()
    api.clock.advance(seconds=301)
    reaping.expire_tickets()
    reaping.reap_stale_servers()

    redis, prefix = wiring.redis_client(), wiring.keys().prefix
    left = {key.removeprefix(prefix): redis.ttl(key) for key in redis.scan_iter(match=prefix + "*", count=1000)}

    immortal = {key for key, seconds in left.items() if seconds < 0}
    assert immortal == set()
    assert redis.hlen(wiring.keys().online) == 0
    emptied = ("queue", "arrivals", "last_seen", "tickets", "matches", "outbox")
    for gone in ("game_servers", "active_games", *(f"matchmaking:{name}" for name in emptied)):
        assert gone not in left
        assert f"{gone}:casual" not in left
    allowed = ("matchmaking:last_word:", "matchmaking:stats", "matchmaking:recent_matches")
    allowed += ("players:ratings:", "matchmaking:nudge", "matchmaking:incarnation", "rate_limits:")
    assert [key for key in left if not key.startswith(allowed)] == []


def test_the_guides_commands_show_the_truth(api: Api) -> None:
    players = [api.player() for _ in range(3)]
    for player in players:
        api.post("matchmaking/join/", token=player.token)
    redis, prefix = wiring.redis_client(), wiring.keys().prefix

    assert redis.zcard(f"{prefix}matchmaking:queue") == 3
    assert redis.zscore(f"{prefix}matchmaking:queue", players[0].id) == 1200
    assert redis.hlen(f"{prefix}online_users") == 3
    api.round()
    stats = redis.hgetall(f"{prefix}matchmaking:stats")
    assert (stats["total_joins"], stats["total_matches"]) == ("3", "1")
    assert redis.zcard(f"{prefix}matchmaking:queue") == 1


def test_without_a_prefix_the_names_are_the_guides() -> None:
    from datastore.keys import Keys  # noqa: PLC0415

    keys = Keys(prefix="", default_queue="ranked")

    assert (keys.of_queue("ranked").queue, keys.online, keys.of_queue("ranked").stats) == (
        "matchmaking:queue",
        "online_users",
        "matchmaking:stats",
    )
    assert keys.of_queue("casual").queue == "matchmaking:queue:casual"
