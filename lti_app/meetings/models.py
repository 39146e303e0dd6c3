"""Meetings, who joined them when, and confirmed attendance."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.types import Hours, UtcDateTime, enum_type
from lti_app.intakes.models import Intake, Trainee
from lti_app.people.models import Person
from lti_app.programmes.models import Form, Mode, Topic


class MeetingState(enum.StrEnum):
    """Say whether a meeting takes place."""

    PLANNED = "planned"
    CANCELLED = "cancelled"


class Meeting(Base):
    """Keep a meeting of an intake. A distance seminar is one with ``mode = distance``."""

    __tablename__ = "meeting"
    __table_args__ = (
        UniqueConstraint("intake_id", "topic_id", "starts_at"),
        CheckConstraint("minutes > 0 AND minutes <= 720", name="minutes_sensible"),
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("mode <> 'distance' OR room_url IS NOT NULL", name="distance_has_room"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    intake_id: Mapped[int] = mapped_column(ForeignKey(Intake.id))
    topic_id: Mapped[int] = mapped_column(ForeignKey(Topic.id), index=True)
    form: Mapped[Form] = mapped_column(enum_type(Form, "form"))
    mode: Mapped[Mode] = mapped_column(enum_type(Mode, "mode"))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC")
    minutes: Mapped[int] = mapped_column(comment="length in minutes of the clock")
    hours: Mapped[Decimal] = mapped_column(Hours, comment="academic hours that attending gives, in hundredths")
    place: Mapped[str | None] = mapped_column(String(500))
    room_url: Mapped[str | None] = mapped_column(String(1000), comment="given to people of the intake only, when open")
    state: Mapped[MeetingState] = mapped_column(enum_type(MeetingState, "state"), default=MeetingState.PLANNED)

    intake: Mapped[Intake] = relationship()
    topic: Mapped[Topic] = relationship()

    @property
    def ends_at(self) -> datetime:
        """Return when it ends, in UTC."""
        return self.starts_at + timedelta(minutes=self.minutes)


class JoinLog(Base):
    """Keep one stay of a trainee in a meeting: from joining to leaving."""

    __tablename__ = "join_log"
    __table_args__ = (
        CheckConstraint("left_at IS NULL OR left_at >= joined_at", name="leave_after_join"),
        CheckConstraint("(left_at IS NULL) = (left_how IS NULL)", name="leave_has_how"),
        Index("ix_join_log_meeting", "meeting_id", "trainee_id"),
        Index(
            "uq_join_log_open",
            "meeting_id",
            "trainee_id",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id))
    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id), index=True)
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    left_how: Mapped[str | None] = mapped_column(String(20), comment="self, leader or end (of the meeting)")


class Presence(enum.StrEnum):
    """Say whether a trainee was there."""

    PRESENT = "present"
    ABSENT = "absent"


class Attendance(Base):
    """Keep the leader's word on one trainee at one meeting; only this counts for hours."""

    __tablename__ = "attendance"
    __table_args__ = (
        UniqueConstraint("meeting_id", "trainee_id"),
        CheckConstraint("NOT is_credited OR presence = 'present'", name="credited_is_present"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id))
    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id), index=True)
    presence: Mapped[Presence] = mapped_column(enum_type(Presence, "presence"))
    minutes_joined: Mapped[int | None] = mapped_column(comment="from the join log, where there is one")
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id))
    is_credited: Mapped[bool] = mapped_column(
        default=False, comment="an entry of the ledger rests on it: it holds until that is reversed"
    )

    meeting: Mapped[Meeting] = relationship()
    trainee: Mapped[Trainee] = relationship()
