"""How gunicorn serves it: two processes, since Python's lock keeps one process on one core, and as
many threads as wait for a store or a hash at once. Threads, not one process per request, since a
thread worker keeps connections open."""

from os import environ

wsgi_app = "app:application"
bind = f"127.0.0.1:{environ.get('PORT', '0')}"
preload_app = True
worker_class = "gthread"
workers = 2
threads = 32
worker_connections = 2000
backlog = 2048
keepalive = 75
timeout = 120
graceful_timeout = 1
loglevel = "critical"
# It would be a file in the home folder.
control_socket_disable = True


def on_starting(server):
    from accounts import create

    create()


def when_ready(server):
    host, port = server.LISTENERS[0].sock.getsockname()
    print(f"listening on {host}:{port}", flush=True)
