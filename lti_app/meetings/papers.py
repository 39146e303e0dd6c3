"""The schedule of a site's work as a paper (4.2)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lti_app.core.words import in_municipal_language
from lti_app.intakes.models import Intake
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.meetings.schedule import meetings_of
from lti_app.papers.declension import Case, decline_institution
from lti_app.papers.fields import MeetingLine, PersonName, SchedulePaper
from lti_app.papers.page import Ask, Typed
from lti_app.people.heads import head_on
from lti_app.people.models import Person
from lti_app.programmes.models import FORM_NAMES, Mode
from lti_app.sites.papers import DIRECTOR, NO_NAME, institution, official, signatory, signatory_asks
from lti_app.sites.service import leader_of

AT_A_DISTANCE = "дистанционно"
"""The room's address stands on no paper: it is given when the room opens."""


def schedule_asks(session: Session, intake: Intake, day: date) -> list[Ask]:
    """Ask who confirms the schedule."""
    organisation = intake.version.programme.site.organisation
    head = head_on(session, organisation.id, day)
    of = decline_institution(organisation.label, Case.GENITIVE).text
    position = f"{(head.position if head else None) or DIRECTOR} {of}"
    return signatory_asks(position, head.full_name if head else "")


def schedule_paper(session: Session, intake: Intake, day: date, typed: Typed, zone: ZoneInfo) -> SchedulePaper:
    """Return an intake's schedule as it is printed on ``day``, without cancelled and individual meetings."""
    site = intake.version.programme.site
    leader = leader_of(session, site.id)
    return SchedulePaper(
        host=institution(session, site.organisation, day),
        title=intake.version.title,
        direction=intake.version.direction or site.direction,
        begins_on=intake.starts_on,
        ends_on=intake.ends_on,
        approved_by=signatory(typed),
        leader=official(leader),
        zone=_offset(intake, zone),
        meetings=tuple(
            _line(one, leader, zone)
            for one in meetings_of(session, intake.id, with_individual=False)
            if one.state is MeetingState.PLANNED
        ),
    )


def _line(meeting: Meeting, leader: Person | None, zone: ZoneInfo) -> MeetingLine:
    begins, ends = meeting.starts_at.astimezone(zone), meeting.ends_at.astimezone(zone)
    return MeetingLine(
        date=begins.date(),
        time=f"{begins:%H:%M}\N{EN DASH}{ends:%H:%M}",
        topic=meeting.topic.title,
        form=in_municipal_language(FORM_NAMES[meeting.form]),
        hours=meeting.hours,
        place=AT_A_DISTANCE if meeting.mode is Mode.DISTANCE else meeting.place or "",
        responsible=_name(meeting.host or leader),
    )


def _offset(intake: Intake, zone: ZoneInfo) -> str:
    """Return how far local time is from UTC on the intake's first day: «UTC+7»; nothing where that changes."""
    first, last = (datetime.combine(day, time(12), zone).utcoffset() for day in (intake.starts_on, intake.ends_on))
    if first is None or first != last:
        return ""
    hours, minutes = divmod(abs(int(first.total_seconds())) // 60, 60)
    sign = "+" if first >= timedelta(0) else "\N{MINUS SIGN}"
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")


def _name(person: Person | None) -> PersonName:
    if person is None:
        return NO_NAME
    return PersonName(person.last_name, person.first_name, person.middle_name or "")
