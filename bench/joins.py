"""The join endpoint against a bare Django view that runs the same script, and against the raw script."""

import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import psutil

from bench.load import Answers, Connection, request_bytes, run_load
from datastore.client import connect
from devstack.embedded import free_port

REPO = Path(__file__).parents[1]
PLAYERS = 4_000
CONNECTIONS = 32
SECONDS = 4.0
#: The keys of the service and of the bare view, and what follows in the name of the key that says that they are whole.
INCARNATION = {"matchmaking:*": "incarnation", "{bench-bare}:*": "matchmaking:incarnation"}


@contextlib.contextmanager
def served(application: str, environment: dict[str, str], *, workers: int = 2) -> Iterator[tuple[int, psutil.Process]]:
    """The application under Granian as `make run` starts it: (port, process)."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", application, "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", str(workers), "--blocking-threads", "4"]
    command += ["--backlog", "8192", "--backpressure", "8192", "--no-ws", "--log-level", "warning"]
    env = {**environment, "PYTHONPATH": f"{REPO / 'backend'}{os.pathsep}{REPO}"}
    process = subprocess.Popen(command, env=env, cwd=REPO, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_port(port)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(15)


def _await_port(port: int) -> None:
    async def connects() -> None:
        connection = Connection("127.0.0.1", port)
        await connection.open()
        connection.close()

    deadline = time.monotonic() + 30
    while True:
        try:
            return asyncio.run(connects())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def access_token(player_id: str, secret: str) -> str:
    """A player's access token, as the service signs it."""
    claims = {"token_type": "access", "sub": player_id, "username": f"user-{player_id[:8]}", "is_staff": False}
    claims |= {"exp": int(time.time()) + 3600, "iat": int(time.time()), "jti": uuid.uuid4().hex}
    return jwt.encode(claims, secret, algorithm="HS256")


def cpu_seconds(process: psutil.Process) -> float:
    """CPU of a server and its workers so far."""
    times = [p.cpu_times() for p in [process, *process.children(recursive=True)]]
    return sum(t.user + t.system for t in times)


def run(*, environment: dict[str, str], repeats: int = 3) -> dict[str, Any]:
    """Requests/s, server CPU a request, latencies: the service, the bare view, the raw script; interleaved."""
    client = connect(environment["REDIS_URL"])
    results: dict[str, list[dict[str, float]]] = {"join": [], "bare": []}
    players = [str(uuid.uuid4()) for _ in range(PLAYERS)]
    for player in players:
        client.hset(f"players:ratings:{player}", mapping={"ranked": "1200.0"})
    tokens = [access_token(player, environment["SECRET_KEY"]) for player in players]
    joins = [
        request_bytes("POST", "/api/matchmaking/join/", token=token, body=b'{"queue":"ranked"}') for token in tokens
    ]
    with (
        served("caroud.wsgi:application", environment) as (port, service),
        served("bench.bare:application", environment) as (bare_port, bare),
    ):
        for turn in range(repeats + 1):
            for name, at, process, requests in (
                ("join", port, service, joins),
                ("bare", bare_port, bare, [request_bytes("POST", "/join/", body=b'{"queue":"ranked"}')]),
            ):
                _forget_tickets(client)
                measured = _measure(at, process, itertools.cycle(requests))
                if turn:  # the first turn warms both up: imports, scripts, verified tokens
                    results[name].append(measured)
        one = asyncio.run(run_load("127.0.0.1", port, itertools.cycle(joins), connections=1, seconds=3))
        keep_alive = asyncio.run(_keep_alive(port, joins))
    best = {name: max(runs, key=lambda run: run["per_second"]) for name, runs in results.items()}
    return {
        "join": best["join"],
        "bare_view": best["bare"],
        "join_to_bare": best["join"]["per_second"] / best["bare"]["per_second"],
        "one_client_p50_ms": one.percentile_ms(0.50),
        "one_client_p99_ms": one.percentile_ms(0.99),
        "raw_script_p50_ms": _raw_script_ms(environment["REDIS_URL"]),
        "keep_alive_clients": 4000,
        "keep_alive_statuses": keep_alive.statuses,
        "keep_alive_longest_s": max(keep_alive.latencies),
        "all_runs": results,
    }


def _measure(port: int, process: psutil.Process, requests: Iterator[bytes]) -> dict[str, float]:
    before = cpu_seconds(process)
    answers = asyncio.run(run_load("127.0.0.1", port, requests, connections=CONNECTIONS, seconds=SECONDS))
    cpu = cpu_seconds(process) - before
    assert set(answers.statuses) == {200}, answers.statuses
    return {
        "per_second": answers.per_second,
        "cpu_ms_a_request": cpu * 1000 / len(answers.latencies),
        "p50_ms": answers.percentile_ms(0.50),
        "p99_ms": answers.percentile_ms(0.99),
    }


def _forget_tickets(client: Any) -> None:
    """So that the next joins are new ones."""
    for pattern in INCARNATION:
        for key in client.scan_iter(match=pattern, count=5000):
            client.delete(key)
        client.set(pattern.replace("*", INCARNATION[pattern]), "bench")  # without it, the data counts as lost


async def _keep_alive(port: int, joins: list[bytes]) -> Answers:
    """4,000 clients that stay connected and ask four times each."""
    answers = Answers()

    async def stays(request: bytes) -> None:
        connection = Connection("127.0.0.1", port)
        for _ in range(4):
            sent = time.perf_counter()
            status, _ = await asyncio.wait_for(connection.send(request), 60)
            answers.latencies.append(time.perf_counter() - sent)
            answers.statuses[status] = answers.statuses.get(status, 0) + 1
        connection.close()

    await asyncio.gather(*(stays(request) for request in joins[:4000]))
    return answers


def _raw_script_ms(redis_url: str) -> float:
    """Median of one EVALSHA of the join script from Python, milliseconds."""
    os.environ["REDIS_URL"] = redis_url
    code = (
        "import time, statistics, bench.bare as b\n"
        "def one(p):\n t = time.perf_counter(); b.join_script(p); return time.perf_counter() - t\n"
        "print(statistics.median(one(p) for p in b._players[:3000]) * 1000)"
    )
    env = {**os.environ, "PYTHONPATH": f"{REPO / 'backend'}{os.pathsep}{REPO}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=REPO, capture_output=True, text=True, check=True)
    return float(done.stdout)
