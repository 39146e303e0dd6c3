"""How gunicorn serves the tool: `gunicorn -c config/gunicorn.conf.py 'lti_app:create_app()'`."""

import gc
import os

bind = os.environ.get("BIND", "127.0.0.1:8700")
workers = int(os.environ.get("WORKERS", "2"))
worker_class = "gthread"
# Pages are worked out, not waited for: more threads only take the interpreter's lock from each other. Two, so that one
# that waits for Moodle's key set doesn't keep the others waiting.
threads = int(os.environ.get("THREADS", "2"))
timeout = 30
graceful_timeout = 20
keepalive = 5
accesslog = None  # the tool's own log and /metrics say what is needed; request lines could carry tokens
errorlog = "-"
control_socket_disable = True


def post_worker_init(_worker: object) -> None:
    """Leave what the application loaded out of every later collection of garbage: none of it ever becomes garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
