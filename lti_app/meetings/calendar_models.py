"""Private calendar addresses, and which reminders have been queued."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from lti_app.core.db import Base
from lti_app.core.types import UtcDateTime
from lti_app.meetings.models import Meeting
from lti_app.people.models import Person


class CalendarFeed(Base):
    """Keep that a person has a private calendar address; the address itself is the sealed number of this row."""

    __tablename__ = "calendar_feed"
    __table_args__ = (
        Index(
            "uq_calendar_feed_open",
            "person_id",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="from then on the address leads nowhere")


class MeetingReminder(Base):
    """Keep that a meeting's reminder was queued: once for each span and each start that the meeting had."""

    __tablename__ = "meeting_reminder"
    __table_args__ = (CheckConstraint("minutes_before > 0", name="before_the_start"),)

    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True, comment="of the meeting, as reminded of")
    minutes_before: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="the span")
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime)
