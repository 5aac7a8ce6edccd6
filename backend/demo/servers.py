"""Simulated game servers, and the studio's back end for matches that have no server."""

import asyncio
import math
import random
import time
from collections.abc import Mapping
from typing import Any

from demo.api import Answer, Api, Refused
from demo.records import Heartbeat, PlayLog
from demo.settings import DRAIN_SECONDS, DRAW_SHARE, HEARTBEAT_SECONDS, MATCH_SECONDS, STRENGTH_MEAN_POINTS
from players.elo import SCALE_POINTS

Tree = dict[str, Any]


def draw_ranks(match: Tree, true_strengths: Mapping[str, float], dice: random.Random) -> list[int]:
    """Ranks of the teams, as likely as their players' true strengths make them: each team's day is its strength and a
    Gumbel draw, which makes any two of them win as often as Elo expects (Plackett-Luce)."""
    if dice.random() < DRAW_SHARE:
        return [1] * len(match["teams"])
    days = [
        _strength_of(team, true_strengths) - SCALE_POINTS / math.log(10) * math.log(dice.expovariate(1.0))
        for team in match["teams"]
    ]
    return [1 + sum(other > day for other in days) for day in days]


def _strength_of(team: list[Tree], true_strengths: Mapping[str, float]) -> float:
    """The mean; players that are not ours are of mean strength."""
    return sum(true_strengths.get(player["id"], STRENGTH_MEAN_POINTS) for player in team) / len(team)


class Hosting:
    """Matches being played: each once, its result kept until the service has taken it."""

    def __init__(self, api: Api, log: PlayLog, dice: random.Random) -> None:
        self._api, self._log, self._dice = api, log, dice
        self._ranks: dict[str, list[int]] = {}
        self._reported: set[str] = set()
        self._games: dict[str, asyncio.Task[None]] = {}

    def host(self, match: Tree, headers: Mapping[str, str]) -> None:
        """Play a match unless that is done or under way; report again what was not taken.

        `headers` are read when the result is sent: a token may have been renewed since.
        """
        match_id = match["id"]
        if match_id not in self._reported and match_id not in self._games:
            self._games[match_id] = asyncio.create_task(self._play(match, headers))

    async def _play(self, match: Tree, headers: Mapping[str, str]) -> None:
        match_id = match["id"]
        if match_id not in self._ranks:
            await asyncio.sleep(self._dice.uniform(*MATCH_SECONDS))
            self._ranks[match_id] = draw_ranks(match, self._log.true_strengths, self._dice)
        answer = await self._api.call(
            "POST", f"matches/{match_id}/result/", body={"ranks": self._ranks[match_id]}, headers=dict(headers)
        )
        if answer.status == 200:
            self._reported.add(match_id)
        del self._games[match_id]

    async def finish(self) -> None:
        """Wait for the games under way."""
        await asyncio.gather(*self._games.values())


class Studio:
    """Reports matches that were made without a game server, with the fleet key."""

    def __init__(self, *, fleet_key: str, api: Api, log: PlayLog, dice: random.Random) -> None:
        self.api = api
        self._headers = {"X-Fleet-Key": fleet_key}
        self._hosting = Hosting(api, log, dice)

    def host(self, match: Tree) -> None:
        self._hosting.host(match, self._headers)

    async def close(self) -> None:
        await self._hosting.finish()
        await self.api.close()


class SimulatedServer:
    """Registers, beats, plays what it is given, reports, and leaves the pool when told to."""

    def __init__(self, *, registration: Tree, fleet_key: str, api: Api, log: PlayLog, dice: random.Random) -> None:
        self._registration, self._fleet_key = registration, fleet_key
        self._api, self._log, self._dice = api, log, dice
        self._hosting = Hosting(api, log, dice)
        self._bearer: dict[str, str] = {}
        self._interval_seconds = 0.0
        self._is_closing = asyncio.Event()

    @property
    def id(self) -> str:
        return str(self._registration["id"])

    async def register(self) -> None:
        """Take a place in the pool. Raises `Refused`."""
        answer = await self._api.call(
            "POST", "servers/register/", body=self._registration, headers={"X-Fleet-Key": self._fleet_key}
        )
        if answer.status != 201:
            raise Refused(f"game servers cannot register: {answer.status} {answer.body.get('detail', '')}")
        self._keep_token(answer.body["token"])
        self._interval_seconds = answer.body["heartbeat_interval_seconds"]

    async def run(self) -> None:
        """Beat and host until `close()`."""
        while not self._is_closing.is_set():
            await self._beat()
            pause = min(self._interval_seconds, self._dice.uniform(*HEARTBEAT_SECONDS))
            await _wait_for(self._is_closing, pause)

    async def close(self) -> None:
        """No new matches, end those under way, leave the pool."""
        self._is_closing.set()
        await self._call("POST", f"servers/{self.id}/drain/")
        give_up_seconds = time.monotonic() + DRAIN_SECONDS
        while await self._beat() and time.monotonic() < give_up_seconds:
            await asyncio.sleep(HEARTBEAT_SECONDS[0])
        await self._hosting.finish()
        await self._call("DELETE", f"servers/{self.id}/")
        await self._api.close()

    async def _beat(self) -> int:
        """The number of matches that we still have to host."""
        load = {"cpu_usage": round(self._dice.uniform(5, 60), 1), "memory_usage": round(self._dice.uniform(20, 40), 1)}
        answer = await self._call("POST", f"servers/{self.id}/heartbeat/", body=load)
        if answer.status in (404, 409):
            await self.register()
        if answer.status != 200:
            return 0
        if "token" in answer.body:
            self._keep_token(answer.body["token"])
        matches = {match["id"]: match for match in (*answer.body["new_matches"], *answer.body["matches"])}
        for match in matches.values():
            self._hosting.host(match, self._bearer)
        self._log.heartbeats.append(
            Heartbeat(self.id, self._registration["capacity"], tuple(matches), answer.told_seconds)
        )
        return len(matches)

    async def _call(self, method: str, path: str, *, body: Tree | None = None) -> Answer:
        return await self._api.call(method, path, body=body, headers=self._bearer)

    def _keep_token(self, token: str) -> None:
        self._bearer["Authorization"] = f"Bearer {token}"


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
