"""`/api/servers/`: what the pool decides alone."""

from django.urls import URLPattern, URLResolver, path

from servers.views import DrainView, PoolView

urlpatterns: list[URLPattern | URLResolver] = [
    path("servers/", PoolView.as_view(), name="servers"),
    path("servers/<str:server_id>/drain/", DrainView.as_view(), name="servers-drain"),
]
