"""`/api/matchmaking/`, `/api/matches/`, and what of `/api/servers/` touches matches."""

from django.urls import URLPattern, URLResolver, include, path

from matchmaking.views import ExplainView, JoinView, LeaveView, StatsView, StatusView
from matchmaking.views_matches import (
    AcceptView,
    BackfillView,
    DeclineView,
    HeartbeatView,
    HistoryView,
    MatchView,
    RegisterView,
    ResultView,
    ServerView,
)


def _queue_calls(backend: str, at: str) -> list[URLPattern]:
    """The same calls whatever store answers them."""
    views = {"join": JoinView, "status": StatusView, "leave": LeaveView, "stats": StatsView}
    return [path(f"{at}{name}/", view.as_view(backend=backend), name=name) for name, view in views.items()]


#: These come a thousand times a second, so each stands by itself, before everything else: no level to go through.
hot_urlpatterns = _queue_calls("", "api/matchmaking/")


urlpatterns: list[URLPattern | URLResolver] = [
    path("matchmaking/redis/", include((_queue_calls("redis", ""), "matchmaking-redis"))),
    path("matchmaking/postgres/", include((_queue_calls("postgres", ""), "matchmaking-postgres"))),
    path("matchmaking/tickets/<uuid:player_id>/explain/", ExplainView.as_view(), name="explain-ticket"),
    path("matches/", HistoryView.as_view(), name="matches"),
    path("matches/<uuid:match_id>/", MatchView.as_view(), name="match"),
    path("matches/<uuid:match_id>/accept/", AcceptView.as_view(), name="match-accept"),
    path("matches/<uuid:match_id>/decline/", DeclineView.as_view(), name="match-decline"),
    path("matches/<uuid:match_id>/result/", ResultView.as_view(), name="match-result"),
    path("matches/<uuid:match_id>/backfill/", BackfillView.as_view(), name="match-backfill"),
    path("servers/register/", RegisterView.as_view(), name="servers-register"),
    path("servers/<str:server_id>/heartbeat/", HeartbeatView.as_view(), name="servers-heartbeat"),
    path("servers/<str:server_id>/", ServerView.as_view(), name="server"),
]
