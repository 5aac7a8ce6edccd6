"""Every address of the service."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from caroud.health import healthz, readyz

handler404 = "rest.problems.page_not_found"
handler500 = "rest.problems.server_error"

urlpatterns = [
    path("", RedirectView.as_view(url="/api/docs/"), name="home"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("api/", include("players.urls")),
    path("api/", include("servers.urls")),
    path("api/", include("matchmaking.urls")),
    path("admin/", admin.site.urls),
]
