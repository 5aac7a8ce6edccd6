"""Which of Redis's errors mean "not there, or not now", and which are a fault of ours."""

import pytest
from redis.exceptions import ResponseError

from datastore.client import redis_errors
from errors import StoreUnavailable

UNAVAILABLE = (
    "OOM command not allowed when used memory > 'maxmemory'.",
    "OOM command not allowed when used memory > 'maxmemory'. script: 502eb54a, on @user_script:35.",
    "Error running script (call to f_502eb54a): @user_script:35: @user_script: 35: -OOM command not allowed when used",
    "Error running script (call to f_502eb54a): @user_script:9: -READONLY You can't write against a read only replica.",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "LOADING Redis is loading the dataset in memory",
)
OURS = (
    "Error running script (call to f_502eb54a): @user_script:35: attempt to index a nil value",
    "WRONGTYPE Operation against a key holding the wrong kind of value, for the room OOMPH",
)


@pytest.mark.parametrize("text", UNAVAILABLE)
def test_a_server_that_cannot_serve_is_unavailable_whatever_version_says_so(text: str) -> None:
    with pytest.raises(StoreUnavailable), redis_errors():
        raise ResponseError(text)


@pytest.mark.parametrize("text", OURS)
def test_a_fault_of_ours_stays_one(text: str) -> None:
    with pytest.raises(ResponseError), redis_errors():
        raise ResponseError(text)
