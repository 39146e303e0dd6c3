"""A night started from a page: done by a thread of this process, seen through the run's row."""

from __future__ import annotations

from lti_app.core.edge import Tool
from lti_app.sync.night import carry_out
from lti_app.sync.starting import start


def start_run(tool: Tool, moodle_id: int) -> None:
    """Begin a night's work with a Moodle and queue the rest of it; the run can be seen at once.

    Raises lock.LockHeld where a run is under way already. No transaction may be open for writing: the row is written in
    one of its own.
    """
    started = start(tool, moodle_id)
    try:
        tool.jobs.submit(f"night-{started.run.id}", lambda: carry_out(tool, started))
    except BaseException:
        started.heart.end()
        raise
