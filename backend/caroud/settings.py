"""Settings: the environment first, then `backend/.env`, then what a running `make run` wrote.

Every variable stands in `.env.example` with its unit and its reason; `tests/unit/test_settings_documented.py`
holds the two together.
"""

from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from caroud.environment import Environment
from datastore.faults import redis_faults
from datastore.rates import Rate, RateError, rate_of
from matchmaking.rules import RulesError, RulesUnreadable, load_rules

BASE_DIR = Path(__file__).resolve().parent.parent
REPO_DIR = BASE_DIR.parent

env = Environment()
for _file in (BASE_DIR / ".env", REPO_DIR / "var" / "run.env"):
    if _file.is_file():
        Environment.read_env(_file)

# --- Safety first ------------------------------------------------------------------------------------
DEFAULT_SECRET_KEY = "insecure-development-secret-key-change-me"  # noqa: S105 - refused below unless DEBUG is on
DEFAULT_FLEET_KEY = "insecure-development-fleet-key"

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default=DEFAULT_SECRET_KEY)
#: Keys that may register game servers; several, separated by commas, while one is being replaced.
FLEET_KEYS = [key.strip() for key in env.list("FLEET_KEY", default=[DEFAULT_FLEET_KEY]) if key.strip()]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
for _origin in CSRF_TRUSTED_ORIGINS:
    if "://" not in _origin:
        raise ImproperlyConfigured(f"CSRF_TRUSTED_ORIGINS={_origin}: has to begin with a scheme, as https://{_origin}")
#: Behind a load balancer that ends TLS and sets X-Forwarded-Proto and X-Forwarded-For.
BEHIND_TLS_PROXY = env.flag("BEHIND_TLS_PROXY", default=False)
#: How many proxies, one behind the other, add to X-Forwarded-For; only behind a TLS proxy.
TRUSTED_PROXIES = env.whole("TRUSTED_PROXIES", default=1, least=1, most=100, unit="proxies; see BEHIND_TLS_PROXY")

if not DEBUG:
    for _name, _refused in (
        ("SECRET_KEY", SECRET_KEY == DEFAULT_SECRET_KEY or len(SECRET_KEY) < 32),
        ("FLEET_KEY", not FLEET_KEYS or DEFAULT_FLEET_KEY in FLEET_KEYS or min(map(len, FLEET_KEYS)) < 16),
    ):
        if _refused:
            raise ImproperlyConfigured(
                f"{_name} is the default, or too short, and DEBUG is off. Set {_name} to a long random value in the "
                "environment or in backend/.env (python -c 'import secrets; print(secrets.token_urlsafe(48))'), "
                "or set DEBUG=True on a development machine."
            )

# --- Stores ------------------------------------------------------------------------------------------
REDIS_HOST = env.str("REDIS_HOST", default="localhost")
REDIS_PORT = env.whole("REDIS_PORT", default=6379, least=1, most=65535, unit="(a port)")
REDIS_PASSWORD = env.str("REDIS_PASSWORD", default="")
_REDIS_LOGIN = f":{quote(REDIS_PASSWORD, safe='')}@" if REDIS_PASSWORD else ""


def _with_password(url: str) -> str:
    """`url`, with REDIS_PASSWORD where it names none, as the deployment guide sets the two apart."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{_REDIS_LOGIN}{rest}" if _REDIS_LOGIN and "@" not in rest else url


#: CA certificates (PEM) by which a TLS Redis is verified, as data store and as broker; empty: those of the system.
REDIS_CA_FILE = env.str("REDIS_CA_FILE", default="")


def _with_option(url: str, name: str, value: str) -> str:
    """`url`, with an option of TLS where it is one with TLS and names none."""
    if not url.startswith("rediss") or not value or f"{name}=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}{name}={quote(value, safe='/')}"


#: `redis://`, `redis+sentinel://`, `redis+cluster://`, and `rediss` for TLS: see `datastore/address.py`.
REDIS_URL = env.str("REDIS_URL", default=f"redis://{REDIS_HOST}:{REDIS_PORT}/0")
REDIS_URL = _with_option(_with_password(REDIS_URL), "ssl_ca_certs", REDIS_CA_FILE)
#: In front of every key. A hash tag such as `{caroud}:` is needed on Redis Cluster.
REDIS_KEY_PREFIX = env.str("REDIS_KEY_PREFIX", default="")
CELERY_BROKER_URL = _with_option(env.str("CELERY_BROKER_URL", default=REDIS_URL), "ssl_ca_certs", REDIS_CA_FILE)
if "CELERY_BROKER_URL" not in env.ENVIRON:
    # redis-py verifies by default; Celery's transport would connect to anybody without a word.
    CELERY_BROKER_URL = _with_option(CELERY_BROKER_URL, "ssl_cert_reqs", "required")
for _fault in redis_faults(redis_url=REDIS_URL, key_prefix=REDIS_KEY_PREFIX, broker_url=CELERY_BROKER_URL):
    raise ImproperlyConfigured(str(_fault))
#: Seconds. Longest wait for one Redis answer in a web request.
REDIS_ANSWER_SECONDS = env.number("REDIS_ANSWER_SECONDS", default=0.7, least=0.01, most=60, unit="seconds")

DATABASE_URL = env.str("DATABASE_URL", default="postgres://caroud:caroud@localhost:5432/caroud")
try:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
except ValueError:  # a port that is no number
    DATABASES = {"default": {}}
DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 3)
if DATABASES["default"].get("ENGINE") != "django.db.backends.postgresql":
    raise ImproperlyConfigured(
        "DATABASE_URL has to name a PostgreSQL database: postgres://user:password@host:5432/name"
    )

#: Seconds. Longest wait of web and workers for one answer of PostgreSQL.
DATABASE_ANSWER_SECONDS = env.number("DATABASE_ANSWER_SECONDS", default=5.0, least=0.1, most=600, unit="seconds")

MATCHMAKING_BACKEND = env.word("MATCHMAKING_BACKEND", "redis", "postgres", default="redis")

# --- Matchmaking -------------------------------------------------------------------------------------
QUEUES_FILE = env.str("QUEUES_FILE", default="") or str(REPO_DIR / "queues.toml")
try:
    RULES = load_rules(Path(QUEUES_FILE))
except RulesUnreadable as error:
    raise ImproperlyConfigured(f"{error}: QUEUES_FILE names the rules of the queues") from error
except RulesError as error:
    raise ImproperlyConfigured(str(error)) from error

#: Seconds between rounds of each queue; joins also ask for one at once.
ROUND_INTERVAL_SECONDS = env.number("ROUND_INTERVAL_SECONDS", default=0.5, least=0.01, most=3600, unit="seconds")
#: Seconds between heartbeats that a game server is told to keep.
HEARTBEAT_INTERVAL_SECONDS = env.number(
    "HEARTBEAT_INTERVAL_SECONDS", default=5.0, least=0.01, most=3600, unit="seconds"
)
#: Seconds without a heartbeat after which a game server is lost. Three intervals, as Agones has it.
HEARTBEAT_TTL_SECONDS = env.number("HEARTBEAT_TTL_SECONDS", default=15.0, least=0.01, most=86400, unit="seconds")
if HEARTBEAT_TTL_SECONDS <= HEARTBEAT_INTERVAL_SECONDS:
    raise ImproperlyConfigured(
        f"HEARTBEAT_TTL_SECONDS={HEARTBEAT_TTL_SECONDS:g}: has to be more than HEARTBEAT_INTERVAL_SECONDS, which is "
        f"{HEARTBEAT_INTERVAL_SECONDS:g}: every server would be lost between two heartbeats"
    )

# --- Parties -----------------------------------------------------------------------------------------
#: Members of a party at most; a queue may take fewer (`max_size` of its party rules).
PARTY_MAX_SIZE = env.whole("PARTY_MAX_SIZE", default=10, least=2, most=100, unit="members")
#: Seconds that a party is kept after the last step of anybody in it.
PARTY_TTL_SECONDS = env.number("PARTY_TTL_SECONDS", default=86400.0, least=1, most=31_536_000, unit="seconds")
#: Seconds that an invite holds.
PARTY_INVITE_TTL_SECONDS = env.number(
    "PARTY_INVITE_TTL_SECONDS", default=600.0, least=1, most=31_536_000, unit="seconds"
)


# --- Rate limits -------------------------------------------------------------------------------------
def _rate(name: str, text: str) -> Rate | None:
    try:
        return rate_of(text)
    except RateError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


#: Calls/seconds of one player, and of one address that shows no token.
RATE_LIMIT_PLAYER = _rate("RATE_LIMIT_PLAYER", env.str("RATE_LIMIT_PLAYER", default="150/5"))
#: Calls/seconds of one game server.
RATE_LIMIT_SERVER = _rate("RATE_LIMIT_SERVER", env.str("RATE_LIMIT_SERVER", default="600/10"))
#: Calls/seconds of one address on each of: logging in, refreshing, registering players, registering servers, schema.
RATE_LIMIT_ADDRESS = _rate("RATE_LIMIT_ADDRESS", env.str("RATE_LIMIT_ADDRESS", default="60/60"))

# --- Django ------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "players",
    "servers",
    "parties",
    "matchmaking",
    "simulator",
    "caroud.apps.CaroudConfig",
]
MIDDLEWARE = [
    "caroud.middleware.HotCalls",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "caroud.middleware.AdminPages",
]
#: Where pages with a session are (the admin); the API's requests do not pay for what those need.
BROWSER_MIDDLEWARE_PREFIX = "/admin/"
#: Session, CSRF, authentication and messages are looked for in MIDDLEWARE by name; `AdminPages` holds them.
SILENCED_SYSTEM_CHECKS = ["admin.E408", "admin.E409", "admin.E410", "security.W003"]
ROOT_URLCONF = "caroud.urls"
WSGI_APPLICATION = "caroud.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_USER_MODEL = "players.Player"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
#: Where `collectstatic` puts files. Needed only for a CDN: the service finds them in the installed packages.
STATIC_ROOT = env.str("STATIC_ROOT", default="") or None
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024

SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS_PROXY
SECURE_SSL_REDIRECT = BEHIND_TLS_PROXY
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS_PROXY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS_PROXY
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- The API -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["players.authentication.BearerToken"],
    "DEFAULT_PERMISSION_CLASSES": ["players.permissions.IsPlayer"],
    "DEFAULT_THROTTLE_CLASSES": ["caroud.limits.CallerLimit"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "rest.schema_hooks.DoorSchema",
    "EXCEPTION_HANDLER": "rest.problems.answer_problem",
    "UNAUTHENTICATED_USER": None,
    "UNICODE_JSON": True,
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "USER_ID_CLAIM": "sub",
    "UPDATE_LAST_LOGIN": False,
    "SIGNING_KEY": SECRET_KEY,
}
#: Tokens of a studio's own accounts: where its public keys are, and what `iss` and `aud` they carry.
EXTERNAL_JWKS_URL = env.str("EXTERNAL_JWKS_URL", default="")
EXTERNAL_ISSUER = env.str("EXTERNAL_ISSUER", default="")
EXTERNAL_AUDIENCE = env.str("EXTERNAL_AUDIENCE", default="")
_external = {name: globals()[name] for name in ("EXTERNAL_JWKS_URL", "EXTERNAL_ISSUER", "EXTERNAL_AUDIENCE")}
if any(_external.values()) and not all(_external.values()):
    raise ImproperlyConfigured(
        f"{', '.join(name for name, value in _external.items() if not value)}: not set; EXTERNAL_JWKS_URL, "
        "EXTERNAL_ISSUER and EXTERNAL_AUDIENCE go together: set all three or none"
    )

_MATCH_STATUSES = ["pending_acceptance", "created", "in_progress", "completed", "abandoned"]
SPECTACULAR_SETTINGS = {
    "ENUM_NAME_OVERRIDES": {
        "MatchStatus": _MATCH_STATUSES,
        "TicketStatus": ["waiting", "matched", "not_in_queue", "expired"],
        "LeaveStatus": ["left", "not_in_queue"],
        "EndedMatchStatus": ["completed", "abandoned"],
        "ServerStatus": ["ready", "draining", "lost"],
        "HostingStatus": ["ready", "draining"],
        "DrainStatus": ["draining"],
        "PartyLeftStatus": ["left"],
    },
    "TITLE": "Caroud matchmaking",
    "DESCRIPTION": "Join a queue, get a fair match on a server with room, report the result, see the rating change.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "rest.schema_hooks.add_common_problems",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/",
}

# --- Logs --------------------------------------------------------------------------------------------
#: `plain` for people, `json` for machines.
LOG_FORMAT = env.word("LOG_FORMAT", "plain", "json", default="plain")
LOG_LEVEL = env.word("LOG_LEVEL", "DEBUG", "INFO", "WARNING", "ERROR", default="INFO")
LOGGING_CONFIG = "caroud.logs.configure_logging"
LOGGING = {"format": LOG_FORMAT, "level": LOG_LEVEL}
