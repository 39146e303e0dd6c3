"""Jobs that workers do: a Moodle's night, help with one that is under way, delivery.

A message may come twice, late, or to a second worker while the first one is still at work; how it stands with what it
asks for is told from the database each time.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from celery import Task
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core.broker import DELIVERY, HELP, NIGHT, NIGHTS, Broker
from lti_app.core.edge import Tool, deliver
from lti_app.core.errors import Unavailable, described
from lti_app.lti.models import Moodle
from lti_app.sync import lock
from lti_app.sync.models import RunStatus, SyncRun
from lti_app.sync.night import client_for, run_night
from lti_app.sync.parts import help_run

log = logging.getLogger(__name__)

LOOK_AGAIN = timedelta(minutes=1)
"""How long a message waits that found the night which it asks for under way."""
MOST_BROKEN = 3
"""Runs that broke off after which a night is not begun again: it may be what kills the workers."""


class Standing(enum.Enum):
    """Say how the night that somebody asked for stands."""

    WANTED = enum.auto()
    ENDED = enum.auto()
    BROKEN = enum.auto()


def standing(session: Session, moodle_id: int, since: datetime) -> Standing:
    """Tell how the night asked for at ``since`` stands: any run that began later is it. One query."""
    statuses = session.scalars(
        select(SyncRun.status).where(SyncRun.moodle_id == moodle_id, SyncRun.started_at >= since)
    ).all()
    if any(status not in (RunStatus.RUNNING, RunStatus.INTERRUPTED) for status in statuses):
        return Standing.ENDED
    # One that still counts as running may have died as well; this is told when its lock is asked for.
    broken = sum(status is RunStatus.INTERRUPTED for status in statuses)
    return Standing.BROKEN if broken >= MOST_BROKEN else Standing.WANTED


def night_began(settings: Settings, now: datetime) -> datetime:
    """Return the newest moment (UTC) at which a night was due by ``NIGHT_AT``."""
    local = now.astimezone(settings.zone)
    due = datetime.combine(local.date(), settings.night_time, settings.zone)
    if due > local:
        due = datetime.combine(local.date() - timedelta(days=1), settings.night_time, settings.zone)
    return due.astimezone(UTC)


def ask_for_night(broker: Broker, moodle_id: int, asked_at: datetime) -> None:
    """Queue a Moodle's night. Raises Unavailable."""
    broker.send(NIGHT, moodle_id, asked_at.isoformat())


def call_helpers(broker: Broker, run_id: int, number: int) -> None:
    """Ask other workers to help with a run; where the broker is away the run goes on alone."""
    try:
        for _ in range(number):
            broker.send(HELP, run_id)
    except Unavailable:
        log.warning("run %s goes on without help: the broker does not answer", run_id)


def do_night(tool: Tool, broker: Broker, moodle_id: int, asked_at: datetime) -> bool:
    """Do the night that was asked for at ``asked_at`` unless it was done; tell False where it is to be seen later."""
    with tool.database.session(writes=False) as session:
        stands = standing(session, moodle_id, asked_at)
        known = session.get(Moodle, moodle_id) is not None
    if stands is Standing.BROKEN:
        log.error("the night of Moodle %s broke off %s times and is not begun again", moodle_id, MOST_BROKEN)
    if stands is not Standing.WANTED or not known:
        return True
    try:
        run_night(tool, moodle_id, call_helpers=partial(call_helpers, broker))
    except lock.LockHeld as held:
        log.info("no second run: %s", held)
        return held.taken_at < asked_at  # else it is the night asked for, and its end is still to be seen
    return True


def ask_for_nights(tool: Tool, broker: Broker) -> int:
    """Queue the night of each Moodle that had none since it was due; return how many. Raises Unavailable."""
    began = night_began(tool.settings, tool.clock())
    with tool.database.session(writes=False) as session:
        due = [
            moodle_id
            for moodle_id in session.scalars(select(Moodle.id).where(Moodle.created_at < began).order_by(Moodle.id))
            if standing(session, moodle_id, began) is Standing.WANTED
        ]
    for moodle_id in due:
        ask_for_night(broker, moodle_id, began)
    return len(due)


def install(tool: Tool, broker: Broker, context: Callable[[], AbstractContextManager[object]]) -> None:
    """Give the workers their tasks; ``context`` is entered around each."""

    @contextmanager
    def told(name: str) -> Iterator[None]:
        """Log what escapes: Celery would log texts of exceptions, too, which can quote personal data."""
        try:
            with context():
                yield
        except Exception as error:
            log.error("the job %s broke off\n%s", name, described(error))

    @broker.celery.task(name=NIGHT, bind=True, max_retries=None)
    def _night(self: Task[Any, Any], moodle_id: int, asked_at: str) -> None:
        is_settled = True
        with told(NIGHT):
            is_settled = do_night(tool, broker, moodle_id, datetime.fromisoformat(asked_at))
        if not is_settled:
            raise self.retry(countdown=LOOK_AGAIN.total_seconds())

    @broker.celery.task(name=NIGHTS)
    def _nights() -> None:
        with told(NIGHTS):
            ask_for_nights(tool, broker)

    @broker.celery.task(name=HELP)
    def _help(run_id: int) -> None:
        with told(HELP):
            help_run(tool, run_id, client_for)

    @broker.celery.task(name=DELIVERY)
    def _deliver() -> None:
        with told(DELIVERY):
            deliver(tool)
