"""One round: look at a queue, let the engine decide, claim what it proposes, remember it."""

import gc
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from crash_points import crash_point
from matchmaking import engine  # its find_matches is loaded, with numba, by the process that runs the first round
from matchmaking.charge import InCharge
from matchmaking.engine.search_window import SearchWindow
from matchmaking.engine.tickets import WaitingTickets
from matchmaking.match import Entrant, Match, MatchId, PlayerId, Proposal
from matchmaking.rules import QueueRules
from matchmaking.services.record_matches import record_and_announce
from matchmaking.stores.port import RoundTurn, TicketStore

logger = logging.getLogger(__name__)

#: Rounds in a row that one task may run because joins asked for more; then the clock's next one takes over.
ROUNDS_IN_A_ROW = 20

#: Matches of a round that the log names one by one; ten thousand lines would hold up the next round.
MATCHES_NAMED = 100


@dataclass(frozen=True, slots=True)
class RoundReport:
    """What the rounds of one task did."""

    rounds: int = 0
    matches: int = 0


def find_matches(
    *,
    store: TicketStore,
    rules: QueueRules,
    charge: InCharge | None,
    clock: Callable[[], int],
    new_id: Callable[[], str],
) -> RoundReport:
    """Run rounds of one queue for as long as joins ask for another.

    `charge` is who is in charge as PostgreSQL says now, None for a store that is history itself. `clock` answers
    milliseconds since the epoch, `new_id` a fresh id. While another round of the queue runs, or PostgreSQL stands in
    for this store, nothing is done.
    """
    if charge is not None and charge.is_fallen_back:
        return RoundReport()
    token = new_id()
    if not store.begin_round(rules.name, token, clock()):
        return RoundReport()
    rounds = matches = 0
    turn = RoundTurn.AGAIN
    try:
        while turn is RoundTurn.AGAIN:
            matches += len(run_round(store=store, rules=rules, charge=charge, now_ms=clock(), new_id=new_id))
            rounds += 1
            turn = store.finish_round(rules.name, token, clock(), may_run_again=rounds < ROUNDS_IN_A_ROW)
    except Exception:
        store.finish_round(rules.name, token, clock(), may_run_again=False)
        raise
    return RoundReport(rounds=rounds, matches=matches)


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: a round makes tens of thousands of values at once and no cycles, and looking
    through them again and again takes as long as the round."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@uncollected()
def run_round(
    *, store: TicketStore, rules: QueueRules, charge: InCharge | None, now_ms: int, new_id: Callable[[], str]
) -> list[Match]:
    """Snapshot, decide, claim, record, announce. Answers the matches that were announced."""
    began = time.perf_counter()
    recovered_ms = charge.recovered_ms if charge else 0
    # After a recovery, a ticket may have ended in data that is lost: it counts once it has been asked for again.
    is_recent = now_ms - recovered_ms <= 2 * rules.ticket_ttl_ms
    tickets = store.snapshot(rules.name, asked_since_ms=recovered_ms if is_recent else 0)
    proposals = propose(tickets, rules, now_ms, new_id)
    if not proposals:
        return []
    epoch = charge.epoch if charge else 0
    crash_point("before claim")
    claims = store.claim(rules, proposals, now_ms, epoch=epoch)
    crash_point("after claim")
    claimed = time.perf_counter()
    announced = claims.matches
    if not claims.are_recorded:
        announced = record_and_announce(store=store, matches=claims.matches, epoch=epoch, now_ms=now_ms)
    logger.info(
        "round of %s: %d waiting, %d matches, %d taken, %d without seat, %.1f ms to claims, %.1f ms in all",
        rules.name,
        len(tickets.player_ids),
        len(announced),
        claims.taken,
        claims.without_seat,
        (claimed - began) * 1000,
        (time.perf_counter() - began) * 1000,
        extra={"queue": rules.name},
    )
    for match in announced[:MATCHES_NAMED]:
        log_match(match)
    return announced


def propose(tickets: WaitingTickets, rules: QueueRules, now_ms: int, new_id: Callable[[], str]) -> list[Proposal]:
    """The engine's pairs as proposals, who waited longest first."""
    if len(tickets.player_ids) < 2:
        return []
    pairs = engine.find_matches(tickets, rules.search_window, now_ms).pairs
    oldest = tickets.joined_ms[pairs].min(axis=1).argsort(kind="stable")
    entrants = [Entrant(PlayerId(p), mark) for p, mark in zip(tickets.player_ids, tickets.marks, strict=True)]
    return [Proposal(MatchId(new_id()), ((entrants[a],), (entrants[b],))) for a, b in pairs[oldest].tolist()]


def warm_up() -> None:
    """Let the engine compile itself: the first pairing of a process takes seconds where nothing is cached."""
    tickets = WaitingTickets(["a", "b"], np.array([1200.0, 1201.0]), np.array([0, 0], dtype=np.int64))
    engine.find_matches(tickets, SearchWindow(), now_ms=0)


def log_match(match: Match) -> None:
    """The two lines that operators look for."""
    ids = {"match": match.id, "queue": match.queue, "player": [player.id for player in match.players]}
    sides = " vs ".join(", ".join(player.username for player in team) for team in match.teams)
    logger.info("✅ Match found: %s", sides, extra=ids)
    logger.info("🎮 Match created: ID=%s", match.id, extra=ids)
