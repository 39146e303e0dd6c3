"""What must always hold of individual plans, consultations and ratings."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from lti_app.core.invariants import Check
from lti_app.intakes.models import Intake, Trainee
from lti_app.meetings.models import Meeting
from lti_app.plans.content import content_of
from lti_app.plans.models import (
    CompetenceRating,
    Consultation,
    IndividualPlan,
    PlanItem,
    PlanState,
    PlanVersion,
)
from lti_app.programmes.models import Competence, Topic


def plans_without_what_holds(session: Session) -> Iterator[str]:
    """Find plans whose version that holds isn't there, or isn't the newest."""
    newest: dict[int, int] = {}
    for plan_id, number in session.execute(select(PlanVersion.plan_id, PlanVersion.number)):
        newest[plan_id] = max(number, newest.get(plan_id, 0))
    for plan_id, held in session.execute(
        select(IndividualPlan.id, IndividualPlan.agreed_number).order_by(IndividualPlan.id)
    ):
        if held != newest.get(plan_id):
            yield f"plan {plan_id}: version {held} is said to hold, the newest is {newest.get(plan_id)}"


def agreed_texts_changed(session: Session) -> Iterator[str]:
    """Find plans that count as agreed and say something else than the version that holds (5.2)."""
    for plan, content in session.execute(
        select(IndividualPlan, PlanVersion.content)
        .join(
            PlanVersion,
            (PlanVersion.plan_id == IndividualPlan.id) & (PlanVersion.number == IndividualPlan.agreed_number),
        )
        .where(IndividualPlan.state == PlanState.AGREED)
        .options(selectinload(IndividualPlan.items))
        .order_by(IndividualPlan.id)
    ):
        if content_of(plan) != content:
            yield f"plan {plan.id} isn't the text that both agreed to"


def points_of_others(session: Session) -> Iterator[str]:
    """Find points with a topic of another version, or a meeting that isn't the trainee's."""
    for item_id, topic_id in session.execute(
        select(PlanItem.id, Topic.id)
        .join(IndividualPlan, IndividualPlan.id == PlanItem.plan_id)
        .join(Trainee, Trainee.id == IndividualPlan.trainee_id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(Topic, Topic.id == PlanItem.topic_id)
        .where(Topic.version_id != Intake.version_id)
        .order_by(PlanItem.id)
    ):
        yield f"point {item_id} is on topic {topic_id} of another version"
    for item_id, meeting_id in session.execute(
        select(PlanItem.id, Meeting.id)
        .join(IndividualPlan, IndividualPlan.id == PlanItem.plan_id)
        .join(Trainee, Trainee.id == IndividualPlan.trainee_id)
        .join(Meeting, Meeting.id == PlanItem.meeting_id)
        .where(or_(Meeting.intake_id != Trainee.intake_id, Meeting.only_for_id != Trainee.id))
        .order_by(PlanItem.id)
    ):
        yield f"point {item_id} names meeting {meeting_id}, which isn't the trainee's"


def consultations_elsewhere(session: Session) -> Iterator[str]:
    """Find consultations whose meeting is with somebody else, or on another topic (4.2)."""
    for consultation_id, meeting_id in session.execute(
        select(Consultation.id, Meeting.id)
        .join(Meeting, Meeting.id == Consultation.meeting_id)
        .where(
            or_(
                Meeting.only_for_id.is_(None),
                Meeting.only_for_id != Consultation.trainee_id,
                Meeting.topic_id != Consultation.topic_id,
            )
        )
        .order_by(Consultation.id)
    ):
        yield f"consultation {consultation_id} has meeting {meeting_id} of another trainee or topic"


def ratings_of_other_programmes(session: Session) -> Iterator[str]:
    """Find ratings of a planned result that isn't of the trainee's programme version (6.1)."""
    for rating_id, competence_id in session.execute(
        select(CompetenceRating.id, Competence.id)
        .join(Competence, Competence.id == CompetenceRating.competence_id)
        .join(Trainee, Trainee.id == CompetenceRating.trainee_id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .where(Competence.version_id != Intake.version_id)
        .order_by(CompetenceRating.id)
    ):
        yield f"rating {rating_id} is of planned result {competence_id} of another version"


CHECKS = (
    Check("the newest agreed version of a plan holds (5.2)", plans_without_what_holds),
    Check("an agreed plan says what both agreed to (5.2)", agreed_texts_changed),
    Check("points are of their trainee's programme and meetings", points_of_others),
    Check("a consultation's meeting is with its trainee, on its topic (4.2)", consultations_elsewhere),
    Check("ratings are of planned results of the trainee's programme (6.1)", ratings_of_other_programmes),
)
