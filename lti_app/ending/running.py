"""What is under way at a site on the day of its end: intakes, trainees with their hours, and where they could go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from lti_app.credits.at_end import creditable
from lti_app.credits.facts import IntakeFacts, load_facts
from lti_app.intakes.models import OPEN_REQUESTS, Intake, PlaceRequest, Trainee, TraineeState
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.people.models import Organisation
from lti_app.programmes.models import AgendaItem, Decision, Programme, ProgrammeVersion, Sitting
from lti_app.sites.models import Site

TARGETS_SHOWN = 100


@dataclass(frozen=True)
class UnderWay:
    """Show a trainee whose place is under way. Academic hours."""

    trainee_id: int
    person_id: int
    name: str
    attended: Decimal
    credited: Decimal
    creditable: Decimal


@dataclass(frozen=True)
class RunningIntake:
    """Show an intake that is under way or to come on the day of the end. Local dates; hours that its programme has."""

    intake_id: int
    code: str
    title: str
    starts_on: date
    ends_on: date
    hours: Decimal
    moodle_id: int
    trainees: tuple[UnderWay, ...]
    requests: int
    """Requests for a place that are still open."""
    unconfirmed: int
    """Meetings that were held and still miss the leader's word on somebody: their hours would be lost."""


@dataclass(frozen=True)
class Target:
    """Name an intake of another site that could take trainees, and how many free places it has."""

    intake_id: int
    moodle_id: int
    words: str
    starts_on: date
    ends_on: date
    free: int


@dataclass(frozen=True)
class Recommendation:
    """Name a recommendation of the council to end the site (8.1)."""

    item_id: int
    protocol: str
    held_on: date
    words: str


def running_intakes(session: Session, site_id: int, ends_on: date, now: datetime) -> list[RunningIntake]:
    """Return the site's intakes that aren't over by the day before ``ends_on``. Seven queries."""
    ids = session.scalars(_running(site_id, ends_on)).all()
    facts = load_facts(session, ids) if ids else {}
    requests = dict(
        session.execute(
            select(PlaceRequest.intake_id, func.count())
            .where(PlaceRequest.intake_id.in_(ids), PlaceRequest.state.in_(OPEN_REQUESTS))
            .group_by(PlaceRequest.intake_id)
        ).all()
    )
    return [_shown(facts[intake_id], requests.get(intake_id, 0), now) for intake_id in ids]


def _running(site_id: int, ends_on: date) -> Select[int]:
    return (
        select(Intake.id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Programme.site_id == site_id, Intake.ends_on >= ends_on, Intake.broken_off_on.is_(None))
        .order_by(Intake.starts_on, Intake.id)
    )


def _is_unconfirmed(facts: IntakeFacts, meeting: Meeting, now: datetime) -> bool:
    return (
        meeting.state is not MeetingState.CANCELLED
        and meeting.ends_at <= now
        and any(meeting.is_for(one.trainee_id) and meeting.id not in one.marks for one in facts.enrolled)
    )


def _shown(facts: IntakeFacts, requests: int, now: datetime) -> RunningIntake:
    intake = facts.intake
    return RunningIntake(
        intake_id=intake.id,
        code=intake.code,
        title=intake.version.title,
        starts_on=intake.starts_on,
        ends_on=intake.ends_on,
        hours=intake.version.hours,
        moodle_id=intake.moodle_id,
        trainees=tuple(
            UnderWay(
                trainee_id=trainee.trainee_id,
                person_id=trainee.person.id,
                name=trainee.person.full_name,
                attended=trainee.standing.attended,
                credited=trainee.credited,
                creditable=creditable(trainee),
            )
            for trainee in facts.enrolled
        ),
        requests=requests,
        unconfirmed=sum(_is_unconfirmed(facts, meeting, now) for meeting in facts.meetings),
    )


def targets(session: Session, site_id: int, ends_on: date) -> list[Target]:
    """Return the intakes of other sites that go on after ``ends_on`` and have free places, soonest first. One query."""
    taken = (
        select(func.count(Trainee.id))
        .where(Trainee.intake_id == Intake.id, Trainee.state == TraineeState.ENROLLED)
        .correlate(Intake)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Intake, ProgrammeVersion.title, Organisation, taken)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(Site, Site.id == Programme.site_id)
        .join(Organisation, Organisation.id == Site.organisation_id)
        .where(
            Site.id != site_id,
            Site.ended_on.is_(None),
            Intake.published_at.is_not(None),
            Intake.broken_off_on.is_(None),
            Intake.ends_on >= ends_on,
            taken < Intake.capacity,
        )
        .order_by(Intake.starts_on, Intake.id)
        .limit(TARGETS_SHOWN)
    )
    return [
        Target(
            intake.id,
            intake.moodle_id,
            f"{title} — {organisation.label}",
            intake.starts_on,
            intake.ends_on,
            intake.capacity - count,
        )
        for intake, title, organisation, count in rows
    ]


def recommendations(session: Session, site_id: int) -> list[Recommendation]:
    """Return the council's recommendations to end the site, newest first (8.1). One query."""
    rows: Sequence[tuple[AgendaItem, Sitting]] = [
        (row[0], row[1])
        for row in session.execute(
            select(AgendaItem, Sitting)
            .join(Sitting, Sitting.id == AgendaItem.sitting_id)
            .where(AgendaItem.site_id == site_id, AgendaItem.decision == Decision.END_RECOMMENDED)
            .order_by(Sitting.held_on.desc(), AgendaItem.id.desc())
        )
    ]
    return [
        Recommendation(item.id, sitting.protocol_number or "", sitting.held_on, item.decided or item.reason or "")
        for item, sitting in rows
    ]
