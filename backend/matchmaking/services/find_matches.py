"""One round: look at a queue, let the engine decide, claim what it proposes, remember it."""

import gc
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from crash_points import crash_point
from datastore.batches import in_batches
from matchmaking.charge import InCharge
from matchmaking.engine.demands import BackfillPriority
from matchmaking.match import Claims, Match, Proposal
from matchmaking.rules import QueueRules
from matchmaking.services.fill_seats import fill_seats
from matchmaking.services.propose import find_density, propose
from matchmaking.services.record_matches import record_and_announce
from matchmaking.stores.port import RoundTurn, TicketStore

logger = logging.getLogger(__name__)

#: Rounds in a row that one task may run because joins asked for more; then another task takes over.
ROUNDS_IN_A_ROW = 20

#: Matches that are claimed and then written into history together. Smaller lets the first be told earlier and more of
#: claims and history go on side by side; larger saves statements.
MATCHES_A_PART = 1000

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
    longest_pause_seconds: float = 0.0,
) -> RoundReport:
    """Run rounds of one queue for as long as joins ask for another. Before the next begins, a pause as long as the last
    one took, or that long: while many join, it leaves half of a core to those who answer them.

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
            began = time.perf_counter()
            matches += len(run_round(store=store, rules=rules, charge=charge, now_ms=clock(), new_id=new_id))
            rounds += 1
            turn = store.finish_round(rules.name, token, clock(), may_run_again=rounds < ROUNDS_IN_A_ROW)
            if turn is RoundTurn.AGAIN:
                time.sleep(min(time.perf_counter() - began, longest_pause_seconds))
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
    """Snapshot, decide, claim, record, announce. Answers the matches that were announced. Open seats of running matches
    are filled before or after the new matches have chosen, where the rules say so."""
    began = time.perf_counter()
    recovered_ms = charge.recovered_ms if charge else 0
    # After a recovery, a ticket may have ended in data that is lost: it counts once it has been asked for again.
    is_recent = now_ms - recovered_ms <= 2 * rules.ticket_ttl_ms
    tickets = store.snapshot(rules.name, asked_since_ms=recovered_ms if is_recent else 0)
    epoch = charge.epoch if charge else 0
    if rules.backfill is BackfillPriority.FIRST:
        tickets = fill_seats(store=store, rules=rules, tickets=tickets, epoch=epoch, now_ms=now_ms, new_id=new_id)
    density = find_density(store=store, rules=rules, tickets=tickets, now_ms=now_ms)
    proposals = propose(tickets=tickets, rules=rules, now_ms=now_ms, new_id=new_id, density=density)
    if rules.backfill is BackfillPriority.LAST:
        fill_seats(
            store=store,
            rules=rules,
            tickets=tickets,
            epoch=epoch,
            now_ms=now_ms,
            new_id=new_id,
            proposals=proposals,
        )
    if not proposals:
        return []
    announced: list[Match] = []
    taken = without_seat = 0
    for claims in _claims(store, rules, proposals, epoch, now_ms, is_history=charge is None):
        claimed = time.perf_counter()
        taken, without_seat = taken + claims.taken, without_seat + claims.without_seat
        announced += (
            claims.matches
            if claims.are_recorded
            else record_and_announce(store=store, matches=claims.matches, epoch=epoch, now_ms=now_ms)
        )
    logger.info(
        "round of %s: %d waiting, %d matches, %d taken, %d without seat, %.1f ms to claims, %.1f ms in all",
        rules.name,
        len(tickets.player_ids),
        len(announced),
        taken,
        without_seat,
        (claimed - began) * 1000,
        (time.perf_counter() - began) * 1000,
        extra={"queue": rules.name},
    )
    for match in announced[:MATCHES_NAMED]:
        log_match(match)
    return announced


def _claims(
    store: TicketStore, rules: QueueRules, proposals: Sequence[Proposal], epoch: int, now_ms: int, *, is_history: bool
) -> Iterator[Claims]:
    """What became of the proposals, a part at a time: the next part is claimed while the caller writes the last one
    into history. A store that is history itself does all at once, by the caller's connection."""

    def claim(part: Sequence[Proposal]) -> Claims:
        crash_point("before claim")
        claims = store.claim(rules, part, now_ms, epoch=epoch)
        crash_point("after claim")
        return claims

    if is_history or len(proposals) <= MATCHES_A_PART:
        yield claim(proposals)
        return
    with ThreadPoolExecutor(1) as aside:
        parts = in_batches(proposals, MATCHES_A_PART)
        claimed = aside.submit(claim, next(parts))
        for part in parts:
            claims = claimed.result()
            claimed = aside.submit(claim, part)
            yield claims
        yield claimed.result()


def log_match(match: Match) -> None:
    """The two lines that operators look for."""
    ids = {"match": match.id, "queue": match.queue, "player": [player.id for player in match.players]}
    sides = " vs ".join(", ".join(player.username for player in team) for team in match.teams)
    logger.info("✅ Match found: %s", sides, extra=ids)
    logger.info("🎮 Match created: ID=%s", match.id, extra=ids)
