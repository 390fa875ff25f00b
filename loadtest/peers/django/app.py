"""The WSGI application and its routes."""

import logging

from django.core.wsgi import get_wsgi_application
from django.urls import path

logging.disable(logging.CRITICAL)
application = get_wsgi_application()

import views  # noqa: E402  Models can be imported only now.

urlpatterns = [path("login", views.login), path("verified", views.verified)]
