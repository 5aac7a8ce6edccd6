"""I7: a party is matched whole; who is asked decides; an open seat is filled once."""

from collections import Counter, defaultdict

from chaos.checks.story import Story
from chaos.checks.verdict import Verdict, Violation, Violations, verdict
from chaos.records import Part, Row, Seen

#: Seats of a team in the queue of parties, see chaos/stack.py.
TEAM_SIZE = 2


def squads_are_whole(story: Story) -> Verdict:
    """Parties, acceptance and backfill, by what players and servers were told and by what PostgreSQL holds."""
    rows = [row for row in story.evidence.rows if row.queue == "squads"]
    seats = sum(bool(seat.filled_by) for row in rows for seat in row.seats)
    found = [
        *(violation for row in rows for violation in _parted(row, story.evidence.parties)),
        *(violation for row in rows for violation in _filled_wrongly(row)),
        *_told_another_lineup(story),
        *_hosted_after_a_decline(story),
        *_hosted_without_a_yes(story),
        *_told_two_newcomers(story),
    ]
    return verdict("I7", "a party is whole, a no is a no, a seat is filled once", f"{len(rows)}, {seats} seats", found)


def _parted(row: Row, parties: list[tuple[str, ...]]) -> Violations:
    """All of a party are in the match, in one team and from the same moment on, or none."""
    parts = {part.player: part for part in row.parts}
    for party in parties:
        there = [parts[player] for player in party if player in parts]
        ways = {(part.team, part.joined) for part in there}
        if there and (len(there) < len(party) or len(ways) > 1):
            text = f"match {row.match} has {len(there)} of the {len(party)} of a party, in {len(ways)} ways: {party[0]}"
            yield Violation("I7", text)


def _filled_wrongly(row: Row) -> Violations:
    """As many newcomers as filled seats, each in one of them, and no team beyond its size."""
    filled = Counter(seat.filled_by for seat in row.seats if seat.filled_by)
    newcomers = Counter(part.player for part in row.parts if part.joined is not None)
    if filled != newcomers:
        yield Violation("I7", f"match {row.match}: {dict(filled)} took open seats, and {dict(newcomers)} came in")
    playing = Counter(part.team for part in row.parts if part.left is None)
    for team, size in playing.items():
        if size > TEAM_SIZE:
            yield Violation("I7", f"match {row.match}: {size} play in team {team}, which has {TEAM_SIZE} seats")


def _told_another_lineup(story: Story) -> Violations:
    """Whom a match was made for and who never left is in every answer; nobody is who had no part in it."""
    for seen in story.evidence.seen:
        if not seen.players:
            continue
        row = story.row(seen.match)
        if row is None:
            yield Violation("I7", f"match {seen.match} was told and is not in PostgreSQL", (seen.line,))
            continue
        told = set(seen.players)
        always = {part.player for part in row.parts if part.joined is None and part.left is None}
        if not always <= told <= row.players or not _is_among(seen, row.parts):
            text = f"match {seen.match}: player {seen.player} was told another line-up than history has"
            yield Violation("I7", text, (seen.line,))


def _is_among(seen: Seen, parts: tuple[Part, ...]) -> bool:
    return any(part.player == seen.player for part in parts)


def _hosted_after_a_decline(story: Story) -> Violations:
    """A match of which a "no" was taken never begins."""
    hosted = {match: beat for beat in story.evidence.beats if beat.call == "heartbeat" for match in beat.matches}
    for seen in story.evidence.seen:
        if seen.call != "decline" or seen.http != 200:
            continue
        if beat := hosted.get(seen.match):
            text = f"server {beat.server} was told match {seen.match}, which player {seen.player} had declined"
            yield Violation("I7", text, (seen.line, beat.line))
        row = story.row(seen.match)
        if row is None or row.status != "abandoned":
            stands = row.status if row else "missing"
            yield Violation("I7", f"match {seen.match} was declined, and history says {stands}", (seen.line,))


def _hosted_without_a_yes(story: Story) -> Violations:
    """A match begins once all whom it was made for have said "yes". An answer may be lost; the call was sent."""
    said_yes = {(seen.match, seen.player) for seen in story.evidence.seen if seen.call == "accept"}
    hosted = {match: beat.line for beat in story.evidence.beats if beat.call == "heartbeat" for match in beat.matches}
    for match, line in hosted.items():
        row = story.row(match)
        if row is None or row.queue != "squads":
            continue
        silent = [part.player for part in row.parts if part.joined is None and (match, part.player) not in said_yes]
        if silent:
            yield Violation("I7", f"match {match} began, and {silent[0]} was never heard to accept it", (line,))


def _told_two_newcomers(story: Story) -> Violations:
    """Whatever a server asks and when: who has taken a seat has taken it."""
    takers: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for beat in story.evidence.beats:
        for leaver, newcomer in beat.filled:
            takers[beat.matches[0], leaver].setdefault(newcomer, beat.line)
    for (match, leaver), newcomers in takers.items():
        row = story.row(match)
        kept = {seat.filled_by for seat in row.seats if seat.leaver == leaver} if row else set()
        if set(newcomers) != kept:
            text = f"match {match}: the seat of {leaver} was filled by {', '.join(newcomers)}, history says {kept}"
            yield Violation("I7", text, tuple(newcomers.values()))
