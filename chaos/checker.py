"""Did everything hold that always holds? Pure: by what clients were told, and what the stores hold at the end.

The checker believes no log line of the service. Where nobody can know what a call did, because its answer was lost or
was a 503, it allows both outcomes; everything else is held against the service.
"""

from collections.abc import Callable

from chaos.checks.answers import keys_have_one_answer, nothing_fails
from chaos.checks.leftovers import nothing_is_left
from chaos.checks.liveness import matching_resumes
from chaos.checks.matches import matches_are_told_and_kept, one_store_matches_a_player, players_are_in_one_match
from chaos.checks.ratings import ratings_change_once
from chaos.checks.servers import dead_servers_get_no_match, servers_keep_their_capacity
from chaos.checks.squads import squads_are_whole
from chaos.checks.story import Story
from chaos.checks.tickets import leave_and_match_have_one_winner, nobody_is_lost
from chaos.checks.verdict import Verdict, Violation, verdict
from chaos.records import Evidence


def players_are_matched(story: Story) -> Verdict:
    """Without a match every other promise would hold for nothing."""
    found = [] if story.rows else [Violation("I0", "nobody was matched at all")]
    return verdict("I0", "players are matched", f"{len(story.rows):,} matches", found)


CHECKS: tuple[Callable[[Story], Verdict], ...] = (
    players_are_matched,
    players_are_in_one_match,
    nobody_is_lost,
    matches_are_told_and_kept,
    servers_keep_their_capacity,
    leave_and_match_have_one_winner,
    keys_have_one_answer,
    squads_are_whole,
    dead_servers_get_no_match,
    one_store_matches_a_player,
    matching_resumes,
    ratings_change_once,
    nothing_is_left,
    nothing_fails,
)


def judge(evidence: Evidence) -> list[Verdict]:
    """All invariants, in the order of the report."""
    story = Story(evidence)
    return [check(story) for check in CHECKS]
