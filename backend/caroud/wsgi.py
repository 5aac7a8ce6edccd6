"""The WSGI application: `granian --interface wsgi caroud.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caroud.settings")

application = get_wsgi_application()

from django.conf import settings  # noqa: E402

from caroud import expecting, watch  # noqa: E402
from caroud.apps import greet_redis  # noqa: E402
from datastore.patience import limit_patience  # noqa: E402

limit_patience(settings.DATABASE_ANSWER_SECONDS)
greet_redis()
expecting.start()
if settings.MATCHMAKING_BACKEND == "redis":
    watch.start()
