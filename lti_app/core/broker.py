"""The queue of jobs: Celery as this tool uses it. Imported only where ``BROKER_URL`` is set.

Messages hold ids and times alone, as JSON; results are rows of the database.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from celery.exceptions import OperationalError
from flask_babel import lazy_gettext as _l

from config.settings import Settings
from lti_app.core.errors import Unavailable

NIGHTS, HELP, DELIVERY = "sync.nights", "sync.help", "outbox.deliver"
NIGHT = "sync.night"
"""Names of the tasks; messages that wait in a queue know them by these."""

CONNECT_SECONDS = 3
SOFT_LIMIT = timedelta(hours=4)
"""After which a job is told to end; the run's row says that it broke off, and the next night goes on."""
HARD_LIMIT = SOFT_LIMIT + timedelta(minutes=5)
REDELIVERED_AFTER = timedelta(minutes=5)
"""After which Redis gives a job that nobody has acknowledged to another worker: how long the loss of a whole worker can
stay unnoticed. A job that lasts longer is given out twice; the second one finds the first one's lock and waits."""
SWEPT_EVERY = timedelta(seconds=10)
"""How often a worker looks for such jobs."""
BEAT_EVERY = timedelta(minutes=5)

_QUEUES = {name: {"exchange": name, "routing_key": name} for name in ("ploshchadka.help", "ploshchadka.jobs")}
"""Consumed in this order by Redis: nights under way are helped before others begin."""


class Broker:
    """Send jobs to workers, and tell whether the broker answers."""

    def __init__(self, settings: Settings) -> None:
        self.celery = Celery("ploshchadka", set_as_current=False)
        self.celery.conf.update(_configuration(settings))

    def send(self, name: str, *args: int | str) -> None:
        """Queue the job ``name``. Raises Unavailable where the broker doesn't take it; it may have been taken all the
        same, so whatever a job does must be safe to repeat."""
        try:
            self.celery.send_task(name, args, retry_policy={"max_retries": 1, "interval_start": 0.1})
        except (OperationalError, OSError) as error:
            raise _away() from error

    def ping(self) -> None:
        """Connect anew. Raises Unavailable."""
        try:
            with self.celery.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, interval_start=0, timeout=CONNECT_SECONDS)
        except (OperationalError, OSError) as error:
            raise _away() from error


def _away() -> Unavailable:
    return Unavailable(
        "broker_away",
        _l("The queue of jobs does not answer, so that no work could be started."),
        remedy=_l("Try again in a few minutes; if it stays so, tell whoever keeps the tool running."),
    )


def _configuration(settings: Settings) -> dict[str, Any]:
    url = settings.broker_url or ""
    return {
        "broker_url": url,
        "broker_connection_timeout": CONNECT_SECONDS,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": _redis_options() if urlsplit(url).scheme.startswith("redis") else {},
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        # A job is taken from the queue once it has ended, not when it begins: a lost worker's goes to another one.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": False,  # a broker that blinks ends no night
        "task_soft_time_limit": int(SOFT_LIMIT.total_seconds()),
        "task_time_limit": int(HARD_LIMIT.total_seconds()),
        "task_queues": _QUEUES,
        "task_default_queue": "ploshchadka.jobs",
        "task_routes": {HELP: {"queue": "ploshchadka.help"}},
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "beat_schedule": _beat_schedule() if settings.schedule == "beat" else {},
    }


def _redis_options() -> dict[str, Any]:
    return {
        "visibility_timeout": int(REDELIVERED_AFTER.total_seconds()),
        "unacked_restore_interval": SWEPT_EVERY.total_seconds(),
        "unacked_restore_throttle": 1,  # else only every tenth time
        "queue_order_strategy": "priority",
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": 30,
    }


def _beat_schedule() -> dict[str, Any]:
    every = BEAT_EVERY.total_seconds()
    return {
        name: {"task": name, "schedule": every, "options": {"expires": every}}  # none piles up behind a long night
        for name in (NIGHTS, DELIVERY)
    }
