"""What a leader may place into a course as a link of its own, and where a launch from such a link leads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import gettext
from sqlalchemy import Select, case, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from lti_app.core.edge import now
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Intake
from lti_app.lti.claims import numeric_id
from lti_app.lti.deep_linking import Choice, ChoiceGroup, Chooser
from lti_app.lti.launch import INTAKE, MEETING, Launch
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.web import formatting
from lti_app.web.actors import read_arrival

MOST_INTAKES = 30
MOST_LOOKED_AT = 500
"""Intakes of one leader among which is searched."""
MOST_MEETINGS = 300


class OwnPages:
    """Offer the intakes of the sites that somebody leads, and their coming common meetings."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def offered(self, session: Session, chooser: Chooser, query: str) -> list[ChoiceGroup]:
        """Return running and coming intakes first, those of this very course before others. Three queries."""
        intakes = self._intakes(session, chooser, query)
        meetings: dict[int, list[Meeting]] = {intake.id: [] for intake in intakes}
        for meeting in session.scalars(
            select(Meeting)
            .where(
                Meeting.intake_id.in_(meetings),
                Meeting.state == MeetingState.PLANNED,
                Meeting.only_for_id.is_(None),
                Meeting.starts_at >= now().replace(hour=0, minute=0, second=0, microsecond=0),
            )
            .options(joinedload(Meeting.topic))
            .order_by(Meeting.starts_at, Meeting.id)
            .limit(MOST_MEETINGS)
        ):
            meetings[meeting.intake_id].append(meeting)
        return [self._group(intake, meetings[intake.id]) for intake in intakes]

    def named(self, session: Session, chooser: Chooser, key: str) -> Choice | None:
        """Return the intake or meeting that ``key`` names if the chooser leads its site; None for anything else."""
        kind, _, given = key.partition("-")
        number = numeric_id(given)
        if number is None or kind not in (INTAKE, MEETING):
            return None
        led = _led(session, chooser)
        if kind == INTAKE:
            intake = session.scalar(_of_leader(chooser, led).where(Intake.id == number))
            return None if intake is None else self._of_intake(intake)
        meeting = session.scalar(
            select(Meeting)
            .join(Intake, Intake.id == Meeting.intake_id)
            .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
            .join(Programme, Programme.id == ProgrammeVersion.programme_id)
            .where(Meeting.id == number, Intake.moodle_id == chooser.moodle_id, Programme.site_id.in_(led))
            .where(Meeting.only_for_id.is_(None))
            .options(joinedload(Meeting.topic))
        )
        return None if meeting is None else self._of_meeting(meeting)

    def _intakes(self, session: Session, chooser: Chooser, query: str) -> Sequence[Intake]:
        today = now().astimezone(self._zone).date()
        asked = _of_leader(chooser, _led(session, chooser)).order_by(*_in_order(chooser, today)).limit(MOST_LOOKED_AT)
        wanted = query.casefold()  # SQLite knows no case but that of Latin letters
        found = [
            intake
            for intake in session.scalars(asked)
            if wanted in intake.version.title.casefold() or wanted in intake.code.casefold()
        ]
        return found[:MOST_INTAKES]

    def _group(self, intake: Intake, meetings: Sequence[Meeting]) -> ChoiceGroup:
        title = f"{intake.version.title}, {formatting.term(intake.starts_on, intake.ends_on)}"
        return ChoiceGroup(title, [self._of_intake(intake), *(self._of_meeting(meeting) for meeting in meetings)])

    def _of_intake(self, intake: Intake) -> Choice:
        return Choice(
            key=f"{INTAKE}-{intake.id}",
            title=intake.version.title,
            detail=gettext("the page of the intake: schedule, hours, credit"),
            custom={INTAKE: str(intake.id)},
            kind=INTAKE,
        )

    def _of_meeting(self, meeting: Meeting) -> Choice:
        return Choice(
            key=f"{MEETING}-{meeting.id}",
            title=meeting.topic.title,
            detail=formatting.period(meeting.starts_at, meeting.ends_at, zone=self._zone, now=now()),
            custom={INTAKE: str(meeting.intake_id), MEETING: str(meeting.id)},
            kind=MEETING,
        )


def _led(session: Session, chooser: Chooser) -> frozenset[int]:
    arrival = read_arrival(
        session,
        moodle_id=chooser.moodle_id,
        user_id=chooser.user_id,
        course_id=chooser.course_id,
        is_moodle_admin=False,
        now=now(),
    )
    return arrival.actor.led_site_ids if arrival.actor else frozenset()


def _of_leader(chooser: Chooser, led: frozenset[int]) -> Select[Any]:
    return (
        select(Intake)
        .join(Intake.version)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Intake.moodle_id == chooser.moodle_id, Programme.site_id.in_(led), Intake.published_at.is_not(None))
        .options(contains_eager(Intake.version))
    )


def _in_order(chooser: Chooser, today: date) -> tuple[Any, ...]:
    is_here = case((Intake.course_id == chooser.course_id, 0), else_=1)
    has_ended = case((Intake.ends_on < today, 1), else_=0)
    return is_here, has_ended, Intake.starts_on.desc(), Intake.id


def page_chosen(session: Session, launch: Launch, actor: Actor) -> str | None:
    """Return the page that the launched link was placed for, if it is this visitor's to see; else None.

    Custom parameters were chosen once, and a copied course carries those of its template: they count where the intake
    is of this Moodle and of this very course, or where the visitor leads it.
    """
    intake_id, meeting_id = (numeric_id(launch.custom.get(name)) for name in (INTAKE, MEETING))
    if intake_id is None:
        return None
    row = session.execute(
        select(Intake.course_id, Programme.site_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Intake.id == intake_id, Intake.moodle_id == launch.moodle_id)
    ).one_or_none()
    if row is None:
        return None
    leads = row.site_id in actor.led_site_ids
    is_of_course = row.course_id is not None and row.course_id == launch.course_id
    if not (leads or (is_of_course and intake_id in actor.trainee_intake_ids)):
        return None
    if meeting_id is not None and _is_of(session, meeting_id, intake_id):
        return url_for("credits.meeting", meeting_id=meeting_id)
    return url_for("credits.intake", intake_id=intake_id)


def _is_of(session: Session, meeting_id: int, intake_id: int) -> bool:
    query = select(Meeting.id).where(Meeting.id == meeting_id, Meeting.intake_id == intake_id)
    return session.scalar(query) is not None
