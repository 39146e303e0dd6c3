"""Meetings as calendars show them (RFC 5545): of one meeting, of an intake, of a person. Reads only.

A room's address is never in it: that is given to people of the intake, once the room opens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l
from icalendar import Calendar, Event
from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, func, or_, select, union
from sqlalchemy.orm import Session, contains_eager, joinedload

from config.settings import Settings
from lti_app.core.audit import AuditEntry
from lti_app.core.errors import Forbidden, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.core.words import in_municipal_language
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, MeetingState
from lti_app.meetings.service import find_meeting
from lti_app.meetings.vtimezone import time_zone
from lti_app.notices.ways import moodle_page_of
from lti_app.programmes.models import FORM_NAMES, Mode, Programme, ProgrammeVersion
from lti_app.sites.models import SiteLeader

KEPT = timedelta(days=90)
"""Meetings of so long ago stay in calendars; earlier ones go."""
REFRESHED = timedelta(hours=1)
"""How often calendar programs are asked to look again; many look less often."""


def of_person(session: Session, person_id: int, *, settings: Settings, now: datetime) -> bytes:
    """Return the meetings of a person: as a trainee, host, leader today, guest with a place. Three queries."""
    ids = _ids_of(person_id, now.astimezone(settings.zone).date())
    meetings = session.scalars(
        _shown(now).where(Meeting.id.in_(ids), Intake.published_at.is_not(None))  # a draft is nobody's appointment
    ).all()
    name = in_municipal_language(_l("Internship: my meetings"))
    return _calendar(session, meetings, name, moodle_page_of(session, person_id), settings)


def of_intake(session: Session, intake_id: int, *, actor: Actor, settings: Settings, now: datetime) -> bytes:
    """Return the meetings of an intake: all to who leads its site, else those that the trainee has. Four queries.

    Raises NotFound; Forbidden to who neither leads its site nor has a place in it.
    """
    found = session.execute(
        select(ProgrammeVersion.title, Programme.site_id)
        .select_from(Intake)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Intake.id == intake_id)
    ).one_or_none()
    if found is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    wanted = _shown(now).where(Meeting.intake_id == intake_id)
    if not _leads(actor, found.site_id):
        if intake_id not in actor.trainee_intake_ids:
            raise _not_yours()
        wanted = wanted.where(Meeting.id.in_(_held_by(actor.require_person())))
    page = moodle_page_of(session, actor.person_id) if actor.person_id is not None else None
    return _calendar(session, session.scalars(wanted).all(), found.title, page, settings)


def of_meeting(session: Session, meeting_id: int, *, actor: Actor, settings: Settings, now: datetime) -> bytes:
    """Return one meeting. Four queries.

    Raises NotFound; Forbidden to who doesn't lead its site, host it, or have a place in it.
    """
    meeting = find_meeting(session, meeting_id)
    if not _leads(actor, meeting.intake.version.programme.site_id):
        ids = _ids_of(actor.require_person(), now.astimezone(settings.zone).date())
        if session.scalar(select(Meeting.id).where(Meeting.id == meeting.id, Meeting.id.in_(ids))) is None:
            raise _not_yours()
    page = moodle_page_of(session, actor.person_id) if actor.person_id is not None else None
    return _calendar(session, [meeting], meeting.intake.version.title, page, settings)


def _leads(actor: Actor, site_id: int) -> bool:
    return actor.may(Permission.RUN_INTAKES) and site_id in actor.led_site_ids


def _not_yours() -> Forbidden:
    return Forbidden(
        "not_your_meeting",
        _l("This is not among your meetings."),
        remedy=_l("Calendars are open to the trainees of the intake, its guests, the host and the leader of the site."),
    )


def _held_by(person_id: int) -> Select[int]:
    """Select the meetings that somebody has as a trainee: common ones, and those with them alone."""
    return (
        select(Meeting.id)
        .join(Trainee, Trainee.intake_id == Meeting.intake_id)
        .where(
            Trainee.person_id == person_id,
            Trainee.state == TraineeState.ENROLLED,
            or_(Meeting.only_for_id.is_(None), Meeting.only_for_id == Trainee.id),
        )
    )


def _ids_of(person_id: int, today: date) -> CompoundSelect[int]:
    led = (
        select(Meeting.id)
        .join(Intake, Intake.id == Meeting.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(SiteLeader, SiteLeader.site_id == Programme.site_id)
        .where(SiteLeader.person_id == person_id, leading_on(today))
    )
    hosted = select(Meeting.id).where(Meeting.host_id == person_id)
    visited = select(MeetingGuest.meeting_id).where(
        MeetingGuest.person_id == person_id, MeetingGuest.state == GuestState.SIGNED_UP
    )
    return union(_held_by(person_id), led, hosted, visited)


def leading_on(day: date) -> ColumnElement[bool]:
    """Say in SQL that somebody leads a site on ``day`` (4.1)."""
    return and_(SiteLeader.since <= day, or_(SiteLeader.until.is_(None), SiteLeader.until >= day))


def _shown(now: datetime) -> Select[Meeting]:
    return (
        select(Meeting)
        .join(Intake, Intake.id == Meeting.intake_id)
        .where(Meeting.starts_at >= now - KEPT)
        .options(joinedload(Meeting.topic), contains_eager(Meeting.intake).joinedload(Intake.version))
        .order_by(Meeting.starts_at, Meeting.id)
    )


def _calendar(session: Session, meetings: Sequence[Meeting], name: str, page: str | None, settings: Settings) -> bytes:
    """Write a calendar. The same meetings give the same bytes, whenever it is asked for."""
    calendar = Calendar()
    calendar.add("PRODID", "-//Ploshchadka//meetings//RU")
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", "PUBLISH")
    calendar.add("X-WR-CALNAME", name)
    calendar.add("X-WR-TIMEZONE", settings.zone.key)
    calendar.add("REFRESH-INTERVAL", REFRESHED, parameters={"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", "PT1H")
    if meetings:
        years = [meeting.starts_at.year for meeting in meetings]
        calendar.add_component(time_zone(settings.zone, min(years) - 1, max(years) + 1))
    changed = _last_changes(session, meetings)
    for meeting in meetings:
        calendar.add_component(_event(meeting, changed, page, settings))
    written: bytes = calendar.to_ical()
    return written


def _last_changes(session: Session, meetings: Sequence[Meeting]) -> Mapping[int, datetime]:
    """Return when each meeting was last written to, as the audit says."""
    if not meetings:
        return {}
    rows = session.execute(
        select(AuditEntry.object_id, func.max(AuditEntry.at))
        .where(
            AuditEntry.object_type == Meeting.__tablename__,
            AuditEntry.object_id.in_([meeting.id for meeting in meetings]),
        )
        .group_by(AuditEntry.object_id)
    )
    return {row[0]: row[1] for row in rows}


def _event(meeting: Meeting, changed: Mapping[int, datetime], page: str | None, settings: Settings) -> Event:
    is_cancelled = meeting.state is MeetingState.CANCELLED
    written_at = changed.get(meeting.id) or meeting.intake.published_at or meeting.starts_at - KEPT
    event = Event()
    event.add("UID", f"meeting-{meeting.id}@{urlsplit(settings.public_url).hostname}")
    event.add("SEQUENCE", meeting.revision - 1)
    event.add("DTSTAMP", written_at)
    event.add("LAST-MODIFIED", written_at)
    event.add("DTSTART", meeting.starts_at.astimezone(settings.zone))
    event.add("DTEND", meeting.ends_at.astimezone(settings.zone))
    event.add("SUMMARY", title_of(meeting))
    event.add("STATUS", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("TRANSP", "TRANSPARENT" if is_cancelled else "OPAQUE")
    where = where_of(meeting)
    if where:
        event.add("LOCATION", where)
    event.add("URL", page or f"{settings.public_url}/meetings/{meeting.id}")
    event.add("DESCRIPTION", _description(meeting, page))
    return event


def title_of(meeting: Meeting) -> str:
    """Name a meeting by its form and topic, in the municipality's language: «Семинар: Тема 1»."""
    form = in_municipal_language(FORM_NAMES[meeting.form])
    return f"{form[:1].upper()}{form[1:]}: {meeting.topic.title}"


def where_of(meeting: Meeting) -> str:
    """Say where a meeting takes place, in the municipality's language: the place, or «дистанционно»."""
    if meeting.mode is Mode.DISTANCE:
        return in_municipal_language(_l("at a distance"))
    return meeting.place or ""


def _description(meeting: Meeting, page: str | None) -> str:
    lines = [in_municipal_language(_l("Internship “%(title)s”.", title=meeting.intake.version.title))]
    if meeting.state is MeetingState.CANCELLED:
        lines.insert(0, in_municipal_language(_l("This meeting has been cancelled.")))
    elif meeting.mode is Mode.DISTANCE:
        lines.append(
            in_municipal_language(_l("Join from the page of the meeting: the door opens shortly before the start."))
        )
    if page is None:
        lines.append(in_municipal_language(_l("The page opens from the course in Moodle.")))
    return "\n".join(lines)
