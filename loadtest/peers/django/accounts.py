"""The tables and the ten thousand accounts."""

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections

from hashers import forget

ACCOUNTS = 10_000
PASSWORD = "correct horse"


class Router:
    """Keeps what axes counts in its own database."""

    def db_for_read(self, model, **hints):
        return "axes" if model._meta.app_label == "axes" else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "axes") == (app_label == "axes")


def create():
    """Makes them, and leaves no connection open that a worker could inherit."""
    call_command("migrate", "auth", verbosity=0)
    if settings.PROTECTION == "defender":
        call_command("migrate", "defender", verbosity=0)
    if settings.PROTECTION == "axes":
        database = "axes" if "axes" in settings.DATABASES else "default"
        call_command("migrate", "axes", database=database, verbosity=0)
    password = make_password(PASSWORD)
    User.objects.bulk_create(
        User(username=f"user{n}", password=password) for n in range(ACCOUNTS)
    )
    connections.close_all()
    forget()
