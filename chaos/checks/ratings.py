"""I11: a match changes ratings once, and takes from one what it gives to the other.

Where somebody left, it does not: the leaver takes a loss, and is not given a win (docs/backfill.md).
"""

from collections import defaultdict
from itertools import pairwise

from chaos.checks.story import Story
from chaos.checks.verdict import Verdict, Violation, Violations, verdict
from chaos.records import Part, Row

#: Rating points. Sums of doubles are exact to far less.
_TOLERANCE_POINTS = 1e-6


def ratings_change_once(story: Story) -> Verdict:
    """Zero-sum, one change after the other, and an acknowledged result stands."""
    completed = [row for row in story.evidence.rows if row.status == "completed"]
    found = [*_wrong_changes(story), *_broken_chains(story, completed), *_lost_results(story)]
    return verdict("I11", "ratings change once a match", f"{len(completed):,} results", found)


def _wrong_changes(story: Story) -> Violations:
    for row in story.evidence.rows:
        changes = [part.after - part.before for part in row.parts if part.before is not None and part.after is not None]
        if row.status != "completed":
            if changes:
                yield Violation("I11", f"match {row.match} is {row.status} and has changed ratings")
        elif not _is_fair(row, changes):
            yield Violation("I11", f"match {row.match} changed ratings by {changes}")


def _is_fair(row: Row, changes: list[float]) -> bool:
    """Who was in it from the start to the end is rated, no newcomer is, and a leaver gains nothing."""
    rated = {part.player for part in row.parts if part.after is not None}
    leavers = {part.player: part for part in row.parts if part.left is not None}
    newcomers = {part.player for part in row.parts if part.joined is not None}
    has_gained = any((part.after or 0.0) > (part.before or 0.0) for part in leavers.values())
    if rated & newcomers or has_gained or not row.players - newcomers - set(leavers) <= rated:
        return False
    return set(leavers) - newcomers != set() or abs(sum(changes)) <= _TOLERANCE_POINTS


def _broken_chains(story: Story, completed: list[Row]) -> Violations:
    """Each change begins where the one before has ended, and the rating counts them all."""
    steps: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for row in sorted(completed, key=lambda row: row.ended or 0.0):
        for part in (part for part in row.parts if part.after is not None):
            steps[part.player, row.queue].append(part)
    ratings = {(rating.player, rating.queue): rating for rating in story.evidence.ratings}
    for (player, queue), parts in steps.items():
        for earlier, later in pairwise(parts):
            if earlier.after != later.before:
                yield Violation(
                    "I11", f"player {player}: {earlier.after} after a match, {later.before} before the next"
                )
        rating = ratings.get((player, queue))
        if rating is None or rating.games != len(parts) or rating.rating != parts[-1].after:
            yield Violation("I11", f"player {player} in {queue}: {len(parts)} results, and the rating says {rating}")


def _lost_results(story: Story) -> Violations:
    """The first result that the service took is the one that stands."""
    for beat in story.evidence.beats:
        if beat.call == "result" and beat.http == 200:
            row = story.row(beat.matches[0])
            if row is None or row.status != "completed" or row.ranks != beat.ranks:
                stands = f"{row.status} {list(row.ranks)}" if row else "missing"
                text = f"match {beat.matches[0]}: result {list(beat.ranks)} was taken, history says {stands}"
                yield Violation("I11", text, (beat.line,))
