"""`cd backend && python test_redis.py`: what an operator runs against a new Redis."""

import os
import subprocess
import sys
from pathlib import Path

import redis

BACKEND = Path(__file__).parents[2] / "backend"


def smoke(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "test_redis.py"],
        cwd=BACKEND,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_good_redis_passes_and_is_left_as_it_was(redis_client: redis.Redis) -> None:
    done = smoke()

    assert done.stdout.splitlines() == [
        "✅ Redis connection successful!",
        "✅ All matchmaking tests passed!",
        "✅ All server pool tests passed!",
    ]
    assert done.returncode == 0
    assert list(redis_client.scan_iter(match="*smoke*", count=1000)) == []


def test_a_redis_that_is_not_there_fails_with_the_reason() -> None:
    done = smoke(REDIS_URL="redis://127.0.0.1:1/0")

    assert done.stdout.splitlines()[0] == "❌ Redis connection failed: ConnectionError"
    assert done.returncode == 1


def test_a_wrong_password_fails_with_the_reason(redis_url: str) -> None:
    done = smoke(REDIS_URL=redis_url.replace(redis_url.split("@")[0], "redis://:wrong"))

    assert done.stdout.splitlines()[0] == "❌ Redis connection failed: AuthenticationError"
    assert done.returncode == 1
