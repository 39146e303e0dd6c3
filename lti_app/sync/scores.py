"""Scores that Moodle refused because the night had yet to enrol their person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lti_app.core.outbox import OutboxMessage
from lti_app.credits.outstanding import ITS_TRAINEE
from lti_app.credits.service import SCORE
from lti_app.intakes.models import Intake, Trainee
from lti_app.people.models import MoodleAccount
from lti_app.sync.models import OwnedEnrolment


def retry_refused(session: Session, *, moodle_id: int, now: datetime) -> None:
    """Give scores another chance that were given up before their person's present enrolment was written.

    Moodle takes no score of somebody who isn't an active student of the course (recording ``ags_score_teacher``), and
    says so in the same words as of a line item that never will do.
    """
    enrolled_since = (
        select(Trainee.id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(
            MoodleAccount,
            (MoodleAccount.person_id == Trainee.person_id) & (MoodleAccount.moodle_id == Intake.moodle_id),
        )
        .join(
            OwnedEnrolment,
            (OwnedEnrolment.moodle_id == Intake.moodle_id)
            & (OwnedEnrolment.course_id == Intake.course_id)
            & (OwnedEnrolment.user_id == MoodleAccount.user_id),
        )
        .where(
            Intake.moodle_id == moodle_id,
            OwnedEnrolment.pending.is_(False),
            OwnedEnrolment.suspended.is_(False),
            OwnedEnrolment.written_at > OutboxMessage.given_up_at,
        )
    )
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.kind == SCORE, OutboxMessage.given_up_at.is_not(None), ITS_TRAINEE.in_(enrolled_since))
        .values(given_up_at=None, failures=0, next_attempt_at=now)
        .execution_options(synchronize_session=False)
    )
