"""What callers are told: outcomes as JSON trees. Pure. These names are the API's contract."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from matchmaking.expectations.eta import Eta
from matchmaking.expectations.reason import Reason
from matchmaking.history import instant, teams_of
from matchmaking.match import Match, MatchedPlayer, MatchId, PlayerId
from matchmaking.models import MatchRecord, OpenSeat, Participant, SeatStatus
from matchmaking.party import members_of, party_id_of
from matchmaking.rules import QueueRules
from matchmaking.services.explain_ticket import Explanation
from matchmaking.services.keep_expectations import Outlook
from matchmaking.services.pending_match import Acceptance
from matchmaking.ticket import Ended, Expired, KeptTicket, Left, Matched, NotInQueue, Waiting
from players.tokens import PlayerCaller

Tree = dict[str, Any]


def whole(rating: float) -> int:
    """Ratings are shown in whole points."""
    return round(rating)


def of_waiting(waiting: Waiting, rules: QueueRules, now_ms: int) -> Tree:
    waited_ms = max(0, now_ms - waiting.joined_ms)
    reach = rules.search_window.reach(waited_ms / 1000)
    tree: Tree = {
        "status": "waiting",
        "queue": waiting.queue,
        "queues": list(waiting.queues),
        "your_elo": whole(waiting.rating),
        "waiting_time": waited_ms // 1000,
        "search_window": {"min": whole(waiting.rating - reach), "max": whole(waiting.rating + reach)},
        "queue_position": waiting.position,
        "queue_size": waiting.size,
        "queue_stats": {
            "total_waiting": waiting.size,
            "average_elo": whole(waiting.rating_sum / waiting.size) if waiting.size else None,
        },
    }
    if waiting.party:
        tree["party"] = {"id": party_id_of(waiting.party), "members": list(members_of(waiting.party))}
    return tree


def of_eta(eta: Eta) -> Tree:
    return {"p50_seconds": eta.p50_seconds, "p90_seconds": eta.p90_seconds, "of_matches": eta.of_matches}


def of_reason(reason: Reason | None) -> Tree | None:
    return None if reason is None else asdict(reason)


def of_outlook(outlook: Outlook) -> Tree:
    """What a waiting player may expect; nulls where nobody knows."""
    return {"eta": of_eta(outlook.eta), "reason": of_reason(outlook.reason)}


def of_explanation(explained: Explanation) -> Tree:
    return {
        "queue": explained.queue,
        "elo_rating": whole(explained.rating),
        "waiting_time": explained.waited_ms // 1000,
        "search_window": {
            "min": whole(explained.rating - explained.reach),
            "max": whole(explained.rating + explained.reach),
        },
        "others": explained.others,
        "in_reach": explained.in_reach,
        "accepting": explained.accepting,
        "nearest": [
            {
                "player": one.player_id,
                "elo_rating": whole(one.rating),
                "gap": round(one.gap, 1),
                "waiting_time": one.waited_ms // 1000,
                "blocked_by": list(one.blocked_by),
            }
            for one in explained.nearest
        ],
        "eta": of_eta(explained.eta),
        "reason": of_reason(explained.reason),
    }


def kept_of(waiting: Waiting, player: PlayerCaller) -> KeptTicket:
    """The ticket as its player may keep it."""
    return KeptTicket(
        id=waiting.ticket_id,
        player_id=PlayerId(player.id),
        username=player.username,
        queues=waiting.queues,
        region=waiting.region,
        ratings=waiting.ratings,
        joined_ms=waiting.joined_ms,
        party=waiting.party,
        traits=waiting.traits,
    )


def of_matched(matched: Matched, player_id: PlayerId, acceptance: Acceptance | None = None) -> Tree:
    """A live match, and of an opponent's team the first player; while its players are asked, how far they are."""
    opponent = next(
        (team[0] for team in matched.match.teams if team and all(player.id != player_id for player in team)),
        None,
    )
    return {
        "status": "matched",
        "match": of_match(matched.match, matched.status)
        | ({"acceptance": of_acceptance(acceptance)} if acceptance else {}),
        "opponent": {"username": opponent.username, "elo_rating": whole(opponent.rating)} if opponent else None,
    }


def of_ended(ended: Ended) -> Tree:
    """The last match is over: not in any queue, and how it ended."""
    return {"status": "not_in_queue", "last_match": {"id": ended.match_id, "status": ended.status}}


def of_ticket(
    outcome: Waiting | Matched | Ended | Expired | Left | NotInQueue,
    *,
    player_id: PlayerId,
    rules: Any,
    now_ms: int,
    acceptance: Acceptance | None = None,
) -> Tree:
    """Any outcome of join, status and leave. `rules` maps queue names to their rules."""
    match outcome:
        case Waiting():
            return of_waiting(outcome, rules[outcome.queue], now_ms)
        case Matched():
            return of_matched(outcome, player_id, acceptance)
        case Ended():
            return of_ended(outcome)
        case Expired():
            return {"status": "expired", "queue": outcome.queue}
        case Left():
            return {"status": "left"}
        case NotInQueue():
            return {"status": "not_in_queue"}


def of_match(match: Match, status: str) -> Tree:
    server = match.server
    return {
        "id": match.id,
        "queue": match.queue,
        "teams": [[of_player(player) for player in team] for team in match.teams],
        "server": {"host": server.host, "port": server.port, "region": server.region} if server else None,
        "status": status,
        "created_at": instant(match.created_ms).isoformat(timespec="milliseconds"),
    }


def of_acceptance(acceptance: Acceptance) -> Tree:
    return {
        "accepted": acceptance.accepted,
        "of": acceptance.of,
        "you": acceptance.is_by_player,
        "until": acceptance.until.isoformat(timespec="milliseconds"),
        "seconds_left": round(acceptance.seconds_left, 1),
    }


def of_player(player: MatchedPlayer) -> Tree:
    return {"id": player.id, "username": player.username, "elo_rating": whole(player.rating)}


def of_record(record: MatchRecord, acceptance: Acceptance | None = None) -> Tree:
    """A match from history: as above, and how it ended; while its players are asked, how far they are."""
    participants = list(record.participants.all())
    server = record.server
    return {
        "id": str(record.id),
        "queue": record.queue,
        "teams": [[_of_participant(p) for p in participants if p.team == team] for team in teams_of(participants)],
        "server": {"host": server["host"], "port": server["port"], "region": server["region"]} if server else None,
        "status": record.status,
        "created_at": record.created_at.isoformat(timespec="milliseconds"),
        "ended_at": record.ended_at.isoformat(timespec="milliseconds") if record.ended_at else None,
        "ranks": record.ranks,
        "win_probabilities": record.win_probabilities,
        **({"acceptance": of_acceptance(acceptance)} if acceptance else {}),
    }


def of_seats(match_id: MatchId, seats: Sequence[OpenSeat], now_ms: int) -> Tree:
    """The seats that were asked for in a match, as `open_seats.asked_seats` finds them."""
    return {"match": match_id, "seats": [_of_seat(seat, now_ms) for seat in seats]}


def _of_seat(seat: Any, now_ms: int) -> Tree:
    has_expired = seat.status == SeatStatus.OPEN and seat.ends_at <= instant(now_ms)
    return {
        "leaver": str(seat.leaver_id),
        "team": seat.team,
        "status": "expired" if has_expired else seat.status,
        "opened_at": seat.opened_at.isoformat(timespec="milliseconds"),
        "ends_at": seat.ends_at.isoformat(timespec="milliseconds"),
        "player": {
            "id": str(seat.filled_by),
            "username": seat.newcomer_name,
            "elo_rating": whole(seat.newcomer_rating),
        }
        if seat.filled_by
        else None,
    }


def _of_participant(participant: Participant) -> Tree:
    before, after = participant.rating_before, participant.rating_after
    return {
        "id": str(participant.player_id),
        "username": participant.username,
        "elo_rating": whole(participant.ticket_rating),
        "elo_before": None if before is None else whole(before),
        "elo_after": None if after is None else whole(after),
        "joined_at": participant.joined_at.isoformat(timespec="milliseconds") if participant.joined_at else None,
        "left_at": participant.left_at.isoformat(timespec="milliseconds") if participant.left_at else None,
    }
