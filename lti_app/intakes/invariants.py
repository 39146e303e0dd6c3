"""What must always hold of intakes and trainees."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.invariants import Check
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.programmes.models import Programme, ProgrammeVersion, VersionState


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


def places_twice_in_a_course(session: Session) -> Iterator[str]:
    """Find people with places in two intakes of one Moodle course: its gradebook has one column for them."""
    for moodle_id, course_id, person_id in session.execute(
        select(Intake.moodle_id, Intake.course_id, Trainee.person_id)
        .join(Trainee, Trainee.intake_id == Intake.id)
        .where(Intake.course_id.is_not(None), Trainee.state == TraineeState.ENROLLED)
        .group_by(Intake.moodle_id, Intake.course_id, Trainee.person_id)
        .having(func.count() > 1)
        .order_by(Intake.moodle_id, Intake.course_id, Trainee.person_id)
    ):
        yield f"person {person_id} has several places in course {course_id} of Moodle {moodle_id}"


def courses_of_several_sites(session: Session) -> Iterator[str]:
    """Find Moodle courses that intakes of several sites share."""
    for moodle_id, course_id in session.execute(
        select(Intake.moodle_id, Intake.course_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Intake.course_id.is_not(None))
        .group_by(Intake.moodle_id, Intake.course_id)
        .having(func.count(Programme.site_id.distinct()) > 1)
        .order_by(Intake.moodle_id, Intake.course_id)
    ):
        yield f"course {course_id} of Moodle {moodle_id} is shared by several sites"


CHECKS = (
    Check("no intake has more trainees than places", overfull_intakes),
    Check("nobody has places in two intakes of one course", places_twice_in_a_course),
    Check("a course belongs to one site", courses_of_several_sites),
    Check("only intakes of approved versions are published (4.2)", published_without_approval),
)
