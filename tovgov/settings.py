"""Settings of tovgov. Everything a person may set is an environment variable or a line of ``.env``; each is explained
in ``.env.example`` and ``docs/settings.md``."""

from __future__ import annotations

from csp.constants import NONE, SELF

from tovgov.environment import BASE_DIR, EMBEDDED, EMBEDDED_DATA, KEYS_DIR, VAR_DIR, env, path

DEBUG = env.bool("TOVGOV_DEBUG", default=False)
SECRET_KEY = env.str("TOVGOV_DJANGO_KEY", default="")
TOVGOV_SECRET_KEYS = env.list("TOVGOV_SECRET_KEYS", default=[])
ALLOWED_HOSTS = env.list("TOVGOV_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("TOVGOV_ORIGINS", default=[])

TOVGOV_APPROVAL_HOURS = env.int("TOVGOV_APPROVAL_HOURS", default=24)
TOVGOV_IMPORT_LAG_MINUTES = env.int("TOVGOV_IMPORT_LAG_MINUTES", default=15)
TOVGOV_LOG_KEEP_DAYS = env.int("TOVGOV_LOG_KEEP_DAYS", default=365)
TOVGOV_URL = env.str("TOVGOV_URL", default="")
TOVGOV_INCIDENTS_AT = env.list("TOVGOV_INCIDENTS_AT", default=[])
TOVGOV_EXPORTS = path("TOVGOV_EXPORTS", VAR_DIR / "exports")
TOVGOV_CHECKPOINT_MINUTES = env.int("TOVGOV_CHECKPOINT_MINUTES", default=5)
vars().update(env.email_url("TOVGOV_EMAIL_URL", default="smtp://localhost:25"))
DEFAULT_FROM_EMAIL = env.str("TOVGOV_EMAIL_FROM", default="tovgov@localhost")
TOVGOV_REPORT_MAIL_MB = env.int("TOVGOV_REPORT_MAIL_MB", default=8)
TOVGOV_EXPORT_DAYS = env.int("TOVGOV_EXPORT_DAYS", default=7)
TOVGOV_TSA_URL = env.str("TOVGOV_TSA_URL", default="")
TOVGOV_SPOOL = path("TOVGOV_SPOOL", VAR_DIR / "spool")
TOVGOV_LOG_UPLOAD_MB = env.int("TOVGOV_LOG_UPLOAD_MB", default=500)
TOVGOV_PG_BIN = env.str("TOVGOV_PG_BIN", default="")
TOVGOV_KEYS = KEYS_DIR
TOVGOV_AGE_RECIPIENTS = env.list("TOVGOV_AGE_RECIPIENTS", default=[])
TOVGOV_ENCRYPT = env.bool("TOVGOV_ENCRYPT", default=True)
TOVGOV_MAX_BACKUPS = env.int("TOVGOV_MAX_BACKUPS", default=2)
TOVGOV_STALL_SECONDS = env.int("TOVGOV_STALL_SECONDS", default=300)
TOVGOV_LOSS_SHARE = env.float("TOVGOV_LOSS_SHARE", default=0.0)
TOVGOV_PROOF_DAYS = env.int("TOVGOV_PROOF_DAYS", default=7)
TOVGOV_KEEP_FORMER_DAYS = env.int("TOVGOV_KEEP_FORMER_DAYS", default=7)

INSTALLED_APPS = [
    "tovgov.apps.TovgovConfig",
    "tovgov.apps.TovgovAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_q",
    "django_tables2",
    "axes",
    "csp",
    "audit",
    "backups",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "tovgov.urls"
WSGI_APPLICATION = "tovgov.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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

# --- tovgov's own database: PostgreSQL, always --------------------------------------------------------------------

if EMBEDDED:
    from tovgov.own_database import own_database_settings

    DATABASES = {"default": own_database_settings(EMBEDDED_DATA)}
else:
    DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "tovgov_cache"}}

# --- workers ------------------------------------------------------------------------------------------------------
# Two queues: short work, and long work (backups, verifications, restores). ``retry`` stands above every run time
# times the prefetch, so that nothing runs twice; failures are never retried by the broker: job rows count attempts.

Q_CLUSTER = {
    "name": "tovgov",
    "workers": env.int("TOVGOV_WORKERS", default=2),
    "timeout": 300,
    "retry": 2000,
    "queue_limit": 2,
    "bulk": 1,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "save_limit": 250,
    "recycle": 100,
    "max_rss": 500_000,
    "poll": 0.5,
    "label": "Queue",
    "ALT_CLUSTERS": {
        "long": {
            "workers": env.int("TOVGOV_LONG_WORKERS", default=2),
            "timeout": 14_400,
            "retry": 60_000,
            "queue_limit": 1,
            "bulk": 1,
            "recycle": 20,
        }
    },
}
REDIS_URL = env.str("TOVGOV_REDIS_URL", default="")
if REDIS_URL:
    Q_CLUSTER["redis"] = REDIS_URL
else:
    Q_CLUSTER["orm"] = "default"

# --- who may come in ----------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_LOCKOUT_TEMPLATE = "tovgov/locked.html"
LOGIN_URL = "admin:login"

BEHIND_TLS = env.bool("TOVGOV_TLS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_AGE = 12 * 3600
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_SSL_REDIRECT = BEHIND_TLS
if BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [SELF],
    }
}

# --- the rest -----------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.str("TOVGOV_TIME_ZONE", default="UTC")
USE_TZ = True
USE_I18N = False
DATETIME_FORMAT = "j M Y, H:i"
DATE_FORMAT = "j M Y"
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = VAR_DIR / "media"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SILENCED_SYSTEM_CHECKS: list[str] = []

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {
        "nowhere": {"class": "logging.NullHandler"},
        "console": {"class": "logging.StreamHandler", "formatter": "plain"},
    },
    "root": {"handlers": ["console"], "level": env.str("TOVGOV_LOG_LEVEL", default="INFO")},
    "loggers": {
        "apprise": {"level": "DEBUG", "handlers": ["nowhere"], "propagate": False},  # it names passwords; we read it
        "paramiko": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "django-q": {"level": "WARNING"},
    },
}
