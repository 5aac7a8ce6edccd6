"""Flower's own settings, which it reads at its start: nothing is shown to whoever has not logged in.

Flower alone starts without a login where none is set, and shows its metrics (tasks, workers, times) to anyone.
`/healthcheck` stays open: it says OK, and a load balancer needs it.
"""

from flower.views.monitor import Metrics
from tornado.options import options
from tornado.web import authenticated

if not (options.basic_auth or options.auth):
    raise SystemExit("Flower shows task arguments and can stop workers: set FLOWER_BASIC_AUTH to user:password")

Metrics.get = authenticated(Metrics.get)
