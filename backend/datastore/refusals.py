"""What a Redis that is there says when it cannot serve. Servers and redis-py tell it in three forms.

`READONLY …` as the answer to a command becomes an exception of its own, without the word. An error that redis-py has no
class for keeps its word in front. What a command in a script was told comes out of Redis 6.2 in the middle of
`Error running script (call to …): @user_script: 35: -READONLY …`.
"""

import re

from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

#: The server is not, or no longer, the one that takes writes: another is.
_NOT_PRIMARY = {"READONLY", "CLUSTERDOWN", "MASTERDOWN", "UNBLOCKED"}
#: It cannot serve now, or not us. A slot on its way (ASK, TRYAGAIN) serves scripts on neither side.
_UNAVAILABLE = _NOT_PRIMARY | {
    *("OOM", "LOADING", "MISCONF", "NOREPLICAS", "BUSY", "NOPERM", "NOAUTH", "ASK", "MOVED", "TRYAGAIN", "NOSCRIPT"),
}
_WORDS_OF_CLASSES: dict[type[ResponseError], str] = {
    ReadOnlyError: "READONLY",
    ClusterDownError: "CLUSTERDOWN",
    OutOfMemoryError: "OOM",
    NoPermissionError: "NOPERM",
    TryAgainError: "TRYAGAIN",
    AskError: "ASK",  # and MOVED
    NoScriptError: "NOSCRIPT",
}
#: What a script is told that runs a command which its caller's account may not, by Redis 6.2 and by 7.
_NOT_PERMITTED_IN_A_SCRIPT = ("user executing the script can't", "ACL failure in script")
_IN_A_SCRIPT = re.compile(r"@user_script: ?\d+: -([A-Z]+) ")


def word_of(error: ResponseError) -> str:
    """The word in capitals that says what kind of error it is, as the server sends it; or the first word there is."""
    for kind, word in _WORDS_OF_CLASSES.items():
        if isinstance(error, kind):
            return word
    text = str(error)
    if any(words in text for words in _NOT_PERMITTED_IN_A_SCRIPT):
        return "NOPERM"
    in_a_script = _IN_A_SCRIPT.search(text)
    return in_a_script[1] if in_a_script else text.partition(" ")[0]


def is_unavailable(error: ResponseError) -> bool:
    """Whether the server cannot serve (now); else the fault is ours."""
    return word_of(error) in _UNAVAILABLE


def is_full(error: ResponseError) -> bool:
    """Whether the server has no memory left for what it was told."""
    return word_of(error) == "OOM"


def is_not_primary(error: ResponseError) -> bool:
    """Whether the primary is, or will be, another server."""
    return word_of(error) in _NOT_PRIMARY
