"""A player: joins, waits, plays, leaves, and does all that a client on a bad line does."""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from chaos import settings
from chaos.client import Answer, Client
from chaos.log import RunLog
from chaos.records import Told

#: Of the accounts, which live for one run.
_PASSWORD = "five-in-a-row-wins"
#: A live match of history that was made so long before the join is another ticket's.
_CLOCK_SECONDS = 10.0
#: Seconds after its lifetime at which a ticket of a silent player has expired at the latest.
_EXPIRY_SECONDS = 7.0

Tree = dict[str, Any]


class Phase(StrEnum):
    IDLE = "idle"
    WAITING = "waiting"
    PLAYING = "playing"


class Weather:
    """What the faults ask of the players."""

    def __init__(self) -> None:
        self.leave_share = settings.LEAVE_SHARE
        #: Leaves that who waits sends at once, beside everything else.
        self.flood = 0
        #: Whether players show the signed ticket that they were given; a client that does not is one, too.
        self.shows_tickets = True


class Player:
    """One account with a connection of its own, and further ones for what is sent at the same time."""

    def __init__(
        self,
        *,
        username: str,
        port: int,
        log: RunLog,
        dice: random.Random,
        weather: Weather,
        ticket_ttl_seconds: float,
        last_match_seconds: float,
        host_match: Callable[[Tree], None],
    ) -> None:
        self.username, self.id = username, ""
        self.phase = Phase.IDLE
        self._port, self._client = port, Client(port)
        self._next_try_seconds = 0.0
        #: The other queue, in which a ticket waits already, where the service has just said so.
        self._waits_in = ""
        self._log, self._dice, self._weather = log, dice, weather
        self._ttl_seconds, self._last_match_seconds = ticket_ttl_seconds, last_match_seconds
        self._host_match = host_match
        self._access = self._refresh = ""
        self._ticket, self._joined_at = 0, 0.0
        #: The newest signed ticket that the service gave us.
        self._signed_ticket = ""
        self._known_matches: set[str] = set()

    # --- The account ---------------------------------------------------------------------------------

    async def register(self) -> None:
        account = {"username": self.username, "password": _PASSWORD}
        answer = await self._insist("POST", "players/register/", account)
        if answer.http == 409:  # the first try came through, its answer did not
            answer = await self._insist("POST", "token/", account)
        self._keep_tokens(answer.body)
        self.id = answer.body.get("id") or (await self._insist("GET", "players/me/", None)).body["id"]

    async def _renew_tokens(self) -> None:
        answer = await self._insist("POST", "token/refresh/", {"refresh": self._refresh})
        if answer.http != 200:
            answer = await self._insist("POST", "token/", {"username": self.username, "password": _PASSWORD})
        self._keep_tokens(answer.body)

    def _keep_tokens(self, body: Tree) -> None:
        self._access, self._refresh = body["access"], body["refresh"]

    async def _insist(self, method: str, path: str, body: Tree | None) -> Answer:
        """Repeat until there is an answer; for calls that are not about tickets."""
        headers = {"Authorization": f"Bearer {self._access}"} if self._access else {}
        while True:
            answer = await self._client.call(method, settings.API + path, body=body, headers=headers)
            if not answer.is_try_again:
                return answer
            await asyncio.sleep(answer.pause_seconds)

    # --- The evening ---------------------------------------------------------------------------------

    async def play(self, until: float) -> None:
        """Join again and again until then; finish what has begun."""
        await self._pause((0.0, 2.0))
        while time.time() < until:
            await self.join()
            await self._see_through(until)
            await self._pause(settings.THINK_SECONDS)
        await self.go_home()

    async def go_home(self) -> None:
        """End whatever ticket or match there is, known or not."""
        await self._ask("status")
        await self._see_through(time.time())
        await self._ask("status")

    async def join(self) -> None:
        """Ask for a match until the service has acknowledged it."""
        self._ticket += 1
        self._joined_at = time.time()
        queue = "casual" if self._dice.random() < settings.CASUAL_SHARE else "ranked"
        key = uuid.UUID(int=self._dice.getrandbits(128)).hex if self._dice.random() < settings.KEYED_SHARE else ""
        calls: list[Awaitable[Told]] = [self._repeat("join", queue=queue, key=key)]
        if self._dice.random() < settings.TWICE_SHARE:
            calls.append(self._send("join", queue=queue, is_concurrent=True))
        await asyncio.gather(*calls)
        if key and self._dice.random() < settings.REPLAY_SHARE:
            await self._send("join", queue=queue, key=key, is_replay=True)

    def close(self) -> None:
        self._client.close()

    async def _see_through(self, until: float) -> None:
        """Until there is neither ticket nor match; who still waits some time after `until` leaves.

        Who is kept in a match for ever gives up: the checker sees the last answer.
        """
        give_up = until + settings.LAST_RESULTS_SECONDS
        silent_seconds = self._ttl_seconds + _EXPIRY_SECONDS
        may_be_silent = self.phase is Phase.WAITING and time.time() + silent_seconds < until
        if may_be_silent and self._dice.random() < settings.SILENT_SHARE:
            await asyncio.sleep(silent_seconds)
        while self.phase is not Phase.IDLE and time.time() < give_up:
            if self.phase is Phase.WAITING:
                await self._wait(until)
            else:
                await self._play_on(until)

    async def _wait(self, until: float) -> None:
        await self._pause(settings.POLL_SECONDS)
        await asyncio.gather(*(self._send("leave", is_concurrent=True) for _ in range(self._weather.flood)))
        is_late = time.time() > until + self._last_match_seconds
        if is_late or self._dice.random() < self._weather.leave_share:
            await self._leave()
        else:
            await self._ask("status")

    async def _play_on(self, until: float) -> None:
        await self._pause(settings.PLAY_POLL_SECONDS)
        if time.time() < until and self._dice.random() < settings.IMPATIENT_SHARE:
            await self.join()  # answers the match; where that has just ended, this is a new ticket
        else:
            await self._ask("status")

    async def _leave(self) -> None:
        key = uuid.UUID(int=self._dice.getrandbits(128)).hex if self._dice.random() < settings.KEYED_SHARE else ""
        told = await self._repeat("leave", key=key)
        if key and self._dice.random() < settings.REPLAY_SHARE:
            await self._send("leave", key=key, is_replay=True)
        if told.status == "left" and self._dice.random() < settings.LOOK_BACK_SHARE:
            await self._pause(settings.POLL_SECONDS)
            await self._ask("status")
        elif told.status == "not_in_queue":
            await self._ask("status", is_doubtful=True)

    async def _ask(self, call: str, *, is_doubtful: bool = False) -> None:
        """Ask, follow the answer; who is told of no ticket where there was one looks into the history."""
        is_doubtful = is_doubtful or self.phase is Phase.WAITING
        known = len(self._known_matches)
        told = await self._repeat(call)
        if told.status == "not_in_queue" and is_doubtful and len(self._known_matches) == known:
            await self._look_into_history()

    async def _look_into_history(self) -> None:
        while True:
            answer = await self._client.call("GET", f"{settings.API}matches/?page_size=3", headers=self._headers(""))
            found = self._new_match_of(answer) if answer.http == 200 else ""
            self._write("history", answer, status="ended" if found else "", match=found)
            if not answer.is_try_again:
                return
            await asyncio.sleep(answer.pause_seconds)

    def _new_match_of(self, answer: Answer) -> str:
        """A match of this ticket that nobody had told us of."""
        for record in answer.body["results"]:
            created = _seconds(record["created_at"])
            if record["id"] not in self._known_matches and created > self._joined_at - _CLOCK_SECONDS:
                self._known_matches.add(record["id"])
                return str(record["id"])
        return ""

    # --- Calls ---------------------------------------------------------------------------------------

    async def _repeat(self, call: str, *, queue: str = "", key: str = "") -> Told:
        """The same call until it is acknowledged; every try is written down. Who is refused for ever gives up: the
        checker sees what was acknowledged before."""
        give_up = time.time() + settings.LONGEST_REFUSAL_SECONDS
        while True:
            told = await self._send(call, queue=queue, key=key)
            if told.is_acknowledged:
                self._follow(told)
            if told.is_acknowledged or time.time() > give_up:
                return told
            if told.http == 401:
                await self._renew_tokens()
            elif told.http == 409 and self._waits_in:
                queue, key = self._waits_in, ""
            await asyncio.sleep(self._next_try_seconds)

    async def _send(
        self, call: str, *, queue: str = "", key: str = "", is_replay: bool = False, is_concurrent: bool = False
    ) -> Told:
        client = self._client
        if is_concurrent:
            client = Client(self._port)
        method = "GET" if call == "status" else "POST"
        body = {"queue": queue} if call == "join" else None
        answer = await client.call(method, f"{settings.API}matchmaking/{call}/", body=body, headers=self._headers(key))
        if is_concurrent:
            client.close()
        self._waits_in = str(answer.body.get("queue") or "") if answer.http == 409 else ""
        self._next_try_seconds = answer.pause_seconds * self._dice.uniform(0.8, 1.2)
        return self._heard(call, answer, key=key, is_replay=is_replay, is_concurrent=is_concurrent)

    def _headers(self, key: str) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._access}"}
        if key:
            headers["Idempotency-Key"] = key
        if self._signed_ticket and self._weather.shows_tickets:
            headers["X-Matchmaking-Ticket"] = self._signed_ticket
        return headers

    def _heard(self, call: str, answer: Answer, *, key: str, is_replay: bool, is_concurrent: bool) -> Told:
        body = answer.body
        match = body.get("match") or {}
        status = str(body.get("status") or "") if answer.http == 200 else ""
        if answer.http == 409 and match:
            status = "matched"
        ended = body.get("last_match") or {}
        if match and match["server"] is None:
            self._host_match(match)
        if body.get("ticket"):
            self._signed_ticket = body["ticket"]
        return self._write(
            call,
            answer,
            status=status,
            match=str(match.get("id") or ended.get("id") or ""),
            players=tuple(player["id"] for team in match.get("teams", ()) for player in team),
            queue=str(body.get("queue") or "") if status == "waiting" else "",
            waited=body.get("waiting_time"),
            key=key,
            is_replay=is_replay,
            is_concurrent=is_concurrent,
        )

    def _write(self, call: str, answer: Answer, **told: Any) -> Told:
        entry = Told(
            line=self._log.next_line(),
            player=self.id,
            ticket=self._ticket,
            call=call,
            http=answer.http,
            asked=answer.asked,
            told=answer.told,
            retry_after=answer.headers.get("retry-after", ""),
            **told,
        )
        self._log.write(entry)
        return entry

    def _follow(self, told: Told) -> None:
        self.phase = {"waiting": Phase.WAITING, "matched": Phase.PLAYING}.get(told.status, Phase.IDLE)
        if told.match:
            self._known_matches.add(told.match)
        if self.phase is not Phase.WAITING:
            self._signed_ticket = ""

    async def _pause(self, least_and_most: tuple[float, float]) -> None:
        await asyncio.sleep(self._dice.uniform(*least_and_most))


def _seconds(text: str) -> float:
    """Seconds since 1970 of an ISO time."""
    return datetime.fromisoformat(text).timestamp()
