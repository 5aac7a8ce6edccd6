"""Game servers, and the studio for matches without one: they beat, play and report, and misbehave on demand."""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

from chaos import settings
from chaos.client import Answer, Client
from chaos.log import RunLog
from chaos.records import Beat, Death

Tree = dict[str, Any]


class Reporter:
    """Plays matches and reports their results, each until the service has taken it."""

    def __init__(self, name: str, port: int, log: RunLog, dice: random.Random) -> None:
        self.name, self._port, self._log, self._dice = name, port, log, dice
        self._games: dict[str, asyncio.Task[None]] = {}
        self._done: set[str] = set()

    @property
    def running(self) -> list[str]:
        """Matches under way."""
        return list(self._games)

    def host(self, match: Tree, headers: Mapping[str, str]) -> None:
        """Play a match unless that is done or under way. `headers` are read when the result is sent."""
        match_id = str(match["id"])
        if match_id not in self._games and match_id not in self._done:
            self._games[match_id] = asyncio.create_task(self._play(match, headers))

    def drop_all(self) -> None:
        """Die with everything that runs here."""
        for game in self._games.values():
            game.cancel()
        self._games.clear()

    async def _play(self, match: Tree, headers: Mapping[str, str]) -> None:
        match_id = str(match["id"])
        await asyncio.sleep(self._dice.uniform(*settings.MATCH_SECONDS))
        if match["queue"] == "squads" and self._dice.random() < settings.LEAVER_SHARE:
            await self._fill_a_seat(match, headers)
        ranks = [1, 1] if self._dice.random() < settings.DRAW_SHARE else self._dice.choice([[1, 2], [2, 1]])
        is_twice = self._dice.random() < settings.RESULT_TWICE_SHARE
        await asyncio.gather(*(self._report(match_id, ranks, headers) for _ in range(2 if is_twice else 1)))
        if self._dice.random() < settings.OTHER_RESULT_SHARE:
            await self._send(match_id, ranks[::-1] if ranks != [1, 1] else [1, 2], headers)
        self._done.add(match_id)
        self._games.pop(match_id, None)

    async def _report(self, match_id: str, ranks: list[int], headers: Mapping[str, str]) -> None:
        give_up = time.time() + settings.LAST_RESULTS_SECONDS
        while time.time() < give_up:
            answer = await self._send(match_id, ranks, headers)
            if not answer.is_try_again and answer.http not in (401, 404):
                return  # taken, or refused for good
            await asyncio.sleep(answer.pause_seconds * self._dice.uniform(0.8, 1.2))

    async def _fill_a_seat(self, match: Tree, headers: Mapping[str, str]) -> None:
        """Somebody leaves; ask for another one, sometimes twice at once, and look who came."""
        leaver = self._dice.choice([player["id"] for team in match["teams"] for player in team])
        is_twice = self._dice.random() < settings.RESULT_TWICE_SHARE
        calls = (self._seats("POST", match["id"], headers, {"leaver": leaver}) for _ in range(2 if is_twice else 1))
        await asyncio.gather(*calls)
        await asyncio.sleep(self._dice.uniform(*settings.AFTER_LEAVER_SECONDS))
        await self._seats(self._dice.choice(("GET", "DELETE")), match["id"], headers, None)
        await self._seats("GET", match["id"], headers, None)

    async def _seats(self, method: str, match_id: str, headers: Mapping[str, str], body: Tree | None) -> None:
        client = Client(self._port)
        give_up = time.time() + settings.LONGEST_REFUSAL_SECONDS
        while time.time() < give_up:
            path = f"{settings.API}matches/{match_id}/backfill/"
            answer = await client.call(method, path, body=body, headers=dict(headers))
            seats = answer.body.get("seats", ()) if answer.http == 200 else ()
            filled = tuple((seat["leaver"], seat["player"]["id"]) for seat in seats if seat["player"])
            write_beat(self._log, self.name, "backfill", answer, matches=(match_id,), filled=filled)
            if not answer.is_try_again:
                break
            await asyncio.sleep(answer.pause_seconds)
        client.close()

    async def _send(self, match_id: str, ranks: list[int], headers: Mapping[str, str]) -> Answer:
        client = Client(self._port)
        answer = await client.call(
            "POST", f"{settings.API}matches/{match_id}/result/", body={"ranks": ranks}, headers=dict(headers)
        )
        client.close()
        status = str(answer.body.get("status") or "") if answer.http == 200 else ""
        told = {"matches": (match_id,), "ranks": tuple(ranks), "status": status}
        write_beat(self._log, self.name, "result", answer, **told)
        return answer


class Studio:
    """Reports matches without a server, with the fleet key."""

    def __init__(self, *, fleet_key: str, port: int, log: RunLog, dice: random.Random) -> None:
        self._headers = {"X-Fleet-Key": fleet_key}
        self.reporter = Reporter("studio", port, log, dice)

    def host(self, match: Tree) -> None:
        self.reporter.host(match, self._headers)


class GameServer:
    """One game server; `die`, `be_late` and `register_twice` are what the faults call."""

    def __init__(
        self, *, name: str, region: str, capacity: int, fleet_key: str, port: int, log: RunLog, dice: random.Random
    ) -> None:
        self.name, self.capacity = name, capacity
        self._registration = {
            "id": name,
            "host": f"{name}.games.example",
            "port": 7777,
            "region": region,
            "capacity": capacity,
        }
        self._fleet = {"X-Fleet-Key": fleet_key}
        self._client = Client(port)
        self._log, self._dice = log, dice
        self._reporter = Reporter(name, port, log, dice)
        self._headers: dict[str, str] = {}
        self._silent_until = 0.0
        self._last_beat = 0.0
        self._is_doubled = False

    async def run(self) -> None:
        """Register, beat and play until cancelled."""
        await self.register()
        while True:
            await asyncio.sleep(self._dice.uniform(*settings.HEARTBEAT_SECONDS))
            if self._silent_until:
                await self._keep_silent()
            if self._is_doubled:
                await self._register_again()
            await self._beat()

    async def register(self) -> None:
        """Take a place in the pool, with the matches that run here, as soon as the service answers."""
        body: Tree = {**self._registration, "matches": self._reporter.running}
        while True:
            answer = await self._client.call("POST", f"{settings.API}servers/register/", body=body, headers=self._fleet)
            write_beat(self._log, self.name, "register", answer)
            if answer.http == 201:
                self._headers["Authorization"] = f"Bearer {answer.body['token']}"
                self._last_beat = answer.told
                return
            if answer.http == 400 and "matches" in str(answer.body.get("field")):
                body.pop("matches", None)  # a service that does not ask for them
                continue
            await asyncio.sleep(answer.pause_seconds)

    def die(self, seconds: float) -> None:
        """Say nothing and forget all games, for so long; then register anew."""
        self._reporter.drop_all()
        self._silent_until = time.time() + seconds

    def be_late(self, seconds: float) -> None:
        """Say nothing for so long, but play on."""
        self._silent_until = time.time() + seconds

    def register_twice(self) -> None:
        """Let another process with our id register."""
        self._is_doubled = True

    async def _register_again(self) -> None:
        """Register, and go on with the old token for a while."""
        self._is_doubled = False
        old = dict(self._headers)
        await self.register()
        for _ in range(2):
            answer = await self._call_heartbeat(old)
            write_beat(self._log, self.name, "heartbeat", answer, is_stale=True)

    def close(self) -> None:
        self._reporter.drop_all()
        self._client.close()

    async def _keep_silent(self) -> None:
        began = self._last_beat
        await asyncio.sleep(max(0.0, self._silent_until - time.time()))
        self._silent_until = 0.0
        self._log.write(Death(server=self.name, last_beat=began, returned=time.time()))

    async def _beat(self) -> None:
        answer = await self._call_heartbeat(self._headers)
        hosted = {match["id"]: match for name in ("new_matches", "matches") for match in answer.body.get(name, ())}
        listed = tuple(match["id"] for match in answer.body.get("matches", ()))
        write_beat(self._log, self.name, "heartbeat", answer, matches=listed)
        if answer.http == 200:
            self._last_beat = answer.told
            if "token" in answer.body:
                self._headers["Authorization"] = f"Bearer {answer.body['token']}"
            for match in hosted.values():
                self._reporter.host(match, self._headers)
        elif answer.http in (401, 404, 409):
            await self.register()

    async def _call_heartbeat(self, headers: Mapping[str, str]) -> Answer:
        load = {"cpu_usage": round(self._dice.uniform(5, 60), 1)}
        path = f"{settings.API}servers/{self.name}/heartbeat/"
        return await self._client.call("POST", path, body=load, headers=headers)


def write_beat(log: RunLog, server: str, call: str, answer: Answer, **told: Any) -> None:
    """Write down what a server was told."""
    log.write(
        Beat(
            line=log.next_line(),
            server=server,
            call=call,
            http=answer.http,
            asked=answer.asked,
            told=answer.told,
            retry_after=answer.headers.get("retry-after", ""),
            **told,
        )
    )
