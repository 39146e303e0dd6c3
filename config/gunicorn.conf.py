"""How gunicorn serves the tool: `gunicorn -c config/gunicorn.conf.py 'lti_app:create_app()'`."""

import os

bind = os.environ.get("BIND", "127.0.0.1:8700")
workers = int(os.environ.get("WORKERS", "2"))
worker_class = "gthread"
threads = int(os.environ.get("THREADS", "4"))
timeout = 30
graceful_timeout = 20
keepalive = 5
accesslog = None  # the tool's own log and /metrics say what is needed; request lines could carry tokens
errorlog = "-"
control_socket_disable = True
