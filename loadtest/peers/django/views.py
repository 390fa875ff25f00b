"""`POST /login` and `GET /verified`, with nothing else around them."""

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db import DatabaseError
from django.http import HttpResponse
from redis.exceptions import RedisError

from hashers import counted

LET_IN, WRONG, REFUSED, BROKEN = 204, 401, 429, 503


def client_address(request):
    return request.META["HTTP_X_FORWARDED_FOR"]


def check(request):
    """Django's own check of a password, without a session."""
    form = request.POST
    user = authenticate(
        request, username=form.get("username", ""), password=form.get("password", "")
    )
    if user is None:
        return HttpResponse(status=WRONG)
    if settings.PROTECTION == "axes":
        # `login()` would send it; axes forgets the failures on it.
        user_logged_in.send(sender=type(user), request=request, user=user)
    return HttpResponse(status=LET_IN)


if settings.PROTECTION == "axes":
    # It would write the time of the login into the account.
    user_logged_in.disconnect(dispatch_uid="update_last_login")

if settings.PROTECTION.startswith("defender"):
    from defender.decorators import watch_login

    check = watch_login(status_code=WRONG)(check)


def login(request):
    try:
        response = check(request)
    except (RedisError, DatabaseError):
        return HttpResponse(status=BROKEN)
    # Defender's page for a lockout is a 200, which `check` itself never answers.
    if response.status_code == 200:
        response.status_code = REFUSED
    return response


def verified(request):
    return HttpResponse(str(counted()), content_type="text/plain")
