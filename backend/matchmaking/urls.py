"""`/api/matchmaking/`, `/api/matches/`, and what of `/api/servers/` touches matches."""

from django.urls import URLPattern, URLResolver, include, path

from matchmaking.views import JoinView, LeaveView, StatsView, StatusView
from matchmaking.views_matches import HeartbeatView, HistoryView, MatchView, ResultView, ServerView

#: The same calls whatever store answers them.
_queue_calls = [
    path("join/", JoinView.as_view(), name="join"),
    path("status/", StatusView.as_view(), name="status"),
    path("leave/", LeaveView.as_view(), name="leave"),
    path("stats/", StatsView.as_view(), name="stats"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("matchmaking/", include((_queue_calls, "matchmaking"))),
    path("matchmaking/redis/", include((_queue_calls, "matchmaking-redis"))),
    path("matches/", HistoryView.as_view(), name="matches"),
    path("matches/<uuid:match_id>/", MatchView.as_view(), name="match"),
    path("matches/<uuid:match_id>/result/", ResultView.as_view(), name="match-result"),
    path("servers/<str:server_id>/heartbeat/", HeartbeatView.as_view(), name="servers-heartbeat"),
    path("servers/<str:server_id>/", ServerView.as_view(), name="server"),
]
