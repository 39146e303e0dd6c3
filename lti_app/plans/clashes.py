"""What a new individual meeting would fall together with; it is said, and forbids nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.meetings.planning import LONGEST
from lti_app.plans.models import Side
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import SiteLeader


@dataclass(frozen=True)
class Clash:
    """Say who has another meeting at that time, and which."""

    side: Side
    meeting: Meeting


def clashes_of(session: Session, meeting: Meeting, *, trainee: Trainee, leader_id: int) -> list[Clash]:
    """Return the other meetings of the trainee and of the leader that overlap with ``meeting``. Two queries."""
    return [
        *(Clash(Side.TRAINEE, one) for one in _overlapping(session, meeting, _attended_by(trainee.person_id))),
        *(Clash(Side.LEADER, one) for one in _overlapping(session, meeting, _held_by(leader_id))),
    ]


def _overlapping(session: Session, meeting: Meeting, whose: object) -> Sequence[Meeting]:
    begun: datetime = meeting.starts_at - timedelta(minutes=LONGEST)
    rows = session.scalars(
        select(Meeting)
        .where(
            Meeting.id != meeting.id,
            Meeting.state == MeetingState.PLANNED,
            Meeting.starts_at > begun,
            Meeting.starts_at < meeting.ends_at,
            whose,  # type: ignore[arg-type]
        )
        .options(joinedload(Meeting.topic))
        .order_by(Meeting.starts_at, Meeting.id)
    )
    return [one for one in rows if one.ends_at > meeting.starts_at]


def _attended_by(person_id: int) -> object:
    place = aliased(Trainee)
    return exists().where(
        place.intake_id == Meeting.intake_id,
        place.person_id == person_id,
        place.state == TraineeState.ENROLLED,
        or_(Meeting.only_for_id.is_(None), Meeting.only_for_id == place.id),
    )


def _held_by(person_id: int) -> object:
    """Limit to meetings that a person holds: as the host, or where none is named as the leader of the site."""
    leads = exists().where(
        Intake.id == Meeting.intake_id,
        ProgrammeVersion.id == Intake.version_id,
        Programme.id == ProgrammeVersion.programme_id,
        SiteLeader.site_id == Programme.site_id,
        SiteLeader.person_id == person_id,
        SiteLeader.until.is_(None),
    )
    return or_(Meeting.host_id == person_id, and_(Meeting.host_id.is_(None), leads))
