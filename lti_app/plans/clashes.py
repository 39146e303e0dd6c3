"""What a new individual meeting would fall together with; it is said, and forbids nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from lti_app.intakes.models import Trainee
from lti_app.meetings.clashes import meetings_meanwhile
from lti_app.meetings.models import Meeting
from lti_app.plans.models import Side


@dataclass(frozen=True)
class Clash:
    """Say who has another meeting at that time, and which."""

    side: Side
    meeting: Meeting


def clashes_of(session: Session, meeting: Meeting, *, trainee: Trainee, leader_id: int) -> list[Clash]:
    """Return the other meetings of the trainee and of the leader that overlap with ``meeting``. Two queries."""
    return [
        Clash(side, one)
        for side, person_id in ((Side.TRAINEE, trainee.person_id), (Side.LEADER, leader_id))
        for one in meetings_meanwhile(session, meeting, person_id)
    ]
