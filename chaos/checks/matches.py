"""I1: one live match and one ticket. I3: each match once, whole, and told the same to both. I9: one store at a time."""

from itertools import pairwise

from chaos.checks.story import CLOCK_SECONDS, Story
from chaos.checks.verdict import Verdict, Violation, Violations, verdict
from chaos.records import Row, Told

#: Seconds between the end of a match in PostgreSQL and the moment at which the service may say so.
_SAME_MOMENT_SECONDS = 0.1
#: Players whom a match is made for, where it is not two.
_PLAYERS = {"squads": 4}


def players_are_in_one_match(story: Story) -> Verdict:
    """No player is in two live matches, or in a match and a queue."""
    found = [*_told_two_things(story), *_overlaps(story)]
    return verdict("I1", "a player is in one live match, or one queue", f"{len(story.by_player):,} players", found)


def one_store_matches_a_player(story: Story) -> Verdict:
    """No player is matched by Redis and by the fallback at the same time."""
    times = len(story.evidence.modes)
    changes = sum(a.mode != b.mode for a, b in pairwise(story.evidence.modes))
    return verdict(
        "I9", "one store at a time matches a player", f"{changes} switches in {times} looks", _overlaps(story)
    )


def matches_are_told_and_kept(story: Story) -> Verdict:
    """Each match that anybody was told of is in PostgreSQL once and whole, and all were told the same."""
    found = [*_told_and_not_kept(story), *_hosted_and_not_kept(story), *_kept_and_not_whole(story)]
    return verdict("I3", "each match is kept once and told to all", f"{len(story.rows):,} matches", found)


def _told_two_things(story: Story) -> Violations:
    for answers in story.by_player.values():
        live: Told | None = None
        for told in answers:
            if not told.status or told.is_replay or told.is_concurrent or told.call == "history":
                continue
            if live is not None and (told.status != "matched" or told.match != live.match):
                yield from _while_live(story, live, told)
            live = told if told.status == "matched" else None


def _while_live(story: Story, live: Told, told: Told) -> Violations:
    """What a player may only be told once the match before has ended."""
    row = story.row(live.match)
    if row is None or (row.ended is not None and row.ended <= told.told + _SAME_MOMENT_SECONDS):
        return  # one that history does not have breaks I3
    said = f"match {told.match}" if told.status == "matched" else told.status
    text = f"player {told.player} was told {said} during match {live.match}"
    yield Violation("I1", text, (live.line, told.line))


def _overlaps(story: Story) -> Violations:
    for player, rows in story.rows_of.items():
        for earlier, later in pairwise(rows):
            left, came = earlier.span(player)[1], later.span(player)[0]
            if left is None or left > came + CLOCK_SECONDS:
                invariant = "I9" if _is_around_a_fallback(story, earlier, later) else "I1"
                text = f"player {player}: match {later.match} began before {earlier.match} ended"
                lines = [each.line for row in (earlier, later) for each in story.told_of.get(row.match, ())[:1]]
                yield Violation(invariant, text, tuple(lines))


def _is_around_a_fallback(story: Story, earlier: Row, later: Row) -> bool:
    begin, end = earlier.created - CLOCK_SECONDS, later.created + CLOCK_SECONDS
    return any(mode.mode == "fallback" and begin <= mode.at <= end for mode in story.evidence.modes)


def _told_and_not_kept(story: Story) -> Violations:
    for match, answers in story.told_of.items():
        lines = (answers[0].line, answers[-1].line)
        times = story.times_kept(match)
        if times != 1:
            yield Violation("I3", f"match {match} was told and is in PostgreSQL {times} times", lines)
            continue
        row = story.rows[match][0]
        for told in answers:
            if told.players and frozenset(told.players) != row.players:
                yield Violation("I3", f"match {match}: its players were told another line-up", (told.line,))
                break
            if told.player not in row.players:
                yield Violation("I3", f"match {match} was told to {told.player}, who is not in it", (told.line,))
                break


def _hosted_and_not_kept(story: Story) -> Violations:
    reported: set[str] = set()
    for beat in story.evidence.beats:
        for match in set(beat.matches) - reported:
            if match not in story.rows:
                reported.add(match)
                yield Violation("I3", f"server {beat.server} was told match {match}, which history lacks", (beat.line,))


def _kept_and_not_whole(story: Story) -> Violations:
    for match, rows in story.rows.items():
        for row in rows:
            began_with = [part.player for part in row.parts if part.joined is None]
            size = _PLAYERS.get(row.queue, 2)
            if len(set(began_with)) != size or len(began_with) != size:
                yield Violation("I3", f"match {match} has {len(row.parts)} players in PostgreSQL")
            told = {answer.player for answer in story.told_of.get(match, ())}
            for player in sorted((row.players & set(story.by_player)) - told):
                last = story.by_player[player][-1].line
                yield Violation("I3", f"player {player} was never told of match {match} ({row.status})", (last,))
