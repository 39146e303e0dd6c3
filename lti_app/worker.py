"""Where Celery begins: `celery --app lti_app.worker worker`, and `… beat`."""

from __future__ import annotations

from typing import Any

from celery.signals import beat_init, worker_process_init

from lti_app import create_app
from lti_app.core.edge import Tool
from lti_app.core.errors import stop_start
from lti_app.sync import jobs

_application = create_app()
_tool: Tool = _application.extensions["ploshchadka"]
if "broker" not in _tool.services:
    stop_start("BROKER_URL: workers need a broker, and none is set")
jobs.install(_tool, _tool.services["broker"], _application.app_context)

app = _tool.services["broker"].celery
"""What `--app` looks for."""


@worker_process_init.connect
def _begin_anew(**_: Any) -> None:
    """Leave the parent's connections to the database to the parent."""
    _tool.database.engine.dispose(close=False)


@beat_init.connect
def _only_if_scheduled(**_: Any) -> None:
    """End beat where the timer begins the nights: never both."""
    if _tool.settings.schedule != "beat":
        stop_start(
            'SCHEDULE: is "timer", so that the systemd timer begins the nights; set it to beat to let beat do so'
        )
