"""What must always hold of intakes and trainees."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.invariants import Check
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.programmes.models import ProgrammeVersion, VersionState


def overfull_intakes(session: Session) -> Iterator[str]:
    """Find intakes with more trainees enrolled than they have places."""
    for intake_id, capacity, count in session.execute(
        select(Intake.id, Intake.capacity, func.count(Trainee.id))
        .join(Trainee, Trainee.intake_id == Intake.id)
        .where(Trainee.state == TraineeState.ENROLLED)
        .group_by(Intake.id, Intake.capacity)
        .having(func.count(Trainee.id) > Intake.capacity)
        .order_by(Intake.id)
    ):
        yield f"intake {intake_id} has {count} trainees on {capacity} places"


def published_without_approval(session: Session) -> Iterator[str]:
    """Find published intakes of versions that the council has not approved (4.2)."""
    for intake_id, version_id, state in session.execute(
        select(Intake.id, ProgrammeVersion.id, ProgrammeVersion.state)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .where(Intake.published_at.is_not(None), ProgrammeVersion.state != VersionState.APPROVED)
        .order_by(Intake.id)
    ):
        yield f"intake {intake_id} is published on version {version_id}, which is {state.value}"


CHECKS = (
    Check("no intake has more trainees than places", overfull_intakes),
    Check("only intakes of approved versions are published (4.2)", published_without_approval),
)
