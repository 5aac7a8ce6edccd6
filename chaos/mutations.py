"""Guards of the service, each with the edit that removes it: a run on such a tree has to find a violation.

`python -m chaos --mutate NAME` copies the tree, removes the guard there, runs, and says which invariant was broken;
it exits with 1 where none was. A test holds the edits to the code: each text occurs there exactly once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LUA = "backend/matchmaking/stores/redis/lua"
_CLAIM = f"{_LUA}/claim_matches.lua"


@dataclass(frozen=True, slots=True)
class Edit:
    """In this file, `old` becomes `new`."""

    path: str
    old: str
    new: str

    def apply(self, tree: Path) -> None:
        file = tree / self.path
        text = file.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.path} has {text.count(self.old)} times: {self.old}")
        file.write_text(text.replace(self.old, self.new), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Mutation:
    """A guard that is removed. `kinds` are the faults that it guards against; none where play alone shows it."""

    guard: str
    edits: tuple[Edit, ...]
    #: The invariants of which at least one has to break.
    expected: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    seconds: float = 40.0


_CLAIM_LOOKS_AT_NOTHING = Edit(
    _CLAIM,
    "do_wait = do_wait and holds[place] == ARGV[marks + place] and not is_taken[ARGV[player_ids + place]]",
    "do_wait = true",
)

MUTATIONS: Mapping[str, Mutation] = {
    "claim_does_not_look": Mutation(
        "a claim takes only tickets that still wait",
        (_CLAIM_LOOKS_AT_NOTHING,),
        ("I1", "I2", "I3", "I5"),
        ("round_stalls",),
    ),
    "leave_does_not_look": Mutation(
        "a leave that comes after the match is refused",
        (
            Edit(
                f"{_LUA}/leave_queue.lua",
                "return match and {'MATCHED', match} or {'NOT_IN_QUEUE'}",
                "return {'NOT_IN_QUEUE'}",
            ),
        ),
        ("I1", "I5"),
        ("leave_storm",),
    ),
    "seats_have_no_limit": Mutation(
        "a claim takes no seat beyond a server's capacity",
        (Edit(_CLAIM, "return games < capacity and floor(games * 1000000 / capacity) or math.huge", "return 0"),),
        ("I4",),
    ),
    "outbox_is_not_swept": Mutation(
        "what a dead round could not write is written by the sweep",
        (Edit("backend/tasks/history.py", "while sweep_outbox(", "while False and sweep_outbox("),),
        ("I2", "I3", "I12"),
        ("crash_after_claim", "crash_before_insert", "crash_before_notice"),
    ),
    "results_count_twice": Mutation(
        "only a live match takes a result",
        (
            Edit(
                "backend/matchmaking/services/settle_match.py",
                "if MatchStatus(record.status).is_live:",
                "if record.status:",
            ),
        ),
        ("I11",),
    ),
    "results_do_not_lock": Mutation(
        "two results at once wait for each other",
        (
            Edit(
                "backend/matchmaking/services/settle_match.py",
                "MatchRecord.objects.select_for_update()",
                "MatchRecord.objects",
            ),
        ),
        ("I11",),
    ),
    "stale_servers_are_heard": Mutation(
        "a server's older generation is refused",
        (
            Edit(
                "backend/servers/stores/redis/lua/heartbeat_server.lua",
                "if record.generation ~= generation then return {'STALE'} end",
                "",
            ),
        ),
        ("I4",),
        ("server_registers_twice",),
    ),
    "nobody_reaps": Mutation(
        "a silent server is taken out of the pool",
        (
            Edit(
                "backend/matchmaking/services/host_matches.py",
                "since_ms = now_ms - round(heartbeat_ttl_seconds * 1000)",
                "since_ms = now_ms - round(heartbeat_ttl_seconds * 1_000_000)",
            ),
        ),
        ("I8",),
        ("server_dies",),
        60.0,
    ),
    "ended_matches_stay": Mutation(
        "the end of a match takes it out of Redis",
        (Edit(f"{_LUA}/end_match.lua", "redis.call('HDEL', KEYS[1], match_id)", ""),),
        ("I12",),
    ),
    "silent_lines_are_trusted": Mutation(
        "the worker gives up a connection on which nothing comes any more",
        (
            Edit(
                "backend/datastore/broker.py",
                '        "socket_timeout": ANSWER_SECONDS,\n',
                '        "socket_timeout": None,\n',
            ),
            Edit(
                "backend/datastore/broker.py",
                '"health_check_interval": HEALTH_CHECK_SECONDS,',
                '"health_check_interval": 600,',
            ),
        ),
        ("I10",),
        ("redis_freeze",),
        130.0,  # of one that short, the stand-in's matches during the next fault would count
    ),
    "out_of_memory_is_a_fault": Mutation(
        "a full Redis is an unavailable one",
        (
            Edit("backend/datastore/refusals.py", '*("OOM", "LOADING",', '*("LOADING",'),
            Edit("backend/datastore/refusals.py", 'OutOfMemoryError: "OOM",', 'OutOfMemoryError: "FULL",'),
        ),
        ("5xx",),
        ("redis_maxmemory",),
    ),
    "retry_after_is_missing": Mutation(
        "a 503 says when to come again",
        (Edit("backend/rest/problems.py", 'headers={"Retry-After": str(seconds)},', "headers={},"),),
        ("5xx",),
        ("both_away",),
    ),
    "any_epoch_will_do": Mutation(
        "history takes a claim only under the epoch that it was made in",
        (
            Edit(
                "backend/matchmaking/history.py",
                "AND (%s::bigint IS NULL OR %s = (SELECT epoch FROM charge))",
                "AND (%s::bigint IS NULL OR %s IS NOT NULL)",
            ),
            Edit(
                "backend/matchmaking/history.py",
                "if epoch is not None and epoch_now != str(epoch):",
                "if epoch is not None and epoch_now is None:",
            ),
            Edit(
                "backend/matchmaking/services/find_matches.py", "charge is not None and charge.is_fallen_back", "False"
            ),
        ),
        ("I1", "I2", "I5", "I9"),
        ("web_loses_redis_in_a_storm",),
        60.0,
    ),
    "two_live_matches_are_fine": Mutation(
        "history takes one live match of a player",
        (
            Edit("backend/matchmaking/history.py", "WHERE live.match_id <> player.match_id", "WHERE false"),
            Edit(
                "backend/matchmaking/migrations/0002_second_store.py",
                "models.UniqueConstraint(condition=models.Q(('is_live', True))",
                "models.UniqueConstraint(condition=models.Q(('team', 99))",
            ),
            _CLAIM_LOOKS_AT_NOTHING,
        ),
        ("I1", "I2", "I3", "I5"),
        ("round_stalls", "redis_failover"),
    ),
    "a_lost_store_is_believed": Mutation(
        "a Redis that lost its data is compared with history before it is believed",
        (
            Edit(
                "backend/matchmaking/services/recover_store.py",
                "if store.incarnation() == charge.redis_incarnation:",
                "if True:",
            ),
            Edit(
                "backend/matchmaking/stores/redis/store.py",
                'if answer[0] == "LOST" or not self._is_whole():',
                "if False:",
            ),
        ),
        ("I0", "I1", "I2", "I3", "I10", "5xx"),
        ("redis_flushall",),
    ),
    "no_ticket_is_put_back": Mutation(
        "a ticket that its player shows is put back",
        (
            Edit(
                "backend/matchmaking/services/ticket_status.py",
                "if kept is None or isinstance(outcome, Waiting | Matched):",
                "if True:",
            ),
        ),
        ("I2",),
        ("redis_flushall",),
    ),
    "nobody_comes_home": Mutation(
        "what PostgreSQL held comes home",
        (
            Edit(
                "backend/matchmaking/services/come_home.py",
                "store.restore(kept, rules.queues[kept.queue], now_ms)",
                "pass",
            ),
        ),
        ("I1", "I2", "I10"),
        ("web_loses_redis_unshown",),
        60.0,
    ),
    "hosts_are_asked_the_time": Mutation(
        "a process asks PostgreSQL what time it is, and not its host",
        (Edit("backend/caroud/wiring.py", "return shared_clock.now_ms()", "return time.time_ns() // 1_000_000"),),
        ("I1", "I2", "I8"),
        ("clock_jumps_ahead",),
        60.0,
    ),
    "one_yes_is_enough": Mutation(
        "a match begins once all have accepted it",
        (
            Edit(
                "backend/matchmaking/services/pending_match.py",
                "if not silent_players(record):",
                "if record.accept_until:",
            ),
        ),
        ("I7",),
    ),
    "seats_are_filled_again": Mutation(
        "a seat that is filled is offered no longer",
        (
            Edit(
                "backend/matchmaking/open_seats.py",
                "WHERE status = 'open' AND ends_at",
                "WHERE status IN ('open', 'filled') AND ends_at",
            ),
            Edit("backend/matchmaking/seating.py", "AND status = 'open'", "AND status IN ('open', 'filled')"),
        ),
        ("I7",),
        (),
        60.0,
    ),
    "told_before_it_is_written": Mutation(
        "players are told of a match once PostgreSQL has it",
        (
            Edit(
                f"{_LUA}/ticket_status.lua",
                "if match_id ~= '' and redis.call('HEXISTS', outbox, match_id) == 0 then",
                "if match_id ~= '' then",
            ),
        ),
        ("I1", "I2", "I3", "I5", "I9"),
        ("crash_then_wipe",),
        60.0,
    ),
}
