"""The sample login app's settings, chosen by environment variables.

PROTECTION    plain, defender, defender-unlogged or axes
HASH          fast or argon2
DATABASE      path of the SQLite file of the accounts
COUNT_FILE    gets one byte for each password that is looked at
REDIS_URL     where defender counts
POSTGRES_URL  where axes counts; without it in DATABASE, whose lock its writers then wait for
"""

from datetime import timedelta
from os import environ
from urllib.parse import unquote, urlsplit

PROTECTION = environ["PROTECTION"]
COUNT_FILE = environ["COUNT_FILE"]

SECRET_KEY = "nothing is signed here"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "app"
USE_I18N = False
USE_TZ = True
LOGGING_CONFIG = None

INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
MIDDLEWARE = []
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [{"fast": "hashers.Fast", "argon2": "hashers.Argon2"}[environ["HASH"]]]

# Connections stay open, one for each thread. Without a health check before each login, so after a
# database's restart each of them answers 503 once.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": environ["DATABASE"],
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            # Readers need not wait for writers, and a commit not for the disk.
            "init_command": "PRAGMA journal_mode=wal; PRAGMA synchronous=normal",
        },
    }
}

if PROTECTION.startswith("defender"):
    INSTALLED_APPS.append("defender")
    DEFENDER_REDIS_URL = environ["REDIS_URL"]
    DEFENDER_LOGIN_FAILURE_LIMIT_USERNAME = 3
    DEFENDER_LOGIN_FAILURE_LIMIT_IP = 30
    DEFENDER_COOLOFF_TIME = 300
    DEFENDER_BEHIND_REVERSE_PROXY = True
    # On unless it is switched off: each login then writes a row, and a lockout counts them.
    DEFENDER_STORE_ACCESS_ATTEMPTS = PROTECTION == "defender"

if PROTECTION == "axes":
    INSTALLED_APPS.append("axes")
    MIDDLEWARE.append("axes.middleware.AxesMiddleware")
    AUTHENTICATION_BACKENDS.insert(0, "axes.backends.AxesStandaloneBackend")
    # It locks at the limit, not over it.
    AXES_FAILURE_LIMIT = 4
    AXES_LOCKOUT_PARAMETERS = ["username"]
    AXES_COOLOFF_TIME = timedelta(minutes=5)
    AXES_RESET_ON_SUCCESS = True
    AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
    AXES_HTTP_RESPONSE_CODE = 429
    AXES_CLIENT_IP_CALLABLE = "views.client_address"
    AXES_ENABLE_ACCESS_FAILURE_LOG = False
    AXES_DISABLE_ACCESS_LOG = True
    AXES_ENABLE_ADMIN = False
    AXES_VERBOSE = False
    if "POSTGRES_URL" in environ:
        postgres = urlsplit(environ["POSTGRES_URL"])
        DATABASES["axes"] = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": postgres.path.lstrip("/"),
            "USER": unquote(postgres.username or ""),
            "PASSWORD": unquote(postgres.password or ""),
            "HOST": postgres.hostname,
            "PORT": postgres.port or 5432,
            "CONN_MAX_AGE": None,
        }
        DATABASE_ROUTERS = ["accounts.Router"]
