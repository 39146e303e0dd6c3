"""What pages show of consultations, in a constant number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, select
from sqlalchemy.orm import Session, contains_eager

from lti_app.intakes.models import Trainee
from lti_app.meetings.models import Attendance, Meeting, MeetingState, Presence
from lti_app.people.models import Person
from lti_app.plans.models import OPEN_CONSULTATIONS, Consultation, ConsultationState
from lti_app.programmes.models import Topic


@dataclass(frozen=True)
class ConsultationLine:
    """Show a consultation; ``state`` is the stored one, or what became of its meeting: held, missed, cancelled …"""

    consultation: Consultation
    state: str
    presence: Presence | None

    @property
    def is_open(self) -> bool:
        """Tell whether it still waits for one of the sides."""
        return self.consultation.state in OPEN_CONSULTATIONS

    @property
    def is_ahead(self) -> bool:
        """Tell whether its meeting is agreed and to come."""
        return self.state == ConsultationState.AGREED


def state_of(consultation: Consultation, presence: Presence | None, now: datetime) -> str:
    """Return where a consultation stands, with what became of its meeting."""
    meeting = consultation.meeting
    if consultation.state is not ConsultationState.AGREED or meeting is None:
        return consultation.state.value
    if presence is not None:
        return "held" if presence is Presence.PRESENT else "missed"
    if meeting.state is MeetingState.CANCELLED:
        return "cancelled"
    return "unconfirmed" if meeting.ends_at <= now else consultation.state.value


def of_trainee(session: Session, trainee_id: int, *, now: datetime) -> list[ConsultationLine]:
    """Return a trainee's consultations, those that wait first, then the newest. One query."""
    return _lines(session, Consultation.trainee_id == trainee_id, now)


def of_intake(session: Session, intake_id: int, *, now: datetime) -> list[ConsultationLine]:
    """Return the consultations of an intake, those that wait first, then the newest. One query."""
    return _lines(session, Trainee.intake_id == intake_id, now)


def _lines(session: Session, which: ColumnElement[bool], now: datetime) -> list[ConsultationLine]:
    rows = session.execute(_query().where(which)).all()
    return [ConsultationLine(one, state_of(one, presence, now), presence) for one, presence in rows]


def _query() -> Select[Consultation, Presence]:
    waits = case(
        (Consultation.state == ConsultationState.ASKED, 0),
        (Consultation.state == ConsultationState.OFFERED, 1),
        else_=2,
    )
    return (
        select(Consultation, Attendance.presence)
        .join(Consultation.trainee)
        .join(Trainee.person)
        .join(Consultation.topic)
        .outerjoin(Consultation.meeting)
        .outerjoin(
            Attendance,
            and_(Attendance.meeting_id == Meeting.id, Attendance.trainee_id == Consultation.trainee_id),
        )
        .options(
            contains_eager(Consultation.trainee).contains_eager(Trainee.person).joinedload(Person.organisation),
            contains_eager(Consultation.topic),
            contains_eager(Consultation.meeting),
        )
        .order_by(waits, Consultation.id.desc())
    )


def topics_of(session: Session, version_id: int) -> Sequence[Topic]:
    """Return the topics of a version, in order."""
    return session.scalars(select(Topic).where(Topic.version_id == version_id).order_by(Topic.position)).all()
