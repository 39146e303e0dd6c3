"""What becomes of changes: outcomes, when to give up, and how a refused batch is parted."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from moodle_sync.changes import Change
from moodle_sync.errors import MoodleError, NotJson, TokenRefused, Unreachable, WriteOutcomeUnknown
from moodle_sync.roster import Account

Row = TypeVar("Row")

NOT_THERE = ("not_there", "Moodle accepted the change, but it was not there when read back", "")
UNKNOWN = ("outcome_unknown", "Moodle's answer got lost, and what the call did can't be read back", Unreachable.remedy)
NOT_TRIED = ("not_tried", "left to the next run, since Moodle failed several times on end", Unreachable.remedy)
GIVE_UP_AFTER = 3
"""Failures of Moodle as a whole, on end, after which a run sends no more."""
STILL_ACTIVE = (
    "still_active",
    "suspended, but still active: the person is enrolled in this course by other means too",
    "End the person's other enrolment in Moodle, if it should end.",
)
NO_CATEGORY = ("no_category", "the category could not be made, so no course was made in it")
NO_COURSE = ("no_course", "the course could not be made, so nobody was enrolled in it")


class Outcome(NamedTuple):
    """Say what became of a change. ``course_id`` is Moodle's, also for a course made now."""

    change: Change
    course_id: int | None
    done: bool
    errorcode: str = ""
    message: str = ""
    remedy: str = ""
    made_id: int = 0
    """Moodle's number of an event that was made."""
    account: Account | None = None
    """The user that was made."""

    @property
    def certain_failure(self) -> bool:
        """Tell whether the change failed and Moodle said so: nothing of it can have been done."""
        return not self.done and self.errorcode not in (UNKNOWN[0], NOT_THERE[0], STILL_ACTIVE[0])

    @property
    def is_in_vain(self) -> bool:
        """Tell whether the enrolment is suspended as meant, and the person active by another one all the same."""
        return self.errorcode == STILL_ACTIVE[0]


class Patience:
    """Tell when to stop sending to a Moodle that is down: each further call would wait for its timeouts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0

    @property
    def is_over(self) -> bool:
        """Tell whether the rest of the run is left to the next one."""
        return self._failures >= GIVE_UP_AFTER

    def note(self, error: MoodleError | None) -> None:
        """Count a call that failed because of Moodle as a whole; any other answer shows that it is there."""
        with self._lock:
            if isinstance(error, TokenRefused):
                self._failures = GIVE_UP_AFTER
            elif isinstance(error, Unreachable | NotJson | WriteOutcomeUnknown):
                self._failures += 1
            elif not self.is_over:
                self._failures = 0


def failed(change: Change, course_id: int | None, errorcode: str, message: str, remedy: str = "") -> Outcome:
    """Return the outcome of a change that failed, with the remedy that is known."""
    return Outcome(change, course_id, False, errorcode, message, remedy or MoodleError.remedy)


def failure(change: Change, course_id: int | None, error: MoodleError) -> Outcome:
    """Return the outcome of a change whose call ended in ``error``."""
    if isinstance(error, WriteOutcomeUnknown):
        return failed(change, course_id, *UNKNOWN)
    return failed(change, course_id, error.errorcode, str(error), error.remedy)


def halves(batch: Sequence[Row]) -> list[list[Row]]:
    """Part a batch in two, so that the row at fault is left alone in the end."""
    half = len(batch) // 2
    return [list(batch[:half]), list(batch[half:])]
