"""What a claim script is given and what its answers mean, for a batch of proposals."""

import json
from collections.abc import Sequence
from functools import lru_cache

from matchmaking.match import Match, MatchedPlayer, PlayerId, Proposal, Seat, first_status
from matchmaking.recent import recent_line
from matchmaking.stores.redis.words import head_of, matched_player
from matchmaking.stores.whole_parties import parts_a_party

#: The mark of somebody who does not wait in this queue.
_NOBODY = "|||0|0||||"


class ClaimForm:
    """A batch of proposals, written out: everything of a match but its seat is known before the script runs.

    So the script compares, takes a seat and writes; it builds little, which keeps it short for Redis.
    """

    def __init__(
        self, queue: str, now_ms: int, proposals: Sequence[Proposal], *, one_line_in: int = 1, acceptance_ms: int = 0
    ) -> None:
        """One proposal in so many gets a line among the recent matches."""
        self._queue = queue
        self._acceptance_ms = acceptance_ms
        self._status = first_status(acceptance_ms)
        self._here = f"|{queue}|"
        self._now_ms = now_ms
        self._proposals = proposals
        self._teams: list[tuple[tuple[MatchedPlayer, ...], ...]] = []
        #: Names of other queues in which some of these tickets wait, too.
        self.other_queues: dict[str, None] = {}
        self._regions: list[str] = []
        self._heads: list[str] = []
        self._sums: list[str] = []
        self._lines: list[str] = []
        self._sizes: list[int] = []
        self._players: list[PlayerId] = []
        self._marks: list[str] = []
        for number, proposal in enumerate(proposals):
            self._write(proposal, has_line=number % one_line_in == 0)

    @property
    def args(self) -> list[str | int]:
        """As `claim_matches` takes them, from ARGV[7] on."""
        ids = [proposal.match_id for proposal in self._proposals]
        of_proposals: list[str | int] = [*ids, *self._regions, *self._heads, *self._sums, *self._lines, *self._sizes]
        return [len(self._players), *of_proposals, *self._players, *self._marks, *self.other_queues]

    def outcomes(self, answers: Sequence[str]) -> list[Match | str]:
        """A match for each proposal that became one, else the script's word for why not."""
        return [
            word
            if word in ("TAKEN", "NO_SEAT")
            else Match(proposal.match_id, self._queue, region, teams, _seat(word), self._now_ms, self._acceptance_ms)
            for word, proposal, region, teams in zip(answers, self._proposals, self._regions, self._teams, strict=True)
        ]

    def _write(self, proposal: Proposal, *, has_line: bool) -> None:
        teams: list[tuple[MatchedPlayer, ...]] = []
        regions: set[str] = set()
        first, parts = len(self._marks), False
        for entrants in proposal.teams:
            members = []
            parties: list[tuple[PlayerId, str]] = []
            for player_id, mark in entrants:
                if player_id in self._players[first:]:
                    mark = _NOBODY  # nobody plays against himself
                elif not mark.startswith(self._here):
                    mark = self._in_several(mark)
                self._players.append(player_id)
                self._marks.append(mark)
                member, region, party = matched_player(player_id, mark, self._queue, self._now_ms)
                members.append(member)
                if region:
                    regions.add(region)
                if party:
                    parties.append((player_id, party))
            teams.append(tuple(members))
            parts = parts or (bool(parties) and parts_a_party(parties))
        if parts:
            self._marks[first] = _NOBODY
        common = regions.pop() if len(regions) == 1 else ""
        region = common if proposal.region is None else proposal.region
        self._teams.append(tuple(teams))
        self._regions.append(region)
        self._heads.append(
            head_of(self._status, proposal.match_id, self._queue, region, self._now_ms, teams, self._acceptance_ms)
        )
        self._sums.append(repr(sum([member.rating for team in teams for member in team])))
        self._lines.append(recent_line(teams, region, self._now_ms) if has_line else "")
        self._sizes.append(len(self._marks) - first)

    def _in_several(self, mark: str) -> str:
        """The mark of a ticket that waits in this queue and in others; else one that fits no ticket, so that the script
        refuses the proposal."""
        queues = mark.split("|", 2)[1].split(",") if mark.startswith("|") else ()
        if self._queue not in queues:
            return _NOBODY
        self.other_queues.update((queue, None) for queue in queues if queue != self._queue)
        return mark


@lru_cache(maxsize=1024)
def _seat(word: str) -> Seat | None:
    seat = json.loads(word)
    return Seat(**seat) if seat else None
