"""Password hashers that count how often they look at a password."""

import os

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, MD5PasswordHasher

# Opened before the workers are forked. One byte is appended in one write, so that the file's size
# is the count of all processes together.
COUNT = os.open(settings.COUNT_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)


def counted():
    return os.fstat(COUNT).st_size


def forget():
    os.ftruncate(COUNT, 0)


class Fast(MD5PasswordHasher):
    """The cheapest salted hasher that Django has; `verify` calls `encode`."""

    def encode(self, password, salt):
        os.write(COUNT, b".")
        return super().encode(password, salt)


class Argon2(Argon2PasswordHasher):
    memory_cost = 19456
    time_cost = 2
    parallelism = 1

    # Django encodes the password of a name that it does not know, and verifies the others.
    def encode(self, password, salt):
        os.write(COUNT, b".")
        return super().encode(password, salt)

    def verify(self, password, encoded):
        os.write(COUNT, b".")
        return super().verify(password, encoded)
