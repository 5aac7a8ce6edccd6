"""I2: nobody is lost. I5: leave and match have one winner."""

from itertools import pairwise

from chaos.checks.story import (
    CLOCK_SECONDS,
    LATE_SECONDS,
    Story,
    TicketStory,
    faulty_seconds,
    is_under_fault,
    is_unknown,
    unknown_before,
)
from chaos.checks.verdict import Verdict, Violation, Violations, verdict
from chaos.records import Told

#: Seconds by which a ticket's arrival may seem to move: it is told in whole seconds.
_ARRIVAL_SECONDS = 2.0
#: Seconds by which a ticket may seem to expire too early.
_EXPIRY_SECONDS = 1.0
#: Seconds, without a fault, after its end at which a match that could not be released is released again at the latest.
_RELEASE_SECONDS = 30.0
#: Seconds after a fault in which keys are not looked at yet: PostgreSQL stands in until Redis has stayed for a while.
_HOME_SECONDS = 5.0
#: A second join that took longer than this may have come after the first one's match.
_SLOW_SECONDS = 0.5
#: Seconds between the end of a match in PostgreSQL and the moment at which the service may say so.
_SAME_MOMENT_SECONDS = 0.1


def nobody_is_lost(story: Story) -> Verdict:
    """Each acknowledged join ends as matched, left or expired, keeps its arrival time, and its player is told."""
    tickets = [ticket for each in story.tickets.values() for ticket in each if ticket.waited]
    return verdict("I2", "nobody is lost", f"{len(tickets):,} tickets", _lost(story))


def leave_and_match_have_one_winner(story: Story) -> Verdict:
    """Who was told "left" is in no match of that ticket; who was refused with a match is in it."""
    leaves = sum(told.call == "leave" and told.is_acknowledged for told in story.evidence.told)
    return verdict("I5", "leave against match has one winner", f"{leaves:,} leaves", _two_winners(story))


def _lost(story: Story) -> Violations:
    for player, tickets in story.tickets.items():
        known: set[str] = set()
        for ticket in tickets:
            endings = ticket.endings(known)
            known |= {told.match for told in ticket.told if told.match}
            if not ticket.waited and not endings:
                continue  # a join that answered the live match, or was never acknowledged
            if not endings and not _goes_on_as_the_next(ticket, tickets, story):
                yield from _without_ending(ticket, story)
            elif "expired" in endings:
                yield from _expired_while_asking(ticket, endings["expired"], story)
            yield from _arrival_moved(ticket, story.by_player[player])
        yield from _kept_in_ended_match(story, player)


def _kept_in_ended_match(story: Story, player: str) -> Violations:
    """Nobody is told for long of a match that is over: such a player cannot join again."""
    for told in story.by_player[player]:
        row = story.row(told.match) if told.status == "matched" and not told.is_replay else None
        if row is None or row.ended is None:
            continue
        late = told.asked - row.ended - faulty_seconds(story.evidence.faults, row.ended, told.asked)
        if late > _RELEASE_SECONDS:
            text = f"player {player} was told that match {told.match} is live, {late:.0f} s after its end"
            yield Violation("I2", text, (told.line,))
            return


def _without_ending(ticket: TicketStory, story: Story) -> Violations:
    answers = story.by_player[ticket.player]
    last_waited = ticket.waited[-1]
    gone = next((t for t in ticket.told if t.status == "not_in_queue" and t.told > last_waited.told), None)
    if gone is None:
        last = ticket.told[-1]
        text = f"player {ticket.player}, ticket {ticket.number}: never ended, last told {last.status or last.http!r}"
        yield Violation("I2", text, (last_waited.line, last.line))
    elif not unknown_before(answers, "leave", gone) and not _was_given_up(story, last_waited, gone):
        text = f"player {ticket.player}, ticket {ticket.number}: waited, and then was not in any queue"
        yield Violation("I2", text, (last_waited.line, gone.line))


def _goes_on_as_the_next(ticket: TicketStory, tickets: list[TicketStory], story: Story) -> bool:
    """A join repeated with its key while Redis was away, or had just lost the key, is a join of its own; its player,
    who has the first answer, goes on with that ticket when he joins next, and is told how it ended."""
    if not all(
        told.is_replay and is_under_fault(story.evidence.faults, told.asked - _HOME_SECONDS, told.told)
        for told in ticket.waited
    ):
        return False
    following = [each for each in tickets if each.number > ticket.number]
    return bool(following) and bool(following[0].endings(set()))


def _was_given_up(story: Story, last_waited: Told, gone: Told) -> bool:
    """Its player had not asked for its whole lifetime, and a fault took the word that it had expired."""
    is_silent = gone.told - last_waited.asked >= story.evidence.limits.ticket_ttl_seconds - _EXPIRY_SECONDS
    return is_silent and is_under_fault(story.evidence.faults, last_waited.told, gone.told)


def _expired_while_asking(ticket: TicketStory, expired: Told, story: Story) -> Violations:
    """A ticket expires only when its player has not asked for its whole lifetime."""
    ttl = story.evidence.limits.ticket_ttl_seconds
    asks = [told for told in ticket.waited if told.told < expired.told]
    if asks and expired.told - asks[-1].asked < ttl - _EXPIRY_SECONDS:
        silent = expired.told - asks[-1].asked
        text = f"player {ticket.player}, ticket {ticket.number}: expired {silent:.1f} s after its player had asked"
        yield Violation("I2", text, (asks[-1].line, expired.line))


def _arrival_moved(ticket: TicketStory, answers: list[Told]) -> Violations:
    """A ticket keeps its place in the queue, whatever store it is in."""
    waits = [told for told in ticket.waited if not told.is_concurrent and not told.is_replay]
    for before, after in pairwise(waits):
        if before.waited is None or after.waited is None or before.queue != after.queue:
            continue
        latest_before, earliest_after = before.told - before.waited, after.asked - after.waited - 1
        if earliest_after > latest_before + _ARRIVAL_SECONDS and not _may_be_another(ticket, answers, after):
            moved = earliest_after - latest_before
            text = f"player {ticket.player}, ticket {ticket.number}: joined {moved:.0f} s later than it had before"
            yield Violation("I2", text, (before.line, after.line))
            return


def _may_be_another(ticket: TicketStory, answers: list[Told], told: Told) -> bool:
    """Whether a call of unknown outcome may have ended the ticket and begun another."""
    return unknown_before(answers, "leave", told) or unknown_before(ticket.told, "join", told)


def _two_winners(story: Story) -> Violations:
    for player, tickets in story.tickets.items():
        known: set[str] = set()
        for ticket in tickets:
            endings = ticket.endings(known)
            known |= {told.match for told in ticket.told if told.match}
            if len(endings) > 1 + _further_joins(ticket, story.by_player[player]):
                lines = tuple(told.line for told in endings.values())
                text = f"player {player}, ticket {ticket.number} ended {len(endings)} times: {', '.join(endings)}"
                yield Violation("I5", text, lines)
            if "left" in endings:
                yield from _matched_after_leave(story, ticket, endings["left"])
            yield from _refused_without_match(story, ticket)
            yield from _denied_during_match(story, ticket, endings)


def _further_joins(ticket: TicketStory, answers: list[Told]) -> int:
    """Joins that may have made a second ticket: of unknown outcome, or answered late."""
    late = sum(t.call == "join" and t.is_concurrent and t.told - t.asked > _SLOW_SECONDS for t in ticket.told)
    earlier = (t for t in answers if t.call == "join" and is_unknown(t))
    return late + sum(ticket.asked - LATE_SECONDS < t.told and t.asked < ticket.next_asked for t in earlier)


def _matched_after_leave(story: Story, ticket: TicketStory, left: Told) -> Violations:
    """A match that was begun after the leave, and before the player asked again."""
    if _further_joins(ticket, story.by_player[ticket.player]):
        return
    for row in story.rows_of.get(ticket.player, ()):
        if left.told < row.created < ticket.next_asked - CLOCK_SECONDS:
            text = f"player {ticket.player} was told 'left', and then put into match {row.match}"
            yield Violation("I5", text, (left.line,))


def _refused_without_match(story: Story, ticket: TicketStory) -> Violations:
    for told in ticket.told:
        if told.call == "leave" and told.status == "matched":
            row = story.row(told.match)
            if row is None or ticket.player not in row.players:
                text = f"player {ticket.player} could not leave for match {told.match}, which history does not have"
                yield Violation("I5", text, (told.line,))


def _denied_during_match(story: Story, ticket: TicketStory, endings: dict[str, Told]) -> Violations:
    """Who waited was told that there was no ticket, while the match that it became was live already."""
    if not ticket.waited or _further_joins(ticket, story.by_player[ticket.player]):
        return
    for told in ticket.told:
        is_denial = told.status == "not_in_queue" and told.call != "history"
        if not is_denial or told.is_replay or told.is_concurrent or told.told < ticket.waited[0].told:
            continue
        for ending in endings.values():
            row = story.row(ending.match)
            if row and row.created < told.asked and (row.ended is None or row.ended > told.told + _SAME_MOMENT_SECONDS):
                text = f"player {ticket.player} was told that there was no ticket, during its match {row.match}"
                yield Violation("I5", text, (told.line, ending.line))
                return
