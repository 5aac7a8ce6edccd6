"""The Celery app with time limits that a test can wait for: `celery -A tests.topologies.short_limits worker …`."""

from celery_app import app

app.conf.update(task_soft_time_limit=1, task_time_limit=2)
