# One image, several commands: web (the default), Celery workers, beat, Flower, migrations. See docker-compose.yml.
FROM python:3.11-slim

# A fixed number, so that "runs as non-root" can be checked from outside.
RUN groupadd --gid 10001 caroud && useradd --uid 10001 --gid caroud --no-create-home --home-dir /tmp caroud

WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --root-user-action=ignore -r requirements.txt

COPY LICENSE queues.toml ./
COPY backend ./backend
# DEBUG for these commands: collecting files and compiling the engine need settings, but no secret.
RUN chmod -R a+rX /app \
    && python -m compileall -q backend \
    && cd backend && DEBUG=True STATIC_ROOT=/app/static python manage.py collectstatic --noinput \
    && DEBUG=True NUMBA_CACHE_DIR=/app/numba python manage.py compile_engine && chown -R caroud:caroud /app/numba

# Secrets come from the environment when a container starts; none is in the image.
# What is written while running (beat's schedule) goes to /tmp and may be lost.
ENV PYTHONPATH=/app/backend \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=caroud.settings \
    STATIC_ROOT=/app/static \
    NUMBA_CACHE_DIR=/app/numba \
    BEAT_SCHEDULE_FILE=/tmp/celerybeat-schedule

WORKDIR /app/backend
USER 10001:10001
EXPOSE 8000

# For web; the other commands have their own checks in docker-compose.yml.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]

CMD ["granian", "--interface", "wsgi", "caroud.wsgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-ws", "--workers", "2", "--blocking-threads", "4", "--backlog", "8192", "--backpressure", "8192", "--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "3"]
