"""Tokens that were verified once are believed until they expire, and no longer."""

import time

from players.tokens import PlayerCaller, _VerifiedTokens

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
