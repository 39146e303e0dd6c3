"""Do to intakes and trainees what was chosen at the end of their site (8.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import saving
from lti_app.core.errors import Conflict
from lti_app.core.permissions import Actor
from lti_app.credits.at_end import credit_at_end
from lti_app.credits.facts import IntakeFacts, load_facts
from lti_app.ending.choices import IntakeChoice
from lti_app.ending.running import RunningIntake
from lti_app.intakes.models import (
    OPEN_REQUESTS,
    EndedIntake,
    EndedTrainee,
    Intake,
    IntakeOutcome,
    PlaceRequest,
    RequestState,
    Trainee,
    TraineeOutcome,
    TraineeState,
)
from lti_app.intakes.service import save_trainee
from lti_app.intakes.telling import tell_asker
from lti_app.intakes.waiting import close_request
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.meetings.telling import tell_guests_of_cancelling
from lti_app.sites.models import SiteEnd

SITE_ENDED = _l("The site ended (8.1).")


def carry_out(
    session: Session,
    end: SiteEnd,
    choices: Mapping[int, IntakeChoice],
    found: Sequence[RunningIntake],
    *,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Put down and carry out the choices on all intakes under way, whose rows are locked."""
    facts = load_facts(session, [intake.intake_id for intake in found]) if found else {}
    for shown in found:
        choice = choices[shown.intake_id]
        intake = facts[shown.intake_id].intake
        session.add(
            EndedIntake(end_id=end.id, intake_id=intake.id, outcome=choice.outcome, moved_to_id=choice.moved_to_id)
        )
        if choice.outcome is not IntakeOutcome.FINISHED:
            _decline_requests(session, intake, actor=actor, now=now)
            _break_off(session, intake, end, actor=actor, now=now, zone=zone)
        _trainees(session, end, facts[shown.intake_id], choice, actor=actor, now=now)
    session.flush()


def _decline_requests(session: Session, intake: Intake, *, actor: Actor, now: datetime) -> None:
    """Close the requests first: nobody is promoted to a place that becomes free by the end. Who asked is told."""
    for request in session.scalars(
        select(PlaceRequest)
        .where(PlaceRequest.intake_id == intake.id, PlaceRequest.state.in_(OPEN_REQUESTS))
        .options(joinedload(PlaceRequest.intake).joinedload(Intake.version))
        .order_by(PlaceRequest.id)
    ).all():
        close_request(
            session,
            request,
            RequestState.DECLINED,
            action="decline_request",
            reason=SITE_ENDED,
            actor=actor,
            now=now,
        )
        tell_asker(session, request, "place_declined", now=now)


def _break_off(session: Session, intake: Intake, end: SiteEnd, *, actor: Actor, now: datetime, zone: ZoneInfo) -> None:
    last_day = max(intake.starts_on, end.ends_on - timedelta(days=1))
    values = {"broken_off_on": end.ends_on, "ends_on": min(intake.ends_on, last_day)}
    saving.change(session, intake, values, actor=actor, now=now, action="break_off_intake")
    midnight = datetime.combine(end.ends_on, time(), zone)
    coming = select(Meeting).where(
        Meeting.intake_id == intake.id, Meeting.starts_at >= midnight, Meeting.state == MeetingState.PLANNED
    )
    cancelled = session.scalars(coming.order_by(Meeting.id)).all()
    for meeting in cancelled:
        values_of_meeting = {"state": MeetingState.CANCELLED}
        saving.change(session, meeting, values_of_meeting, actor=actor, now=now, action="cancel_meeting")
    # Trainees are told what becomes of their places; of guests nobody else would think.
    open_ones = [meeting for meeting in cancelled if meeting.is_open]
    tell_guests_of_cancelling(session, open_ones, actor=actor, now=now, zone=zone)


def _trainees(
    session: Session, end: SiteEnd, facts: IntakeFacts, choice: IntakeChoice, *, actor: Actor, now: datetime
) -> None:
    rows = {
        trainee.id: trainee
        for trainee in session.scalars(select(Trainee).where(Trainee.id.in_(choice.trainees)).order_by(Trainee.id))
    }
    known = {trainee.trainee_id: trainee for trainee in facts.trainees}
    for trainee_id, outcome in sorted(choice.trainees.items()):
        session.add(EndedTrainee(end_id=end.id, trainee_id=trainee_id, outcome=outcome))
        trainee = rows[trainee_id]
        if outcome is TraineeOutcome.CREDITED and known[trainee_id].standing.attended > known[trainee_id].credited:
            credit_at_end(session, facts, known[trainee_id], actor=actor, now=now)
        if outcome in (TraineeOutcome.MOVED, TraineeOutcome.LEFT):
            save_trainee(
                session,
                trainee,
                intake=trainee.intake,
                person=trainee.person,
                state=TraineeState.LEFT,
                actor=actor,
                now=now,
            )
        if outcome is TraineeOutcome.MOVED:
            _move(session, trainee, choice, actor=actor, now=now)


def _move(session: Session, trainee: Trainee, choice: IntakeChoice, *, actor: Actor, now: datetime) -> None:
    target = session.get_one(Intake, choice.moved_to_id)
    existing = session.scalar(
        select(Trainee).where(Trainee.intake_id == target.id, Trainee.person_id == trainee.person_id)
    )
    if existing is not None and existing.state is TraineeState.ENROLLED:
        raise Conflict(
            "has_place_there",
            _l("%(name)s has a place in that intake already.", name=trainee.person.full_name),
            remedy=_l("Choose something else for this trainee."),
            field=f"trainee_{trainee.id}",
            clause="8.1",
        )
    save_trainee(
        session,
        existing,
        intake=target,
        person=trainee.person,
        state=TraineeState.ENROLLED,
        actor=actor,
        now=now,
    )
