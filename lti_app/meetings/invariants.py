"""What must always hold of meetings, stays and attendance."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from lti_app.core.invariants import Check
from lti_app.intakes.models import Intake, Trainee
from lti_app.meetings import correcting
from lti_app.meetings.models import Attendance, JoinLog, Meeting
from lti_app.programmes.models import Topic


def overlapping_stays(session: Session) -> Iterator[str]:
    """Find stays of one person in one meeting that overlap, though the same source tells of them."""
    later = aliased(JoinLog)
    for own, other in ((JoinLog.trainee_id, later.trainee_id), (JoinLog.guest_id, later.guest_id)):
        for first, second in session.execute(
            select(JoinLog.id, later.id)
            .join(later, (later.meeting_id == JoinLog.meeting_id) & (other == own) & (later.source == JoinLog.source))
            .where(
                or_(
                    later.joined_at > JoinLog.joined_at,
                    (later.joined_at == JoinLog.joined_at) & (later.id > JoinLog.id),
                ),
                or_(JoinLog.left_at.is_(None), later.joined_at < JoinLog.left_at),
            )
            .order_by(JoinLog.id, later.id)
        ):
            yield f"stays {first} and {second} overlap"


def attendance_of_strangers(session: Session) -> Iterator[str]:
    """Find attendance of who is no trainee of the meeting's intake, or not the one of an individual meeting."""
    for attendance_id, meeting_id, trainee_id in session.execute(
        select(Attendance.id, Attendance.meeting_id, Attendance.trainee_id)
        .join(Meeting, Meeting.id == Attendance.meeting_id)
        .join(Trainee, Trainee.id == Attendance.trainee_id)
        .where(or_(Trainee.intake_id != Meeting.intake_id, Meeting.only_for_id != Trainee.id))
        .order_by(Attendance.id)
    ):
        yield f"attendance {attendance_id}: meeting {meeting_id} is not for trainee {trainee_id}"


def stays_of_strangers(session: Session) -> Iterator[str]:
    """Find stays of who is no trainee of the meeting's intake, or not the one of an individual meeting."""
    for stay_id, meeting_id, trainee_id in session.execute(
        select(JoinLog.id, JoinLog.meeting_id, JoinLog.trainee_id)
        .join(Meeting, Meeting.id == JoinLog.meeting_id)
        .join(Trainee, Trainee.id == JoinLog.trainee_id)
        .where(or_(Trainee.intake_id != Meeting.intake_id, Meeting.only_for_id != Trainee.id))
        .order_by(JoinLog.id)
    ):
        yield f"stay {stay_id}: meeting {meeting_id} is not for trainee {trainee_id}"


def individual_meetings_elsewhere(session: Session) -> Iterator[str]:
    """Find individual meetings with a trainee of another intake (5.2)."""
    for meeting_id, trainee_id in session.execute(
        select(Meeting.id, Trainee.id)
        .join(Trainee, Trainee.id == Meeting.only_for_id)
        .where(Trainee.intake_id != Meeting.intake_id)
        .order_by(Meeting.id)
    ):
        yield f"meeting {meeting_id} is for trainee {trainee_id} of another intake"


def meetings_off_the_plan(session: Session) -> Iterator[str]:
    """Find meetings on a topic that is not in the plan of their intake's version (4.2)."""
    for meeting_id, topic_id in session.execute(
        select(Meeting.id, Meeting.topic_id)
        .join(Intake, Intake.id == Meeting.intake_id)
        .join(Topic, Topic.id == Meeting.topic_id)
        .where(Topic.version_id != Intake.version_id)
        .order_by(Meeting.id)
    ):
        yield f"meeting {meeting_id} is on topic {topic_id} of another version"


CHECKS = (
    Check("stays of a trainee in a meeting do not overlap", overlapping_stays),
    Check("attendance is of the intake's own trainees", attendance_of_strangers),
    Check("stays are of the intake's own trainees", stays_of_strangers),
    Check("individual meetings are with trainees of their intake (5.2)", individual_meetings_elsewhere),
    Check("meetings are on topics of their version (4.2)", meetings_off_the_plan),
    *correcting.CHECKS,
)
