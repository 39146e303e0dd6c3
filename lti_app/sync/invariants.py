"""What must always hold of the enrolments that the tool made."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.invariants import Check
from lti_app.lti.models import Moodle
from lti_app.sync.models import OwnedEnrolment


def enrolments_without_moodle(session: Session) -> Iterator[str]:
    """Find enrolments in a Moodle that the tool doesn't know."""
    for moodle_id, course_id, user_id in session.execute(
        select(OwnedEnrolment.moodle_id, OwnedEnrolment.course_id, OwnedEnrolment.user_id)
        .outerjoin(Moodle, Moodle.id == OwnedEnrolment.moodle_id)
        .where(Moodle.id.is_(None))
        .order_by(OwnedEnrolment.moodle_id, OwnedEnrolment.course_id, OwnedEnrolment.user_id)
    ):
        yield f"user {user_id} in course {course_id} of Moodle {moodle_id}, which is not known"


CHECKS = (Check("enrolments that the tool made are in a known Moodle", enrolments_without_moodle),)
