"""A simulated player: an account, a true strength, and an evening of joining, waiting and playing."""

import asyncio
import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from demo.api import Answer, Api, Refused
from demo.records import PlayLog, Profile, Told
from demo.settings import (
    LEAVES_SHARE,
    MATCH_POLL_SECONDS,
    QUEUE,
    REGION_SHARE,
    REGIONS,
    STATUS_POLL_SECONDS,
    STRENGTH_LIMITS_POINTS,
    STRENGTH_MEAN_POINTS,
    STRENGTH_SPREAD_POINTS,
    THINK_SECONDS,
    WAIT_BEFORE_LEAVING_SECONDS,
)

#: Of the accounts, which live for one run.
_PASSWORD = "five-in-a-row-wins"  # noqa: S105

Tree = dict[str, Any]


class Phase(StrEnum):
    THINKING = "thinking"
    WAITING = "waiting"
    PLAYING = "playing"


#: What an answer about a ticket means for the player.
_PHASE_AFTER = {"waiting": Phase.WAITING, "matched": Phase.PLAYING}


class SimulatedPlayer:
    """Joins, asks until there is a match, waits for its end, thinks, joins again."""

    def __init__(
        self, *, username: str, api: Api, log: PlayLog, dice: random.Random, host_match: Callable[[Tree], None]
    ) -> None:
        """`host_match` is called for every match without a game server."""
        self.username = username
        self.phase = Phase.THINKING
        self.id = ""
        #: The queues that this player joins, and the party that he leads or follows into them.
        self.queues: tuple[str, ...] = (QUEUE,)
        self.party_id = ""
        self.is_follower = False
        self._api, self._log, self._dice, self._host_match = api, log, dice, host_match
        self._access, self._refresh = "", ""
        self._ticket = 0
        #: When we asked for the ticket that waits; None while none does.
        self._joined_seconds: float | None = None

    async def register(self) -> None:
        """Make the account. Raises `Refused`."""
        account = {"username": self.username, "password": _PASSWORD}
        answer = await self._api.call("POST", "players/register/", body=account)
        if answer.status == 409 and answer.is_repeat:
            answer = await self._api.call("POST", "token/", body=account)
        if answer.status not in (200, 201):
            raise Refused(f"players cannot register: {answer.status} {answer.body.get('detail', '')}")
        self._keep_tokens(answer.body)
        self.id = answer.body.get("id") or (await self.call("GET", "players/me/")).body["id"]
        strength = self._dice.gauss(STRENGTH_MEAN_POINTS, STRENGTH_SPREAD_POINTS)
        least, most = STRENGTH_LIMITS_POINTS
        self._log.true_strengths[self.id] = max(least, min(most, strength))

    async def play(self, until_seconds: float) -> None:
        """Play until then; who waits then leaves, and who plays then plays to the end."""
        if self.is_follower:
            return await self._follow_the_leader(until_seconds)
        await self._pause(THINK_SECONDS)
        while time.monotonic() < until_seconds:
            if await self._join():
                await self._wait(min(until_seconds, self._patience_ends_seconds()))
                await self._see_the_match_through()
            await self._pause(THINK_SECONDS)

    async def _follow_the_leader(self, until_seconds: float) -> None:
        """Ask what became of the party's ticket, until it is over with the evening."""
        while time.monotonic() < until_seconds or self.phase is not Phase.THINKING:
            await self._pause(STATUS_POLL_SECONDS)
            await self._ask("GET", "status")

    async def read_profile(self) -> None:
        """Write down the profile as it is now, queue by queue."""
        ratings = (await self.call("GET", "players/me/")).body.get("ratings", {})
        for queue in self.queues:
            rating = ratings.get(queue) or {"elo_rating": 0, "games": 0, "wins": 0, "losses": 0, "draws": 0}
            counted = {name: rating[name] for name in ("elo_rating", "games", "wins", "losses", "draws")}
            self._log.profiles.append(Profile(self.id, **counted, queue=queue))

    async def close(self) -> None:
        await self._api.close()

    async def _join(self) -> bool:
        """Whether there is a ticket now."""
        self._ticket += 1
        self._joined_seconds = time.monotonic()
        region = {"region": self._dice.choice(REGIONS)} if self._dice.random() < REGION_SHARE else {}
        where = {"queue": self.queues[0]} if len(self.queues) == 1 else {"queues": list(self.queues)}
        party = {"party": self.party_id} if self.party_id else {}
        return await self._ask("POST", "join", body={**where, **party, **region}) is not None

    async def _wait(self, leaves_at_seconds: float) -> None:
        while self.phase is Phase.WAITING:
            await self._pause(STATUS_POLL_SECONDS, until_seconds=leaves_at_seconds)
            is_leaving = time.monotonic() >= leaves_at_seconds
            told = await (self._ask("POST", "leave") if is_leaving else self._ask("GET", "status"))
            if told and told.status == "left":
                await self._look_back()

    async def _look_back(self) -> None:
        """Who was told "left" must not be matched by a round that was on its way."""
        await self._pause(THINK_SECONDS)
        await self._ask("GET", "status")

    async def _see_the_match_through(self) -> None:
        while self.phase is Phase.PLAYING:
            await self._pause(MATCH_POLL_SECONDS)
            await self._ask("GET", "status")

    async def _ask(self, method: str, call: str, *, body: Tree | None = None) -> Told | None:
        """Write down and follow what we are told about our ticket; None where we are told nothing about it."""
        answer = await self.call(method, f"matchmaking/{call}/", body=body)
        if self.is_follower and self.phase is Phase.THINKING and answer.status == 200:
            if answer.body["status"] not in _PHASE_AFTER:
                return None  # nothing has begun
            self._ticket += 1
            self._joined_seconds = answer.asked_seconds
        told = self._told(call, answer)
        if told is None:
            return None
        self._log.told.append(told)
        self._follow(told)
        match = answer.body.get("match")
        if match and match["status"] == "pending_acceptance":
            await self._accept(match)
        elif match and match["server"] is None:
            self._host_match(match)
        return told

    async def _accept(self, match: Tree) -> None:
        if not match.get("acceptance", {}).get("you"):
            await self.call("POST", f"matches/{match['id']}/accept/")

    def _follow(self, told: Told) -> None:
        self.phase = _PHASE_AFTER.get(told.status, Phase.THINKING)
        if self._joined_seconds is not None and told.match_id:
            self._log.waits_seconds.append(told.told_seconds - self._joined_seconds)
        if self.phase is not Phase.WAITING:
            self._joined_seconds = None

    def _told(self, call: str, answer: Answer) -> Told | None:
        match = answer.body.get("match") or {}
        is_refused_leave = answer.status == 409 and bool(match)
        if answer.status != 200 and not is_refused_leave:
            return None
        return Told(
            player_id=self.id,
            ticket=self._ticket,
            call=call,
            status="matched" if is_refused_leave else answer.body["status"],
            match_id=match.get("id") or (answer.body.get("last_match") or {}).get("id"),
            participants=frozenset(player["id"] for team in match.get("teams", []) for player in team),
            asked_seconds=answer.asked_seconds,
            told_seconds=answer.told_seconds,
            is_repeat=answer.is_repeat,
            is_follower=self.is_follower,
        )

    async def call(self, method: str, path: str, *, body: Tree | None = None) -> Answer:
        """A call as this player, with fresh tokens where the old ones have expired."""
        answer = await self._api.call(method, path, body=body, headers=self._bearer())
        if answer.status != 401:
            return answer
        await self._renew_tokens()
        return await self._api.call(method, path, body=body, headers=self._bearer())

    async def _renew_tokens(self) -> None:
        renewed = await self._api.call("POST", "token/refresh/", body={"refresh": self._refresh})
        if renewed.status == 401:  # an answer with newer ones was lost on its way
            renewed = await self._api.call("POST", "token/", body={"username": self.username, "password": _PASSWORD})
        if renewed.status == 200:
            self._keep_tokens(renewed.body)

    def _keep_tokens(self, body: Tree) -> None:
        self._access, self._refresh = body["access"], body["refresh"]

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._access}"}

    def _patience_ends_seconds(self) -> float:
        """When to leave without a match: for most players, never."""
        if self.party_id or self._dice.random() >= LEAVES_SHARE:
            return float("inf")
        return time.monotonic() + self._dice.uniform(*WAIT_BEFORE_LEAVING_SECONDS)

    async def _pause(self, least_and_most: tuple[float, float], *, until_seconds: float = float("inf")) -> None:
        seconds = self._dice.uniform(*least_and_most)
        await asyncio.sleep(max(0.0, min(seconds, until_seconds - time.monotonic())))
