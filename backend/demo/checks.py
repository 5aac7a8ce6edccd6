"""Did everything hold that always holds? Pure: from what clients were told and what PostgreSQL keeps."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from demo.records import Evidence, MatchRow, ParticipantRow, Told
from demo.settings import ZERO_SUM_QUEUES

#: Rating points. Ratings are doubles; their sums are exact to far less than this.
_TOLERANCE_POINTS = 1e-6

Offences = Iterator[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise: how many things were looked at, and what broke it."""

    name: str
    looked_at: str
    offences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.offences


def judge(evidence: Evidence) -> list[Verdict]:
    """All promises, in the order of the report."""
    return [check(evidence) for check in CHECKS]


def matches_are_made(evidence: Evidence) -> Verdict:
    """Without a match every other promise would hold for nothing."""
    is_idle = len(evidence.player_ids) > 1 and not evidence.matches
    return _verdict(
        "players are matched",
        len(evidence.matches),
        "matches",
        ["nobody was matched: do the workers run? (Flower, or the log of the rounds worker)"] if is_idle else [],
    )


def players_are_in_one_match(evidence: Evidence) -> Verdict:
    """No player is in two live matches at once."""
    offences = [*_told_of_two_matches(evidence.told), *_overlaps_in_history(evidence)]
    return _verdict("a player is in one live match", len(evidence.player_ids), "players", offences)


def tickets_end_once(evidence: Evidence) -> Verdict:
    """Every ticket ends exactly once: matched, left or expired."""
    tickets = _by_ticket(evidence.told)
    return _verdict("every ticket ends exactly once", len(tickets), "tickets", _wrong_endings(tickets))


def players_are_told_the_same(evidence: Evidence) -> Verdict:
    """Every player of a match is told the same match, and PostgreSQL has it once, with the same players."""
    told = _told_by_match(evidence.told)
    return _verdict("all are told the same match", len(told), "matches", _disagreements(told, evidence))


def no_match_is_secret(evidence: Evidence) -> Verdict:
    """PostgreSQL has no match that nobody was told of."""
    told = {answer.match_id for answer in evidence.told}
    offences = [f"match {match.id} ({match.status})" for match in evidence.matches if match.id not in told]
    return _verdict("no match without its players", len(evidence.matches), "rows", offences)


def servers_keep_their_capacity(evidence: Evidence) -> Verdict:
    """No server is given more games than it has seats."""
    offences = [
        f"{beat.server_id} was given {len(set(beat.match_ids))} games for {beat.capacity} seats"
        for beat in evidence.heartbeats
        if len(set(beat.match_ids)) > beat.capacity
    ]
    return _verdict("no server beyond its capacity", len(evidence.heartbeats), "heartbeats", offences)


def ratings_change_once(evidence: Evidence) -> Verdict:
    """A completed match changes ratings once, and with Elo takes from one what it gives to the other; no other match
    does."""
    completed = [match for match in evidence.matches if match.status == "completed"]
    offences = [*_wrong_changes(evidence.matches), *_broken_chains(completed, evidence)]
    return _verdict("ratings change once, zero-sum", len(completed), "completed", offences)


def parties_are_whole(evidence: Evidence) -> Verdict:
    """Players of one party are matched together, in one team, or not at all."""
    offences = [
        f"match {match.id} parts the party of {', '.join(sorted(party))}"
        for party in evidence.parties
        for match in evidence.matches
        if party & match.player_ids and not _are_mates(party, match)
    ]
    return _verdict("parties are matched whole", len(evidence.parties), "parties", offences)


def nothing_fails(evidence: Evidence) -> Verdict:
    """No call gets a 5xx."""
    failed = Counter((call.status, call.method, call.path) for call in evidence.calls if call.status >= 500)
    offences = [f"{times} x {status} {method} {path}" for (status, method, path), times in failed.most_common()]
    return _verdict("no 5xx answer", len(evidence.calls), "calls", offences)


CHECKS: tuple[Callable[[Evidence], Verdict], ...] = (
    matches_are_made,
    players_are_in_one_match,
    tickets_end_once,
    players_are_told_the_same,
    no_match_is_secret,
    servers_keep_their_capacity,
    ratings_change_once,
    parties_are_whole,
    nothing_fails,
)


def _verdict(name: str, count: int, of_what: str, offences: Iterable[str]) -> Verdict:
    return Verdict(name, f"{count:,} {of_what}", tuple(offences))


def _are_mates(party: frozenset[str], match: MatchRow) -> bool:
    teams = [participant.team for participant in match.participants if participant.player_id in party]
    return len(teams) == len(party) and len(set(teams)) == 1


def _told_of_two_matches(told: Iterable[Told]) -> Offences:
    """Walk through each player's answers: a live match gives way to another one only after its end."""
    live: dict[str, str] = {}
    ended: set[tuple[str, str]] = set()
    for answer in told:
        player = answer.player_id
        before = live.pop(player, None)
        if answer.status != "matched" or answer.match_id is None:
            ended |= {(player, before)} if before else set()
            continue
        if before not in (None, answer.match_id):
            yield f"player {player} was told {answer.match_id} while in {before}"
        if (player, answer.match_id) in ended:
            yield f"player {player} was told {answer.match_id} again after its end"
        live[player] = answer.match_id


def _overlaps_in_history(evidence: Evidence) -> Offences:
    for player, matches in _by_player(evidence.matches).items():
        if player not in evidence.player_ids:
            continue
        for earlier, later in pairwise(sorted(matches, key=lambda match: match.created_seconds)):
            if earlier.ended_seconds is None or earlier.ended_seconds > later.created_seconds:
                yield f"player {player}: {later.id} began before {earlier.id} ended"


def _by_ticket(told: Iterable[Told]) -> dict[tuple[str, int], list[Told]]:
    tickets: dict[tuple[str, int], list[Told]] = defaultdict(list)
    for answer in told:
        tickets[answer.player_id, answer.ticket].append(answer)
    return tickets


def _wrong_endings(tickets: dict[tuple[str, int], list[Told]]) -> Offences:
    """A match that an earlier ticket led to is no ending of a later one."""
    known: dict[str, set[str]] = defaultdict(set)
    for (player, ticket), answers in sorted(tickets.items()):
        endings = {ending for answer in answers if (ending := _ending_of(answer, known[player]))}
        known[player] |= {answer.match_id for answer in answers if answer.match_id}
        if not endings:
            yield f"ticket {ticket} of player {player} never ended (last told: {answers[-1].status})"
        elif len(endings) > 1:
            yield f"ticket {ticket} of player {player} ended {len(endings)} times: {', '.join(sorted(endings))}"


def _ending_of(answer: Told, known_matches: set[str]) -> str | None:
    if answer.match_id and answer.match_id not in known_matches:
        return f"matched {answer.match_id}"
    is_left_before = answer.status == "not_in_queue" and answer.call == "leave" and answer.is_repeat
    has_leader_left = answer.is_follower and answer.status == "not_in_queue"
    if answer.status == "left" or is_left_before or has_leader_left:
        return "left"
    return "expired" if answer.status == "expired" else None


def _told_by_match(told: Iterable[Told]) -> dict[str, list[Told]]:
    matches: dict[str, list[Told]] = defaultdict(list)
    for answer in told:
        if answer.match_id:
            matches[answer.match_id].append(answer)
    return matches


def _disagreements(told: dict[str, list[Told]], evidence: Evidence) -> Offences:
    rows: dict[str, list[MatchRow]] = defaultdict(list)
    for match in evidence.matches:
        rows[match.id].append(match)
    for match_id, answers in told.items():
        line_ups = {answer.participants for answer in answers if answer.participants}
        if len(line_ups) > 1:
            yield f"match {match_id} was told with {len(line_ups)} different line-ups"
        if len(rows[match_id]) != 1:
            yield f"match {match_id} is in PostgreSQL {len(rows[match_id])} times"
            continue
        recorded = rows[match_id][0].player_ids
        if any(line_up != recorded for line_up in line_ups):
            yield f"match {match_id} has other players in PostgreSQL than its players were told"
        for player in sorted((recorded & evidence.player_ids) - {answer.player_id for answer in answers}):
            yield f"match {match_id}: player {player} was never told"


def _wrong_changes(matches: Iterable[MatchRow]) -> Offences:
    for match in matches:
        changes = [
            participant.rating_after - participant.rating_before
            for participant in match.participants
            if participant.rating_before is not None and participant.rating_after is not None
        ]
        if match.status != "completed":
            if changes:
                yield f"match {match.id} is {match.status} and has changed ratings"
        elif len(changes) != len(match.participants):
            yield f"match {match.id} is completed and {len(match.participants) - len(changes)} ratings did not change"
        elif match.queue in ZERO_SUM_QUEUES and abs(sum(changes)) > _TOLERANCE_POINTS:
            yield f"match {match.id} changed the sum of ratings by {sum(changes):+.3f}"


def _broken_chains(completed: list[MatchRow], evidence: Evidence) -> Offences:
    """Each change begins where the one before has ended; the profile shows the last one and counts them all."""
    by_player = _by_player(completed)
    for profile in evidence.profiles:
        player = profile.player_id
        of_queue = [match for match in by_player.get(player, []) if match.queue == profile.queue]
        steps = _steps_of(player, of_queue)
        if not profile.games == profile.wins + profile.losses + profile.draws == len(steps):
            yield (
                f"player {player} has {len(steps)} completed matches of {profile.queue} and {profile.games} games in "
                "the profile"
            )
        for earlier, later in pairwise(steps):
            if earlier.rating_after != later.rating_before:
                yield f"player {player}: {earlier.rating_after} after a match, {later.rating_before} before the next"
        last = steps[-1].rating_after if steps else None
        if last is not None and abs(last - profile.elo_rating) > 0.5 + _TOLERANCE_POINTS:
            yield f"player {player} ended at {last:.1f} and the profile says {profile.elo_rating}"


def _steps_of(player: str, completed: list[MatchRow]) -> list[ParticipantRow]:
    """The player's part in each match, in the order in which the matches ended."""
    in_order = sorted(completed, key=lambda match: match.ended_seconds or 0.0)
    return [participant for match in in_order for participant in match.participants if participant.player_id == player]


def _by_player(matches: Iterable[MatchRow]) -> dict[str, list[MatchRow]]:
    by_player: dict[str, list[MatchRow]] = defaultdict(list)
    for match in matches:
        for player in match.player_ids:
            by_player[player].append(match)
    return by_player
