"""Ports of this machine: find a free one, and notice a taken one before anything starts."""

import errno
import socket

from devstack.errors import StartFailed


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def is_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on `port` already."""
    with socket.socket() as listener:
        # As servers do: a connection that has ended a minute ago is nobody who listens.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


def check_port(name: str, text: str, host: str = "127.0.0.1") -> int:
    """The port that the variable `name` asks for, if it is one and it is free."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise StartFailed(f"{name}={text} is not a port: set it to a number from 1 to 65535")
    port = int(text)
    try:
        taken = is_taken(port, host)
    except OSError as error:
        # A small port is for root; anything else is about the address.
        cure = name if isinstance(error, PermissionError) else "WEB_HOST"
        raise StartFailed(f"port {port} of {host} cannot be used ({error.strerror}): set {cure} to another") from error
    if taken:
        raise StartFailed(f"port {port} is taken: set {name} to a free one")
    return port
