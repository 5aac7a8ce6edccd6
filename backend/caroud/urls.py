"""Every address of the service."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from caroud.health import healthz, readyz
from caroud.limits import SchemaLimit
from matchmaking import urls as matchmaking
from players import urls as players
from servers import urls as servers

handler400 = "rest.problems.bad_request"
handler404 = "rest.problems.page_not_found"
handler500 = "rest.problems.server_error"

urlpatterns = [
    *matchmaking.hot_urlpatterns,
    path("api/", include([*servers.urlpatterns, *matchmaking.urlpatterns, *players.urlpatterns])),
    path("", RedirectView.as_view(url="/api/docs/"), name="home"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/schema/", SpectacularAPIView.as_view(throttle_classes=[SchemaLimit]), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("admin/", admin.site.urls),
]
