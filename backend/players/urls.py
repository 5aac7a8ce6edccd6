"""`/api/players/`, `/api/token/`, `/api/leaderboard/`."""

from django.urls import URLPattern, URLResolver, path

from players.views import BlocksView, LeaderboardView, MeView, RefreshView, RegisterView, TokenView

urlpatterns: list[URLPattern | URLResolver] = [
    path("players/register/", RegisterView.as_view(), name="players-register"),
    path("players/me/", MeView.as_view(), name="players-me"),
    path("players/blocks/", BlocksView.as_view(), name="players-blocks"),
    path("token/", TokenView.as_view(), name="token"),
    path("token/refresh/", RefreshView.as_view(), name="token-refresh"),
    path("leaderboard/", LeaderboardView.as_view(), name="leaderboard"),
]
