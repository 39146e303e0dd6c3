"""A night started from a page: done by a worker, or by a thread of this process; seen through the run's row."""

from __future__ import annotations

import logging

from lti_app.core.edge import Tool
from lti_app.sync import lock
from lti_app.sync.night import run_night

log = logging.getLogger(__name__)


def start_run(tool: Tool, moodle_id: int) -> None:
    """Queue a night's work with a Moodle; where a run is under way already, nothing happens.

    Raises Unavailable where the broker does not answer.
    """
    broker = tool.services.get("broker")
    if broker is not None:
        from lti_app.sync.jobs import ask_for_night

        ask_for_night(broker, moodle_id, tool.clock())
        return

    def work() -> None:
        try:
            run_night(tool, moodle_id)
        except lock.LockHeld as held:
            log.info("no second run: %s", held)

    tool.jobs.submit(f"night-{moodle_id}", work)
