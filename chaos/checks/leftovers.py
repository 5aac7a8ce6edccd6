"""I12: when everybody has gone home, Redis holds nothing that nobody will ever take away."""

from chaos.checks.story import Story
from chaos.checks.verdict import Verdict, Violation, Violations, verdict

#: Keys of Celery: a fixed set, kept by Celery.
_CELERYS = ("{celery", "_kombu", "unacked")
#: Without a lifetime because somebody empties them.
_OWNED = ("matchmaking:outbox",)
#: What has to be empty when no ticket waits and no match is live; `last_seen` empties when tickets' lifetimes are over.
_EMPTY_AT_THE_END = (
    *("matchmaking:queue", "matchmaking:arrivals", "matchmaking:matches"),
    *("matchmaking:outbox", "matchmaking:outbox_dead", "active_games"),
)


def nothing_is_left(story: Story) -> Verdict:
    """No key without a lifetime or an owner, no ticket, no match, no seat."""
    return verdict("I12", "nothing is left behind in Redis", f"{len(story.evidence.keys):,} keys", _left(story))


def _left(story: Story) -> Violations:
    for key in story.evidence.keys:
        if key.name.startswith(_CELERYS):
            continue
        if key.ttl < 0 and key.name not in _OWNED:
            yield Violation("I12", f"{key.name} would stay for ever")
        is_of_queue = any(key.name == name or key.name.startswith(f"{name}:") for name in _EMPTY_AT_THE_END)
        if is_of_queue and key.size:
            yield Violation("I12", f"{key.name} still holds {key.size}")
