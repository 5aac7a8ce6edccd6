"""What a web server meets on the wire before Django sees it: real bytes against a real Granian."""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from django.conf import settings

from devstack.embedded import free_port

BACKEND = Path(__file__).parents[2] / "backend"
HEAD = b"Host: localhost\r\nContent-Type: application/json\r\n"


#: One worker, so that one service is started.
pytestmark = pytest.mark.xdist_group("hostile-wire")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The service under Granian, as `make run` starts it, with a limit of ten log-ins."""
    found = free_port()
    words = ["granian", "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1", "--port", str(found), "--workers", "2"]
    command = [
        sys.executable,
        "-m",
        *words,
        "--blocking-threads",
        "2",
        "--workers-kill-timeout",
        "3",
        "caroud.wsgi:application",
    ]
    env = {**os.environ, "RATE_LIMIT_ADDRESS": "10/36000", "REDIS_KEY_PREFIX": f"{{wire-{found}}}:"}
    process = subprocess.Popen(command, cwd=BACKEND, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while status(found, b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\n") != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(15)


def status(port: int, sent: bytes) -> int | None:
    """The status of the answer to raw bytes; None where the connection was closed without one."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(sent)
            answer = connection.recv(4096)
    except (ConnectionError, TimeoutError):
        return None
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.") else None


def post(body: bytes, *, more: bytes = b"", length: int | None = None, path: bytes = b"/api/token/refresh/") -> bytes:
    size = b"Content-Length: %d\r\n" % (len(body) if length is None else length)
    return b"POST " + path + b" HTTP/1.1\r\n" + HEAD + size + more + b"\r\n" + body


SENT = {
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "half a request line": b"GET \r\n\r\n",
    "a nul in the path": b"GET /api/\x00/ HTTP/1.1\r\n" + HEAD + b"\r\n",
    "latin-1 in the path": b"GET /api/\xff\xfe/ HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a long path": b"GET /api/" + b"x" * 100_000 + b"/ HTTP/1.1\r\n" + HEAD + b"\r\n",
    "a long header": b"GET /api/players/me/ HTTP/1.1\r\n" + HEAD + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "a long token": b"GET /api/players/me/ HTTP/1.1\r\n"
    + HEAD
    + b"Authorization: Bearer "
    + b"x" * 60_000
    + b"\r\n\r\n",
    "many headers": b"GET /api/players/me/ HTTP/1.1\r\n" + HEAD + b"X: y\r\n" * 5_000 + b"\r\n",
    "latin-1 in a header": b"GET /api/players/me/ HTTP/1.1\r\n" + HEAD + b"Authorization: Bearer \xe4\xff\r\n\r\n",
    "a folded header": b"GET /api/players/me/ HTTP/1.1\r\n" + HEAD + b"X: a\r\n b\r\n\r\n",
    "two lengths": post(b"{}", more=b"Content-Length: 5\r\n"),
    "a length and chunks": post(b"0\r\n\r\n", more=b"Transfer-Encoding: chunked\r\n"),
    "a length that is no number": b"POST /api/token/refresh/ HTTP/1.1\r\n" + HEAD + b"Content-Length: abc\r\n\r\n{}",
    "a negative length": b"POST /api/token/refresh/ HTTP/1.1\r\n" + HEAD + b"Content-Length: -1\r\n\r\n{}",
    "an absolute address": b"GET http://evil.example/api/matches/ HTTP/1.1\r\n" + HEAD + b"\r\n",
    "no host": b"GET /api/matches/ HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT.keys())
def test_bytes_that_are_no_request_are_refused(port: int, sent: bytes) -> None:
    answered = status(port, sent)

    assert answered is None or 400 <= answered < 500
    assert status(port, b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\n") == 200


def test_a_body_of_a_megabyte_is_refused_and_the_next_call_served(port: int) -> None:
    large = b'{"username": "' + b"x" * 1_000_000 + b'"}'

    assert status(port, post(large, path=b"/api/players/register/")) == 413
    assert status(port, b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\n") == 200


@pytest.mark.parametrize("body", [b'{"username": "a"}', b"x" * 1_000_000], ids=["small", "a megabyte"])
def test_a_body_in_chunks_is_refused_instead_of_lost(port: int, body: bytes) -> None:
    chunked = b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    assert status(port, b"POST /api/players/register/ HTTP/1.1\r\n" + HEAD + chunked) == 411


def test_callers_are_told_apart_by_their_address_and_not_by_what_they_write(port: int) -> None:
    answers = [
        status(port, post(b"{}", more=b"X-Forwarded-For: 198.51.100.%d\r\n" % number, path=b"/api/token/"))
        for number in range(12)
    ]

    assert answers == [400] * 10 + [429] * 2


def test_a_ticket_with_signs_beyond_ascii_reaches_the_service_empty_and_counts_as_none(port: int) -> None:
    claims = {"token_type": "access", "exp": 4_000_000_000, "jti": "x", "sub": str(uuid.uuid4()), "username": "wire"}
    token = jwt.encode(claims, settings.SECRET_KEY, algorithm="HS256")
    caller = b"Authorization: Bearer " + token.encode() + b"\r\n"
    asked = b"GET /api/matchmaking/status/ HTTP/1.1\r\n" + HEAD + caller
    without = status(port, asked + b"\r\n")

    assert without in (200, 503)  # this service has no tables, so nothing is in charge
    assert status(port, asked + b"X-Matchmaking-Ticket: no-ticket\r\n\r\n") == 400
    for sent in (b"\xff", "🎮".encode()):
        assert status(port, asked + b"X-Matchmaking-Ticket: %b\r\n\r\n" % sent) == without
