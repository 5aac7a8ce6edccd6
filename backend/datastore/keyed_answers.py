"""Answers by idempotency key: one effect and one answer, however often a request is sent."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis

from datastore.keys import KEYED_ANSWER_LIFETIME_MS, KEYED_CALL_LIFETIME_MS, Keys
from datastore.pause import Pause
from datastore.scripts import Scripts
from errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class KeyedCall:
    """One call that carries a key: whose it is, which key, and what is asked (a digest in hex)."""

    caller: str
    key: str
    request: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The first call with this key: go on, then `finish` or `drop` it."""

    call: KeyedCall
    token: str


@dataclass(frozen=True, slots=True)
class Done:
    """The answer that the first call got."""

    answer: str


class UnderWay:
    """The first call has no answer yet."""


class OtherRequest:
    """The key was sent with another request before."""


class KeyedAnswers:
    """Keeps them in Redis. Every method raises `StoreUnavailable`; after that, for a moment, without asking."""

    def __init__(self, client: redis.Redis, keys: Keys, monotonic: Callable[[], float]) -> None:
        self._scripts = Scripts(client, Path(__file__).parent / "lua")
        self._keys = keys
        self._pause = Pause(monotonic)

    def begin(self, call: KeyedCall, *, kept: int) -> Begun | Done | UnderWay | OtherRequest:
        """Take the key for this call, or tell what became of the first one.

        At most `kept` answers of a caller are held; the oldest go first. A call that neither finishes nor drops its
        key (a crash) holds it for `KEYED_CALL_LIFETIME_MS`.
        """
        if self._pause.is_on:
            raise StoreUnavailable("redis", "it did not answer a moment ago")
        token = secrets.token_hex(8)
        args = (call.key, call.request, token, KEYED_CALL_LIFETIME_MS, KEYED_ANSWER_LIFETIME_MS, kept)
        try:
            word, *rest = self._scripts.call("begin_keyed_call", self._names(call), args)
        except StoreUnavailable:
            self._pause.begin()
            raise
        if word == "BEGUN":
            return Begun(call, token)
        if word == "DONE":
            return Done(rest[0])
        return UnderWay() if word == "UNDER_WAY" else OtherRequest()

    def finish(self, begun: Begun, answer: str) -> None:
        """Keep the answer, unless another call has taken the key since."""
        call = begun.call
        args = (call.key, call.request, begun.token, answer, KEYED_ANSWER_LIFETIME_MS)
        self._scripts.call("finish_keyed_call", self._names(call), args)

    def drop(self, begun: Begun) -> None:
        """Free the key, unless another call has taken it since."""
        call = begun.call
        self._scripts.call("drop_keyed_call", self._names(call), (call.key, call.request, begun.token))

    def _names(self, call: KeyedCall) -> list[str]:
        return [self._keys.keyed_answers(call.caller), self._keys.keyed_order(call.caller)]
