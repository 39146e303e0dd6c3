"""Plan meetings: the schedule of an intake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from lti_app.core import saving
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.permissions import Actor
from lti_app.core.saving import Saved
from lti_app.intakes.models import Intake
from lti_app.meetings.models import Attendance, Meeting, MeetingGuest, MeetingState, RoomKind
from lti_app.programmes.models import Form, Mode, Topic

ACADEMIC_HOUR = 45
"""Minutes in an academic hour."""
LONGEST = 720
"""Minutes of the longest meeting."""


@dataclass(frozen=True)
class MeetingFacts:
    """Hold what is to be kept of a meeting. ``starts_at`` is aware; ``place_or_url`` a link where at a distance."""

    intake: Intake
    topic: Topic
    form: Form
    mode: Mode
    starts_at: datetime
    minutes: int
    place_or_url: str
    state: MeetingState = MeetingState.PLANNED
    host_id: int | None = None
    capacity: int | None = None
    room_kind: RoomKind = RoomKind.LINK
    """BIGBLUEBUTTON: ``place_or_url`` is the server's address."""


def academic_hours(minutes: int) -> Decimal:
    """Return the academic hours of a meeting of ``minutes``: full halves only, so 90 gives 2, 60 gives 1."""
    return Decimal(minutes * 2 // ACADEMIC_HOUR) / 2


def from_local(moment: datetime, zone: ZoneInfo) -> datetime:
    """Read a naive local ``moment`` in ``zone``; return it in UTC. Of an hour that comes twice the first is meant.

    Raises DomainError for a time that the clocks skip.
    """
    aware = moment.replace(tzinfo=zone).astimezone(UTC)
    if aware.astimezone(zone).replace(tzinfo=None) != moment:
        raise DomainError(
            "no_such_time",
            _l("There is no such time in %(zone)s: the clocks are put forward then.", zone=zone.key),
            remedy=_l("Give the time that the clocks will show."),
            field="starts_at",
        )
    return aware


def is_web_address(text: str) -> bool:
    """Tell whether ``text`` is an http or https address with a host."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(c.isspace() for c in text)


def check_meeting(facts: MeetingFacts, zone: ZoneInfo) -> list[DomainError]:
    """Return what forbids keeping these facts: day outside the intake, no link, too short or too long."""
    refusals: list[DomainError] = []
    intake = facts.intake
    day = facts.starts_at.astimezone(zone).date()
    if not intake.starts_on <= day <= intake.ends_on:
        refusals.append(
            DomainError(
                "outside_intake",
                _l(
                    "The meeting is outside the intake's days (%(first)s – %(last)s).",
                    first=f"{intake.starts_on:%d.%m.%Y}",
                    last=f"{intake.ends_on:%d.%m.%Y}",
                ),
                remedy=_l("Move the meeting, or change the days of the intake."),
                field="starts_at",
            )
        )
    if not 0 < facts.minutes <= LONGEST or academic_hours(facts.minutes) == 0:
        refusals.append(
            DomainError(
                "length_not_sensible",
                _l("A meeting lasts from 23 to %(most)s minutes.", most=LONGEST),
                remedy=_l("Give its length in minutes of the clock: an academic hour has 45."),
                field="minutes",
            )
        )
    if facts.mode is Mode.DISTANCE and not is_web_address(facts.place_or_url):
        refusals.append(
            DomainError(
                "no_link",
                _l("A meeting at a distance needs the link to its room."),
                remedy=_l("Give an address that begins with https:// (or http://)."),
                field="place_or_url",
            )
        )
    return refusals


def planned_days(session: Session, intake_id: int, zone: ZoneInfo) -> tuple[date, date] | None:
    """Return the first and last local day of an intake's meetings that aren't cancelled, or None without any."""
    first, last = session.execute(
        select(func.min(Meeting.starts_at), func.max(Meeting.starts_at)).where(
            Meeting.intake_id == intake_id, Meeting.state == MeetingState.PLANNED
        )
    ).one()
    return None if first is None else (first.astimezone(zone).date(), last.astimezone(zone).date())


def save_meeting(
    session: Session, existing: Meeting | None, facts: MeetingFacts, *, zone: ZoneInfo, actor: Actor, now: datetime
) -> tuple[Meeting, Saved]:
    """Plan a meeting, or bring ``existing`` (same intake, topic and start) to ``facts``.

    Raises DomainError where ``check_meeting`` objects, Conflict where attendance has been confirmed and the
    change would alter what it is worth.
    """
    for refusal in check_meeting(facts, zone):
        raise refusal
    distance = facts.mode is Mode.DISTANCE
    values = {
        "form": facts.form,
        "mode": facts.mode,
        "minutes": facts.minutes,
        "hours": academic_hours(facts.minutes),
        "place": None if distance else facts.place_or_url,
        "room_url": facts.place_or_url if distance else None,
        "room_kind": facts.room_kind if distance else RoomKind.LINK,
        "state": facts.state,
        "host_id": facts.host_id,
        "capacity": facts.capacity,
    }
    if existing is None:
        made = Meeting(intake_id=facts.intake.id, topic_id=facts.topic.id, starts_at=facts.starts_at, **values)
        return made, saving.add(session, made, actor=actor, now=now, action="plan_meeting")
    weighs = existing.hours != values["hours"] or existing.state is not facts.state
    if weighs and is_confirmed(session, existing.id):
        raise Conflict(
            "attendance_confirmed",
            _l("Attendance of this meeting has been confirmed; its length stands, and it can't be cancelled."),
            remedy=_l("Leave the row as it was; mistakes in attendance are mended on the meeting's page."),
            field="minutes" if existing.hours != values["hours"] else "state",
        )
    return existing, saving.change(session, existing, values, actor=actor, now=now, action="change_meeting")


def is_confirmed(session: Session, meeting_id: int) -> bool:
    """Tell whether the leader has confirmed who was there: trainees or guests. One query."""
    of_trainees = exists().where(Attendance.meeting_id == meeting_id)
    of_guests = exists().where(MeetingGuest.meeting_id == meeting_id, MeetingGuest.presence.is_not(None))
    return bool(session.scalar(select(or_(of_trainees, of_guests))))
