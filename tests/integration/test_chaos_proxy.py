"""The fault proxy does to a connection what it says: each mode on real sockets, in front of a server that echoes."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from chaos.proxies import ProxyProcess

#: Seconds after which silence is silence.
SILENCE = 0.4


class Echo:
    """A server that answers every message with itself, and remembers what it was told."""

    def __init__(self, prefix: bytes = b"") -> None:
        self.heard: list[bytes] = []
        self._prefix = prefix
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while message := connection.recv(1000):
                    self.heard.append(message)
                    connection.sendall(self._prefix + message)
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[ProxyProcess]:
    process = ProxyProcess({"line": echo.port})
    yield process
    process.stop()


def connected(proxy: ProxyProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.ports["line"]), timeout=5)


def asked(connection: socket.socket, message: bytes, seconds: float = 5.0) -> bytes | None:
    """The answer; None where nothing comes, empty where the connection is cut."""
    connection.settimeout(seconds)
    try:
        connection.sendall(message)
        return connection.recv(1000)
    except TimeoutError:
        return None
    except OSError:
        return b""


def test_a_pass_forwards_both_ways(proxy: ProxyProcess) -> None:
    with connected(proxy) as connection:
        assert asked(connection, b"one") == b"one"
        assert asked(connection, b"x" * 900) == b"x" * 900


def test_a_freeze_silences_what_exists_and_lets_new_connections_pass(proxy: ProxyProcess) -> None:
    with connected(proxy) as old:
        assert asked(old, b"one") == b"one"
        proxy.order(["line"], "freeze")
        with connected(proxy) as new:
            assert asked(new, b"two") == b"two"
        assert asked(old, b"three", SILENCE) is None
        proxy.order(["line"], "pass")
        assert asked(old, b"four", SILENCE) is None
        proxy.order(["line"], "reset")
        assert asked(old, b"five") == b""


def test_a_stall_holds_everything_back_and_loses_nothing(proxy: ProxyProcess, echo: Echo) -> None:
    with connected(proxy) as old:
        assert asked(old, b"one") == b"one"
        proxy.order(["line"], "stall")
        with connected(proxy) as new:
            assert asked(old, b"two", SILENCE) is None
            assert asked(new, b"three", SILENCE) is None
            proxy.order(["line"], "pass")
            old.settimeout(5)
            new.settimeout(5)
            assert (old.recv(1000), new.recv(1000)) == (b"two", b"three")


def test_what_a_client_sent_into_a_stall_arrives_after_it_has_given_up(proxy: ProxyProcess, echo: Echo) -> None:
    connection = connected(proxy)
    assert asked(connection, b"one") == b"one"
    proxy.order(["line"], "stall")
    assert asked(connection, b"too late", SILENCE) is None
    connection.close()
    proxy.order(["line"], "pass")
    deadline = time.monotonic() + 5
    while b"too late" not in echo.heard and time.monotonic() < deadline:
        time.sleep(0.01)
    assert echo.heard == [b"one", b"too late"]


def test_a_reset_cuts_what_exists(proxy: ProxyProcess) -> None:
    with connected(proxy) as connection:
        assert asked(connection, b"one") == b"one"
        proxy.order(["line"], "reset")
        assert asked(connection, b"two") == b""
    with connected(proxy) as connection:
        assert asked(connection, b"three") == b"three"


def test_a_refusal_lets_nobody_in_until_it_is_over(proxy: ProxyProcess) -> None:
    proxy.order(["line"], "refuse")
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.order(["line"], "pass")
    with connected(proxy) as connection:
        assert asked(connection, b"one") == b"one"


def test_a_dropped_reply_is_of_a_request_that_was_carried_out(proxy: ProxyProcess, echo: Echo) -> None:
    proxy.order(["line"], "drop_replies", share=1.0)
    with connected(proxy) as connection:
        assert asked(connection, b"one") == b""
    assert echo.heard == [b"one"]


def test_a_delay_keeps_the_order(proxy: ProxyProcess) -> None:
    proxy.order(["line"], "delay", seconds=0.1)
    with connected(proxy) as connection:
        began = time.monotonic()
        assert asked(connection, b"one") == b"one"
        assert time.monotonic() - began >= 0.2
        connection.sendall(b"two")
        proxy.order(["line"], "pass")
        connection.sendall(b"three")
        connection.settimeout(5)
        received = b""
        while len(received) < 8:
            received += connection.recv(1000)
        assert received == b"twothree"


def test_another_aim_leads_to_another_server(proxy: ProxyProcess) -> None:
    other = Echo(prefix=b"other ")
    with connected(proxy) as connection:
        assert asked(connection, b"one") == b"one"
        proxy.order(["line"], "aim", host="127.0.0.1", port=other.port)
        assert asked(connection, b"two") == b""
    with connected(proxy) as connection:
        assert asked(connection, b"three") == b"other three"
    other.close()
