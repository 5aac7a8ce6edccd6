"""The yardstick: a bare Django view that does one join script, and nothing else. No middleware, no token, no checks;
Django and redis-py (with hiredis) as they come out of the box.

Served by the same Granian with the same options as the service: `granian --interface wsgi bench.bare:application`.
"""

import itertools
import os
import time
import uuid
from pathlib import Path

import django
import redis
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

from datastore import keys as lifetimes
from datastore.keys import Keys

settings.configure(SECRET_KEY="bare", ALLOWED_HOSTS=["*"], ROOT_URLCONF="bench.bare", MIDDLEWARE=[])
django.setup()

_keys = Keys(prefix="{bench-bare}:", default_queue="ranked")
_lua = Path(__file__).parents[1] / "backend" / "matchmaking" / "stores" / "redis" / "lua"
_client = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
_join_queue = _client.register_script((_lua / "join_queue.lua").read_text(encoding="utf-8"))
_queue = _keys.of_queue("ranked")
_players = [str(uuid.uuid4()) for _ in range(4000)]
_next_player = itertools.cycle(_players)


def join_script(player: str) -> object:
    """The script of a join, as `RedisTicketStore.join` calls it."""
    now_ms = time.time_ns() // 1_000_000
    return _join_queue(
        keys=[
            _keys.tickets,
            _keys.online,
            _keys.online_last_seen,
            _keys.matches,
            _keys.outbox,
            _keys.elsewhere(player),
            _keys.last_word(player),
            _keys.ratings(player),
            _keys.incarnation,
            *(_queue.queue, _queue.arrivals, _queue.last_seen, _queue.stats, _queue.nudge),
            _queue.round_lease,
        ],
        args=[
            *(player, now_ms, 1, ""),
            *("ticket", now_ms, "", "", "", "testuser"),
            lifetimes.QUEUE_LIFETIME_MS,
            lifetimes.STATS_LIFETIME_MS,
            lifetimes.NUDGE_LIFETIME_MS,
            lifetimes.RATINGS_LIFETIME_MS,
            lifetimes.ONLINE_LIFETIME_MS,
            *("ranked", "1200.0"),
            *("ranked", "casual", "ladder", "duos", "squads", "royale"),
        ],
    )


def join(request: HttpRequest) -> HttpResponse:
    join_script(next(_next_player))
    content = b'{"status": "waiting"}'
    return HttpResponse(content, content_type="application/json", headers={"Content-Length": str(len(content))})


urlpatterns = [path("join/", join)]
application = WSGIHandler()
