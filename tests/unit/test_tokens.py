"""Tokens that were verified once are believed until they expire, and no longer."""

import time
import uuid
from collections.abc import Callable

import pytest

from datastore.clock import shared_clock
from players import tokens
from players.timely_tokens import AccessToken
from players.tokens import InvalidToken, PlayerCaller, _VerifiedTokens, caller_of, server_token

CALLER = PlayerCaller(id="p-1", username="testuser")


def test_a_verified_token_is_remembered_until_it_expires() -> None:
    verified = _VerifiedTokens(kept=10)
    verified.remember("lives", time.time() + 60, CALLER)
    verified.remember("is over", time.time() - 1, CALLER)

    assert verified.find("lives") == CALLER
    assert verified.find("is over") is None
    assert verified.find("never seen") is None


def test_only_so_many_are_remembered_and_the_oldest_go_first() -> None:
    verified = _VerifiedTokens(kept=2)
    for raw in ("first", "second", "third"):
        verified.remember(raw, time.time() + 60, CALLER)

    assert [verified.find(raw) is not None for raw in ("first", "second", "third")] == [False, True, True]


def a_players_token() -> str:
    token = AccessToken()
    token["sub"], token["username"] = str(uuid.uuid4()), "ann"
    return str(token)


def a_servers_token() -> str:
    return server_token("eu-1", 7)


@pytest.mark.parametrize("make", [a_players_token, a_servers_token])
def test_a_token_of_a_web_process_whose_host_is_ahead_counts_and_ends_by_the_services_time(
    make: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hour_ns = 3_600_000_000_000
    right = shared_clock._ahead_ns
    monkeypatch.setattr(shared_clock, "_ahead_ns", right + hour_ns)
    issued = make()
    monkeypatch.setattr(shared_clock, "_ahead_ns", right)  # we are the ones whom PostgreSQL has told the time
    caller_of(issued)
    monkeypatch.setattr(tokens, "_verified", _VerifiedTokens(kept=10))
    monkeypatch.setattr(shared_clock, "_ahead_ns", right + 26 * hour_ns)
    with pytest.raises(InvalidToken):
        caller_of(issued)
