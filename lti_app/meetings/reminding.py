"""Remind people of meetings that begin soon: each span once for each start, none after it.

Asked by whoever delivers the outbox; safe to repeat, and by two at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, exists, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from lti_app.core.db import insert_for
from lti_app.core.errors import Text
from lti_app.core.words import in_municipal_language
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.meetings.calendar import leading_on, title_of
from lti_app.meetings.calendar_models import MeetingReminder
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, MeetingState
from lti_app.notices.models import Notice
from lti_app.notices.occasions import Occasion
from lti_app.notices.service import tell
from lti_app.programmes.models import Mode, Programme, ProgrammeVersion
from lti_app.sites.models import SiteLeader

OCCASION = "meeting_soon"


def remind_of_meetings(
    session: Session, *, spans: Sequence[int], zone: ZoneInfo, zone_words: Text, now: datetime
) -> int:
    """Queue the reminders that are due; return to how many people. One query where none is.

    ``spans`` are minutes before the start. Of several that passed while nobody looked only the nearest is told.
    ``zone_words`` names the zone of the times.
    """
    if not spans:
        return 0
    due = [
        (meeting, minutes)
        for meeting, minutes in _due(session, spans, now)
        if _claim(session, meeting, minutes, now)  # else another process has just queued it
    ]
    if not due:
        return 0
    people = _concerned(session, [meeting for meeting, _minutes in due], now.astimezone(zone).date())
    return sum(
        len(_tell(session, meeting, minutes, people[meeting.id], zone_words=zone_words, now=now))
        for meeting, minutes in due
    )


def _due(session: Session, spans: Sequence[int], now: datetime) -> list[tuple[Meeting, int]]:
    """Return the meetings within the longest span whose nearest reminder hasn't been queued, with that span."""
    nearest = case(
        *((Meeting.starts_at <= now + timedelta(minutes=minutes), minutes) for minutes in sorted(spans)),
        else_=0,
    )
    queued = exists().where(
        MeetingReminder.meeting_id == Meeting.id,
        MeetingReminder.starts_at == Meeting.starts_at,
        MeetingReminder.minutes_before <= nearest,
    )
    rows = session.execute(
        select(Meeting, nearest)
        .join(Intake, Intake.id == Meeting.intake_id)
        .where(
            Meeting.starts_at > now,
            Meeting.starts_at <= now + timedelta(minutes=max(spans)),
            Meeting.state == MeetingState.PLANNED,
            Intake.published_at.is_not(None),
            ~queued,
        )
        .options(
            joinedload(Meeting.topic),
            contains_eager(Meeting.intake).joinedload(Intake.version).joinedload(ProgrammeVersion.programme),
        )
        .order_by(Meeting.starts_at, Meeting.id)
    )
    return [(meeting, minutes) for meeting, minutes in rows]


def _claim(session: Session, meeting: Meeting, minutes: int, now: datetime) -> bool:
    claimed = session.scalar(
        insert_for(session, MeetingReminder)
        .values(meeting_id=meeting.id, starts_at=meeting.starts_at, minutes_before=minutes, queued_at=now)
        .on_conflict_do_nothing()
        .returning(MeetingReminder.meeting_id)
    )
    return claimed is not None


def _concerned(session: Session, meetings: Sequence[Meeting], today: date) -> dict[int, set[int]]:
    """Return whom to tell, by meeting: its trainees, guests with a place, host or else leader. Three queries."""
    found: dict[int, set[int]] = defaultdict(set)
    ids = [meeting.id for meeting in meetings]
    trainees = (
        select(Meeting.id, Trainee.person_id)
        .join(Trainee, Trainee.intake_id == Meeting.intake_id)
        .where(
            Meeting.id.in_(ids),
            Trainee.state == TraineeState.ENROLLED,
            or_(Meeting.only_for_id.is_(None), Meeting.only_for_id == Trainee.id),
        )
    )
    guests = select(MeetingGuest.meeting_id, MeetingGuest.person_id).where(
        MeetingGuest.meeting_id.in_(ids), MeetingGuest.state == GuestState.SIGNED_UP
    )
    led = (
        select(Meeting.id, SiteLeader.person_id)
        .join(Intake, Intake.id == Meeting.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(SiteLeader, SiteLeader.site_id == Programme.site_id)
        .where(Meeting.id.in_(ids), Meeting.host_id.is_(None), leading_on(today))
    )
    for statement in (trainees, guests, led):
        for meeting_id, person_id in session.execute(statement):
            found[meeting_id].add(person_id)
    for meeting in meetings:
        if meeting.host_id is not None:
            found[meeting.id].add(meeting.host_id)
    return found


def _tell(
    session: Session, meeting: Meeting, minutes: int, people: Iterable[int], *, zone_words: Text, now: datetime
) -> list[int]:
    return tell(
        session,
        people,
        occasion=OCCASION,
        about=meeting,
        turn=f"{minutes}:{meeting.starts_at:%Y%m%dT%H%M%S}",
        path=f"/meetings/{meeting.id}",
        facts={
            "meeting": title_of(meeting),
            "title": meeting.intake.version.title,
            "starts_at": meeting.starts_at.isoformat(),
            "zone": in_municipal_language(zone_words),
            "where": _where(meeting),
        },
        now=now,
        until=meeting.starts_at,
    )


def _where(meeting: Meeting) -> str:
    if meeting.mode is Mode.DISTANCE:
        return in_municipal_language(
            _l("It takes place at a distance: the door opens on its page shortly before the start.")
        )
    return in_municipal_language(_l("Place: %(place)s", place=meeting.place) if meeting.place else "")


def still_planned(session: Session, notice: Notice) -> bool:
    """Tell whether a meeting is still to begin when its reminder says: not moved and not cancelled meanwhile."""
    meeting = session.get(Meeting, notice.about_id)
    return (
        meeting is not None
        and meeting.state is MeetingState.PLANNED
        and meeting.starts_at == datetime.fromisoformat(notice.facts["starts_at"])
    )


NOTICES: dict[str, Occasion] = {
    OCCASION: Occasion(
        _l("Reminder: %(meeting)s, %(starts_at)s"),
        _l("%(meeting)s (internship “%(title)s”) begins on %(starts_at)s, %(zone)s. %(where)s"),
        holds=still_planned,
    ),
}
