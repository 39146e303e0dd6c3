"""Course events of meetings: what should be, what is ours, and the memory of what was written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, joinedload

from lti_app.core.db import put_rows
from lti_app.core.words import in_municipal_language
from lti_app.intakes.models import Intake
from lti_app.meetings.models import Meeting, MeetingState
from lti_app.programmes.models import FORM_NAMES, Mode
from lti_app.sync.models import OwnedEvent
from moodle_sync import events
from moodle_sync.apply import Outcome
from moodle_sync.changes import EventChange, Kind
from moodle_sync.events import DesiredEvent, EventScope


def load_events(
    session: Session, moodle_id: int, intakes: Sequence[Intake], *, address: str, since: int, now: datetime
) -> EventScope:
    """Read the common meetings of ``intakes`` from ``since`` (Unix seconds, at most a day ago) on, and what is ours.

    ``address`` is what the addresses of meetings begin with. Two queries.
    """
    codes = {intake.id: intake.code for intake in intakes}
    meetings = session.scalars(
        select(Meeting)
        .where(
            Meeting.intake_id.in_(codes),
            Meeting.state == MeetingState.PLANNED,
            Meeting.only_for_id.is_(None),  # a course's calendar is open to all of the course
            Meeting.starts_at >= datetime.fromtimestamp(since, now.tzinfo),
        )
        .options(joinedload(Meeting.topic))
        .order_by(Meeting.id)
    )
    rows = session.scalars(select(OwnedEvent).where(OwnedEvent.moodle_id == moodle_id, OwnedEvent.starts >= since))
    return EventScope(
        desired=[event_of(meeting, codes[meeting.intake_id], address) for meeting in meetings],
        owned=[
            events.OwnedEvent(row.course_id, row.meeting_id, row.event_id, row.starts, row.digest, row.pending)
            for row in rows
        ],
        since=since,
        address=address,
    )


def event_of(meeting: Meeting, code: str, address: str) -> DesiredEvent:
    """Return a meeting as its event. Its room is not told: it is given, once open, to people of the intake only."""
    form = in_municipal_language(FORM_NAMES[meeting.form])
    where = in_municipal_language(
        _l("At a distance")
        if meeting.mode is Mode.DISTANCE
        else _l("Place: %(place)s", place=meeting.place)
        if meeting.place
        else ""
    )
    link = Markup('<p><a href="{}">{}</a></p>').format(
        f"{address}{meeting.id}", in_municipal_language(_l("The meeting's page"))
    )
    return DesiredEvent(
        course_key=code,
        meeting_id=meeting.id,
        name=events.plain_name(f"{form[:1].upper()}{form[1:]}: {meeting.topic.title}"),
        description=str(Markup("<p>{}</p>").format(where) + link if where else link),
        starts=int(meeting.starts_at.timestamp()),
        duration=meeting.minutes * 60,
    )


def intend_events(session: Session, moodle_id: int, changes: Iterable[EventChange], now: datetime) -> None:
    """Remember these events as ours, not yet known to be written."""
    put_events(session, moodle_id, [change.intended for change in changes], now)


def put_events(session: Session, moodle_id: int, rows: Sequence[events.OwnedEvent], now: datetime) -> None:
    """Keep rows as they are, in place of what was kept of the same meetings."""
    if rows:
        values = [{"moodle_id": moodle_id, **row._asdict(), "written_at": now} for row in rows]
        session.execute(put_rows(session, OwnedEvent), values)


def confirm_events(session: Session, moodle_id: int, outcomes: Iterable[Outcome]) -> None:
    """Remember which events were made, and that deleted ones are no more."""
    for outcome in outcomes:
        change = outcome.change
        if not isinstance(change, EventChange) or not outcome.done:
            continue
        row = [
            OwnedEvent.moodle_id == moodle_id,
            OwnedEvent.course_id == outcome.course_id,
            OwnedEvent.meeting_id == change.meeting_id,
        ]
        if change.kind is Kind.CREATE_EVENT:
            session.execute(update(OwnedEvent).where(*row).values(event_id=outcome.made_id, pending=False))
        else:
            # The row stays until the day is over: what an answer that came late has made is found by it, too.
            is_it = (OwnedEvent.event_id == change.event_id, OwnedEvent.pending.is_(False))
            session.execute(update(OwnedEvent).where(*row, *is_it).values(event_id=0, digest=""))


def forget_past_events(session: Session, moodle_id: int, since: int) -> None:
    """Forget events of days gone by: they stay in Moodle as they are."""
    session.execute(delete(OwnedEvent).where(OwnedEvent.moodle_id == moodle_id, OwnedEvent.starts < since))
