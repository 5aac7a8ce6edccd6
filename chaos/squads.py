"""Players of the queue `squads`: parties of two and players alone, who are asked before their match begins, and who may
find themselves in one that runs."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from chaos import settings
from chaos.client import Answer, Client
from chaos.log import RunLog
from chaos.records import Seen

#: Of the accounts, which live for one run.
_PASSWORD = "five-in-a-row-wins"

Tree = dict[str, Any]


class Member:
    """One account with a connection of its own."""

    def __init__(self, username: str, port: int, log: RunLog) -> None:
        self.username, self.id = username, ""
        self._client, self._log = Client(port), log
        self._access = ""
        #: As last told.
        self.status, self.match, self.is_asked = "", "", False
        #: What was answered to whom asked: once for each match.
        self.decided: set[str] = set()

    async def register(self) -> None:
        account = {"username": self.username, "password": _PASSWORD}
        answer = await self._insist("POST", "players/register/", account)
        if answer.http == 409:  # the first try came through, its answer did not
            answer = await self._insist("POST", "token/", account)
        self._access = answer.body["access"]
        self.id = answer.body.get("id") or (await self._insist("GET", "players/me/", None)).body["id"]

    async def form(self, other: "Member") -> str:
        """The id of our party, with the other in it."""
        made = await self._insist("POST", "parties/", {})
        if made.http not in (200, 201):
            made = await self._insist("GET", "parties/mine/", None)
        await other._insist("POST", "parties/join/", {"code": made.body["code"]})
        return str(made.body["id"])

    async def ask(self) -> Tree:
        """My status, until there is an answer; {} where nobody answered for long."""
        return await self._follow("status", "GET", "matchmaking/status/", None)

    async def join(self, party: str) -> Tree:
        return await self._follow("join", "POST", "matchmaking/join/", {"queue": "squads", **_party(party)})

    async def leave(self) -> Tree:
        return await self._follow("leave", "POST", "matchmaking/leave/", {})

    async def decide(self, word: str) -> None:
        """`accept` or `decline` the match that I am asked about."""
        match = self.match
        self.decided.add(match)
        await self._follow(word, "POST", f"matches/{match}/{word}/", {})

    def close(self) -> None:
        self._client.close()

    async def _follow(self, call: str, method: str, path: str, body: Tree | None) -> Tree:
        give_up = time.time() + settings.LONGEST_REFUSAL_SECONDS
        while time.time() < give_up:
            answer = await self._send(method, path, body)
            self._note(call, path, answer)
            if answer.http == 401:
                await self._sign_in()
            elif not answer.is_try_again:
                return answer.body
            else:
                await asyncio.sleep(answer.pause_seconds)
        return {}

    def _note(self, call: str, path: str, answer: Answer) -> None:
        body = answer.body
        is_decision = call in ("accept", "decline")
        match = body.get("match") or {}
        if answer.http == 200 and not is_decision:
            self.status, self.match = str(body.get("status") or ""), str(match.get("id") or "")
            asked = match.get("acceptance")
            self.is_asked = match.get("status") == "pending_acceptance" and not (asked and asked["you"])
        self._log.write(
            Seen(
                line=self._log.next_line(),
                player=self.id,
                call=call,
                http=answer.http,
                asked=answer.asked,
                told=answer.told,
                status=str(body.get("status") or "") if answer.http == 200 else "",
                match=path.split("/")[1] if is_decision else str(match.get("id") or ""),
                match_status=str(match.get("status") or ""),
                players=tuple(player["id"] for team in match.get("teams", ()) for player in team),
                retry_after=answer.headers.get("retry-after", ""),
            )
        )

    async def _sign_in(self) -> None:
        account = {"username": self.username, "password": _PASSWORD}
        self._access = (await self._insist("POST", "token/", account)).body["access"]

    async def _insist(self, method: str, path: str, body: Tree | None) -> Answer:
        while True:
            answer = await self._send(method, path, body)
            if not answer.is_try_again:
                return answer
            await asyncio.sleep(answer.pause_seconds)

    async def _send(self, method: str, path: str, body: Tree | None) -> Answer:
        headers = {"Authorization": f"Bearer {self._access}"} if self._access else {}
        return await self._client.call(method, settings.API + path, body=body, headers=headers)


class Squad:
    """A party of two, or a player alone: joins, is asked, plays, and begins again."""

    def __init__(
        self, members: Sequence[Member], dice: random.Random, last_match_seconds: float, host: Callable[[Tree], None]
    ) -> None:
        self.members, self._dice, self._host = members, dice, host
        self._last_match_seconds = last_match_seconds
        self._party = ""

    async def register(self) -> None:
        for member in self.members:
            await member.register()
        if len(self.members) > 1:
            self._party = await self.members[0].form(self.members[1])

    async def play(self, until: float) -> None:
        """Join again and again until then; finish what has begun."""
        while time.time() < until:
            await self._pause(settings.THINK_SECONDS)
            await self.members[0].join(self._party)
            await self._see_through(until)

    async def _see_through(self, until: float) -> None:
        """Until nobody of us has a ticket or a match."""
        give_up = until + settings.LAST_RESULTS_SECONDS
        while time.time() < give_up:
            await self._pause(settings.POLL_SECONDS)
            told = await asyncio.gather(*(member.ask() for member in self.members))
            for tree in told:
                match = tree.get("match") or {}
                if match and match["server"] is None and match["status"] != "pending_acceptance":
                    self._host(match)
            if all(member.status not in ("waiting", "matched") for member in self.members):
                return
            await asyncio.gather(*(self._decide(member) for member in self.members))
            is_late = time.time() > until + self._last_match_seconds
            is_leaving = is_late or self._dice.random() < settings.LEAVE_SHARE
            if is_leaving and all(member.status == "waiting" for member in self.members):
                await self.members[-1].leave()

    async def _decide(self, member: Member) -> None:
        if member.is_asked and member.match not in member.decided:
            is_no = self._dice.random() < settings.DECLINE_SHARE
            await member.decide("decline" if is_no else "accept")

    def close(self) -> None:
        for member in self.members:
            member.close()

    async def _pause(self, least_and_most: tuple[float, float]) -> None:
        await asyncio.sleep(self._dice.uniform(*least_and_most))


def _party(party: str) -> Tree:
    return {"party": party} if party else {}
