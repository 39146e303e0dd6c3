"""Read models of the pages for trainees and leaders, in a constant number of queries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from lti_app.core.permissions import Actor
from lti_app.credits.cards import IntakeCard, IntakeOverview, MeetingOverview, TraineeOverview


def trainee_overview(session: Session, *, intake_id: int, actor: Actor, now: datetime) -> TraineeOverview:
    """Return what a trainee sees of an intake. Raises NotFound, or Forbidden to who is no trainee of it."""
    raise NotImplementedError


def leader_overview(session: Session, *, actor: Actor, now: datetime) -> list[IntakeCard]:
    """Return the intakes of the sites that ``actor`` leads, those under way first."""
    raise NotImplementedError


def intake_overview(session: Session, *, intake_id: int, actor: Actor, now: datetime) -> IntakeOverview:
    """Return what the leader sees of an intake. Raises NotFound, or Forbidden to who does not lead its site (4.1)."""
    raise NotImplementedError


def meeting_overview(session: Session, *, meeting_id: int, actor: Actor, now: datetime) -> MeetingOverview:
    """Return what the leader sees of a meeting. Raises NotFound, or Forbidden to who does not lead its site (4.1)."""
    raise NotImplementedError
