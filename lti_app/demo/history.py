"""What had happened before the demonstration starts: attendance put down by leaders, stays in a seminar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.permissions import Actor, Role
from lti_app.demo.story import (
    CORRECTION,
    INTAKE,
    PAST_MEETINGS,
    SEMINAR_STAYS,
    SEMINAR_TOPIC,
    STAYS,
    UNCONFIRMED,
    PastStay,
)
from lti_app.intakes.models import Intake, Trainee
from lti_app.meetings.models import Meeting
from lti_app.meetings.service import confirm_attendance, join, leave
from lti_app.people.models import Person
from lti_app.programmes.models import Programme, ProgrammeVersion, Topic
from lti_app.sites.models import SiteLeader


def confirm_past_meetings(session: Session) -> None:
    """Confirm attendance of the meetings in the story, each by its leader, an hour after it ended."""
    for past in PAST_MEETINGS:
        meeting = _meeting(session, past.intake, past.topic)
        rows = session.execute(
            select(Trainee.id, Person.moodle_idnumber)
            .join(Person, Trainee.person_id == Person.id)
            .where(Trainee.intake_id == meeting.intake_id)
        )
        ids = {number: trainee_id for trainee_id, number in rows}
        present = {trainee_id for number, trainee_id in ids.items() if number not in past.absent}
        leader, then = _leader(session, meeting), meeting.ends_at + timedelta(hours=1)
        if (past.intake, past.topic) != (CORRECTION.intake, CORRECTION.topic):
            confirm_attendance(session, meeting_id=meeting.id, present=present, actor=leader, now=then)
            continue
        mistaken = present - {ids[CORRECTION.person]}
        confirm_attendance(session, meeting_id=meeting.id, present=mistaken, actor=leader, now=then)
        session.flush()
        confirm_attendance(
            session,
            meeting_id=meeting.id,
            present=present,
            actor=leader,
            now=then + timedelta(days=1),
            reason=CORRECTION.reason,
        )


def replay_stays(session: Session) -> None:
    """Let the trainees of the story join and leave the seminar that waits for its leader's word, and the one now."""
    _replay(session, _meeting(session, *UNCONFIRMED), STAYS)
    _replay(session, _meeting(session, INTAKE, SEMINAR_TOPIC), SEMINAR_STAYS)


def _replay(session: Session, meeting: Meeting, stays: Sequence[PastStay]) -> None:
    trainees = {trainee.moodle_idnumber: trainee for trainee in _people(session, meeting)}
    for stay in stays:
        person = trainees[stay.person]
        trainee = Actor(
            person_id=person.id,
            name=person.full_name,
            roles=frozenset({Role.TRAINEE}),
            trainee_intake_ids=frozenset({meeting.intake_id}),
        )
        came = meeting.starts_at + timedelta(minutes=stay.came)
        join(session, meeting_id=meeting.id, actor=trainee, now=came)
        session.flush()
        if stay.left is not None:
            left = meeting.starts_at + timedelta(minutes=stay.left)
            leave(session, meeting_id=meeting.id, actor=trainee, now=left)
            session.flush()


def _people(session: Session, meeting: Meeting) -> list[Person]:
    return list(
        session.scalars(
            select(Person).join(Trainee, Trainee.person_id == Person.id).where(Trainee.intake_id == meeting.intake_id)
        )
    )


def _meeting(session: Session, intake: str, topic: int) -> Meeting:
    return session.scalars(
        select(Meeting)
        .join(Intake, Meeting.intake_id == Intake.id)
        .join(Topic, Meeting.topic_id == Topic.id)
        .where(Intake.code == intake, Topic.position == topic)
    ).one()


def _leader(session: Session, meeting: Meeting) -> Actor:
    person, site_id = session.execute(
        select(Person, SiteLeader.site_id)
        .join(SiteLeader, SiteLeader.person_id == Person.id)
        .join(Programme, Programme.site_id == SiteLeader.site_id)
        .join(ProgrammeVersion, ProgrammeVersion.programme_id == Programme.id)
        .join(Intake, Intake.version_id == ProgrammeVersion.id)
        .where(Intake.id == meeting.intake_id, SiteLeader.until.is_(None))
    ).one()
    return Actor(
        person_id=person.id,
        name=person.full_name,
        roles=frozenset({Role.LEADER}),
        led_site_ids=frozenset({site_id}),
    )
