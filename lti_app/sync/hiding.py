"""Courses of ended intakes that a night hid, so that the next one can tell which of them somebody has shown again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from lti_app.core.db import insert_for
from lti_app.sync.models import HiddenCourse
from moodle_sync.apply import Outcome
from moodle_sync.plan import CourseChange


def remember_hidden(session: Session, moodle_id: int, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Keep which courses were hidden; forget those that are to be seen again, since their intake was extended."""
    for outcome in outcomes:
        change = outcome.change
        if not isinstance(change, CourseChange) or not outcome.done:
            continue
        if change.course.visible:
            session.execute(
                delete(HiddenCourse).where(
                    HiddenCourse.moodle_id == moodle_id, HiddenCourse.course_id == outcome.course_id
                )
            )
        else:
            row = {"moodle_id": moodle_id, "course_id": outcome.course_id, "hidden_at": now}
            session.execute(insert_for(session, HiddenCourse).values(row).on_conflict_do_nothing())
