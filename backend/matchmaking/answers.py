"""What callers are told: outcomes as JSON trees. Pure. These names are the API's contract."""

from typing import Any

from matchmaking.history import instant, teams_of
from matchmaking.match import Match, MatchedPlayer, PlayerId
from matchmaking.models import MatchRecord, Participant
from matchmaking.rules import QueueRules
from matchmaking.ticket import Ended, Expired, KeptTicket, Left, Matched, NotInQueue, Waiting
from players.tokens import PlayerCaller

Tree = dict[str, Any]


def whole(rating: float) -> int:
    """Ratings are shown in whole points."""
    return round(rating)


def of_waiting(waiting: Waiting, rules: QueueRules, now_ms: int) -> Tree:
    waited_ms = max(0, now_ms - waiting.joined_ms)
    reach = rules.search_window.reach(waited_ms / 1000)
    return {
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


def of_matched(matched: Matched, player_id: PlayerId) -> Tree:
    """A live match, and of an opponent's team the first player."""
    opponent = next(
        (team[0] for team in matched.match.teams if all(player.id != player_id for player in team)),
        None,
    )
    return {
        "status": "matched",
        "match": of_match(matched.match, matched.status),
        "opponent": {"username": opponent.username, "elo_rating": whole(opponent.rating)} if opponent else None,
    }


def of_ended(ended: Ended) -> Tree:
    """The last match is over: not in any queue, and how it ended."""
    return {"status": "not_in_queue", "last_match": {"id": ended.match_id, "status": ended.status}}


def of_ticket(
    outcome: Waiting | Matched | Ended | Expired | Left | NotInQueue, *, player_id: PlayerId, rules: Any, now_ms: int
) -> Tree:
    """Any outcome of join, status and leave. `rules` maps queue names to their rules."""
    match outcome:
        case Waiting():
            return of_waiting(outcome, rules[outcome.queue], now_ms)
        case Matched():
            return of_matched(outcome, player_id)
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


def of_player(player: MatchedPlayer) -> Tree:
    return {"id": player.id, "username": player.username, "elo_rating": whole(player.rating)}


def of_record(record: MatchRecord) -> Tree:
    """A match from history: as above, and how it ended."""
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
    }


def _of_participant(participant: Participant) -> Tree:
    before, after = participant.rating_before, participant.rating_after
    return {
        "id": str(participant.player_id),
        "username": participant.username,
        "elo_rating": whole(participant.ticket_rating),
        "elo_before": None if before is None else whole(before),
        "elo_after": None if after is None else whole(after),
    }
