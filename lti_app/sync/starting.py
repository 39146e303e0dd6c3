"""The beginning of a run: it has the lock and its row, and so can be seen, before it does anything else."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from lti_app.core.edge import Tool
from lti_app.sync import lock
from lti_app.sync.models import RunStatus, SyncRun
from lti_app.sync.parts import forget_parts

DIED = "the process that did the run ended before it; the next run takes up its work"
"""What is said of a run that has no process any more."""


@dataclass(frozen=True)
class Started:
    """Hold a run that has done nothing yet, and the lock's heart, which must be ended whatever happens."""

    run: SyncRun
    heart: lock.Heart


def start(tool: Tool, moodle_id: int) -> Started:
    """Take the lock, close runs that died, and put down the new run's row. Raises lock.LockHeld."""
    heart = lock.held(tool.database, moodle_id, tool.clock)
    try:
        with tool.database.transaction() as session:
            # This run holds the lock, so that none of those can be alive.
            died = SyncRun.moodle_id == moodle_id, SyncRun.status == RunStatus.RUNNING
            forget_parts(session, session.scalars(select(SyncRun.id).where(*died)))
            session.execute(
                update(SyncRun).where(*died).values(status=RunStatus.INTERRUPTED, finished_at=tool.clock(), error=DIED)
            )
            run = SyncRun(
                moodle_id=moodle_id,
                status=RunStatus.RUNNING,
                started_at=tool.clock(),
                counts={},
                held=[],
                notes=[],
                proposed={},
            )
            session.add(run)
    except BaseException:
        heart.end()
        raise
    return Started(run, heart)
