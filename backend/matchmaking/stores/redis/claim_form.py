"""What a claim script is given and what its answers mean, for a batch of proposals."""

import json
from collections.abc import Sequence
from functools import lru_cache
from json.encoder import encode_basestring as quoted

from matchmaking.engine.traits import traits_of
from matchmaking.match import Match, MatchedPlayer, PlayerId, Proposal, Seat, TicketId, first_status
from matchmaking.stores.whole_parties import parts_a_party

#: The mark of somebody who does not wait in this queue.
_NOBODY = "|||0|0||||"


class ClaimForm:
    """A batch of proposals, written out: everything of a match but its seat is known before the script runs.

    So the script compares, takes a seat and writes; it builds nothing, which keeps it short for Redis.
    """

    def __init__(self, queue: str, now_ms: int, proposals: Sequence[Proposal], acceptance_ms: int = 0) -> None:
        self._queue = queue
        self._acceptance_ms = acceptance_ms
        #: How the text of each match begins, and what a match says that waits for acceptance.
        self._status, self._asked = (
            first_status(acceptance_ms),
            f',"acceptance_ms":{acceptance_ms}' if acceptance_ms else "",
        )
        self._here = f"|{queue}|"
        self._now_ms = now_ms
        self._proposals = proposals
        self._teams: list[tuple[tuple[MatchedPlayer, ...], ...]] = []
        self._regions: list[str] = []
        #: Names of other queues in which some of these tickets wait, too.
        self.other_queues: dict[str, None] = {}
        #: As `claim_matches` takes them, from ARGV[7] on.
        self.args: list[str | int] = []
        for proposal in proposals:
            self._write(proposal)

    def outcomes(self, answers: Sequence[str]) -> list[Match | str]:
        """A match for each proposal that became one, else the script's word for why not."""
        return [
            word
            if word in ("TAKEN", "NO_SEAT")
            else Match(proposal.match_id, self._queue, region, teams, _seat(word), self._now_ms, self._acceptance_ms)
            for word, proposal, region, teams in zip(answers, self._proposals, self._regions, self._teams, strict=True)
        ]

    def _write(self, proposal: Proposal) -> None:
        regions, rating_sum = set(), 0.0
        teams, texts, means, waited = [], [], [], []
        players: list[str | int] = []
        for entrants in proposal.teams:
            members, written = [], []
            parties: list[tuple[PlayerId, str]] | None = None
            team_sum = 0.0
            for player_id, mark in entrants:
                if not mark.startswith(self._here) or player_id in players:
                    mark = _NOBODY if player_id in players else self._in_several(mark)
                _, queues, ticket_id, rating, joined_ms, named, party, traits, username = mark.split("|", 8)
                if "," in queues:
                    rating = rating.split(",")[queues.split(",").index(self._queue)]
                waited_ms = max(0, self._now_ms - int(joined_ms))
                points = float(rating)
                team_sum += points
                if named:
                    regions.add(named)
                if party:
                    parties = [*(parties or ()), (player_id, party)]
                deviation = traits_of(traits).deviation if traits else 0.0
                members.append(MatchedPlayer(player_id, username, points, waited_ms, TicketId(ticket_id), deviation))
                said = f',"deviation":{deviation!r}' if deviation else ""
                written.append(
                    f'{{"id":"{player_id}","username":{quoted(username)},"rating":{rating},'
                    f'"waited_ms":{waited_ms},"ticket_id":"{ticket_id}"{said}}}'
                )
                waited.append(f"{rating}:{waited_ms}")
                players += [player_id, mark]
            if parties is not None and parts_a_party(parties):
                players[1] = _NOBODY
            rating_sum += team_sum
            means.append(team_sum / len(members))
            teams.append(tuple(members))
            texts.append("[" + ",".join(written) + "]")
        common = regions.pop() if len(regions) == 1 else ""
        region = common if proposal.region is None else proposal.region
        head = (
            f'{self._status} {{"id":"{proposal.match_id}","queue":"{self._queue}","region":"{region}",'
            f'"created_ms":{self._now_ms}{self._asked},"teams":[{",".join(texts)}],"server":'
        )
        self._teams.append(tuple(teams))
        self._regions.append(region)
        line = f"{self._now_ms}|{region}|{max(means) - min(means):.6g}|{','.join(waited)}"
        self.args += [proposal.match_id, region, head, repr(rating_sum), line, len(players) // 2, *players]

    def _in_several(self, mark: str) -> str:
        """The mark of a ticket that waits in this queue and in others; else one that fits no ticket, so that the script
        refuses the proposal, as it does where somebody would play against himself."""
        queues = mark.split("|", 2)[1].split(",") if mark.startswith("|") else ()
        if self._queue not in queues:
            return _NOBODY
        self.other_queues.update((queue, None) for queue in queues if queue != self._queue)
        return mark


@lru_cache(maxsize=1024)
def _seat(word: str) -> Seat | None:
    seat = json.loads(word)
    return Seat(**seat) if seat else None
