"""Ids of tickets, matches and claims."""

import os
from collections import deque

from datastore.clock import shared_clock

#: 80 random bits each, as hexadecimals, drawn ahead and shared by threads. One at a time costs a call of the system,
#: in which another thread takes its turn.
_drawn: deque[str] = deque()
_DRAWN_AT_ONCE = 256
os.register_at_fork(after_in_child=_drawn.clear)  # else parent and child use the same


def new_id() -> str:
    """A UUID that begins with the time (RFC 9562, version 7) as text: indexes grow at their end, in Redis and in
    PostgreSQL, instead of everywhere at once."""
    now_ms, bits = shared_clock.now_ms(), _draw()
    variant = "89ab"[int(bits[3], 16) & 3]
    return f"{now_ms >> 16:08x}-{now_ms & 0xFFFF:04x}-7{bits[:3]}-{variant}{bits[4:7]}-{bits[7:19]}"


def _draw() -> str:
    while True:
        try:
            return _drawn.popleft()
        except IndexError:
            many = os.urandom(10 * _DRAWN_AT_ONCE).hex()
            _drawn.extend(many[place : place + 20] for place in range(0, len(many), 20))
