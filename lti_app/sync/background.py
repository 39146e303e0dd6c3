"""A night started from a page: done by a worker, or by a thread of this process; seen through the run's row."""

from __future__ import annotations

from lti_app.core.edge import Tool
from lti_app.sync.night import carry_out
from lti_app.sync.starting import start


def start_run(tool: Tool, moodle_id: int) -> None:
    """Begin a night's work with a Moodle and queue the rest of it; the run can be seen at once.

    With a broker all of it is queued, and a worker begins the run. Raises Unavailable where the broker does not answer.

    Raises lock.LockHeld where a run is under way already. No transaction may be open for writing: the row is written in
    one of its own.
    """
    broker = tool.services.get("broker")
    if broker is not None:
        from lti_app.sync.jobs import ask_for_night

        ask_for_night(broker, moodle_id, tool.clock())
        return
    started = start(tool, moodle_id)
    try:
        tool.jobs.submit(f"night-{started.run.id}", lambda: carry_out(tool, started))
    except BaseException:
        started.heart.end()
        raise
