"""I4: no server beyond its capacity. I8: a dead server gets no match, and its matches end soon."""

from collections import defaultdict

from chaos.checks.story import CLOCK_SECONDS, Story, faulty_seconds, is_under_fault
from chaos.checks.verdict import Verdict, Violation, Violations, verdict
from chaos.records import Death, Row

#: Seconds that the reaper may be late: a busy machine, and a task that waits for its turn.
_LATE_SECONDS = 4.0


def servers_keep_their_capacity(story: Story) -> Verdict:
    """No server hosts more than its capacity, by what it was told and by PostgreSQL."""
    beats = sum(beat.call == "heartbeat" for beat in story.evidence.beats)
    found = [*_told_too_many(story), *_kept_too_many(story), *_stale_was_heard(story)]
    return verdict("I4", "no server beyond its capacity", f"{beats:,} heartbeats", found)


def dead_servers_get_no_match(story: Story) -> Verdict:
    """After the heartbeat's life and one look of the reaper; and no match lives on for ever."""
    found = [*_given_to_the_dead(story), *_outlived_its_server(story), *_never_ended(story)]
    return verdict("I8", "a dead server gets no match", f"{len(story.evidence.deaths)} deaths", found)


def _told_too_many(story: Story) -> Violations:
    for beat in story.evidence.beats:
        capacity = story.evidence.limits.capacities.get(beat.server)
        if capacity is not None and len(set(beat.matches)) > capacity:
            text = f"server {beat.server} was told {len(set(beat.matches))} matches for {capacity} seats"
            yield Violation("I4", text, (beat.line,))


def _kept_too_many(story: Story) -> Violations:
    """Seats over time. `created` is when the round began, so a seat counts as taken from some moments later on."""
    changes: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for row in story.evidence.rows:
        taken, freed = row.created + CLOCK_SECONDS, row.ended or float("inf")
        if row.server is not None and taken < freed:
            changes[row.server] += [(taken, 1), (freed, -1)]
    for server, moments in changes.items():
        capacity = story.evidence.limits.capacities.get(server)
        seats = 0
        for at, change in sorted(moments):
            seats += change
            if capacity is not None and seats > capacity:
                yield Violation("I4", f"server {server} had {seats} matches for {capacity} seats at {at:.3f}")
                break


def _stale_was_heard(story: Story) -> Violations:
    for beat in story.evidence.beats:
        if beat.is_stale and beat.http == 200:
            yield Violation("I4", f"server {beat.server} was heard with the token of an older generation", (beat.line,))


def _given_to_the_dead(story: Story) -> Violations:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in story.evidence.rows:
        rows[row.server or ""].append(row)
    for death in story.evidence.deaths:
        dead_from = _dead_from(story, death)
        for row in rows[death.server]:
            if dead_from < row.created < death.returned:
                late = row.created - death.last_beat
                text = f"match {row.match} went to server {death.server}, silent for {late:.1f} s"
                lines = tuple(told.line for told in story.told_of.get(row.match, ())[:1])
                yield Violation("I8", text, lines)


def _outlived_its_server(story: Story) -> Violations:
    for death in story.evidence.deaths:
        due = _dead_from(story, death)
        for row in story.evidence.rows:
            was_there = row.server == death.server and row.created <= death.last_beat
            if was_there and due < death.returned and due < (row.ended or death.returned):
                silent = due - death.last_beat
                text = f"match {row.match} lived on when server {death.server} had been silent for {silent:.1f} s"
                lines = tuple(told.line for told in story.told_of.get(row.match, ())[:1])
                yield Violation("I8", text, lines)


def _dead_from(story: Story, death: Death) -> float:
    """When everybody has to know. While a fault holds up the reaper, and until it is back, it may be later."""
    limits = story.evidence.limits
    due = death.last_beat + limits.heartbeat_ttl_seconds + limits.reap_interval_seconds + _LATE_SECONDS
    others = [fault for fault in story.evidence.faults if not fault.kind.startswith("server_")]
    if is_under_fault(others, death.last_beat, due):
        due += faulty_seconds(others, death.last_beat, due) + limits.resume_seconds
    return due


def _never_ended(story: Story) -> Violations:
    for row in story.evidence.rows:
        if row.ended is None:
            lines = tuple(told.line for told in story.told_of.get(row.match, ())[-1:])
            yield Violation("I8", f"match {row.match} on {row.server or 'no server'} never ended ({row.status})", lines)
