"""Who came on site, what was corrected in the leader's word, and lists from elsewhere while they are matched."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.editing import Revised
from lti_app.core.types import UtcDateTime, enum_type
from lti_app.intakes.models import Trainee
from lti_app.meetings.models import Attendance, Meeting, MeetingGuest, Presence
from lti_app.people.models import Person


class ArrivalHow(enum.StrEnum):
    """Say how an arrival became known."""

    CODE = "code"
    """The phone followed the QR code on the host's screen."""
    TYPED = "typed"
    """The short code of the screen was typed in."""
    HOST = "host"
    """The host marked it."""


class Arrival(Base):
    """Keep that a trainee, or a guest, came to a meeting on site. It suggests; only the leader's word counts."""

    __tablename__ = "arrival"
    __table_args__ = (
        UniqueConstraint("meeting_id", "trainee_id"),
        UniqueConstraint("meeting_id", "guest_id"),
        CheckConstraint("(trainee_id IS NULL) <> (guest_id IS NULL)", name="of_one_person"),
        CheckConstraint("(how = 'host') = (marked_by_id IS NOT NULL)", name="host_is_named"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id))
    trainee_id: Mapped[int | None] = mapped_column(ForeignKey(Trainee.id), index=True)
    guest_id: Mapped[int | None] = mapped_column(ForeignKey(MeetingGuest.id), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when the code was scanned or typed, or the host marked")
    how: Mapped[ArrivalHow] = mapped_column(enum_type(ArrivalHow, "how"))
    marked_by_id: Mapped[int | None] = mapped_column(ForeignKey(Person.id), comment="the host who marked it")


class AttendanceCorrection(Base):
    """Keep one later change of the leader's word on a trainee, with its reason. Rows are only added, by triggers."""

    __tablename__ = "attendance_correction"
    __table_args__ = (CheckConstraint("before <> after", name="changes_something"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    attendance_id: Mapped[int] = mapped_column(ForeignKey(Attendance.id), index=True)
    before: Mapped[Presence] = mapped_column(enum_type(Presence, "before"))
    after: Mapped[Presence] = mapped_column(enum_type(Presence, "after"))
    reason: Mapped[str] = mapped_column(String(300))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id))

    attendance: Mapped[Attendance] = relationship()
    made_by: Mapped[Person] = relationship()


class ListState(enum.StrEnum):
    """Say how far a list has come."""

    COLUMNS = "columns"
    """It is not known yet which column is which."""
    REVIEW = "review"
    """People are being matched."""
    ACCEPTED = "accepted"
    """Its stays are in the log; the rows are gone."""


class AttendanceList(Base, Revised):
    """Keep a list of who was in a room, as it came from elsewhere, until it is accepted or a month old."""

    __tablename__ = "attendance_list"
    __table_args__ = (
        CheckConstraint("(state = 'accepted') = (accepted_at IS NOT NULL)", name="accepted_has_date"),
        Index(
            "uq_attendance_list_pending",
            "meeting_id",
            unique=True,
            sqlite_where=text("state <> 'accepted'"),
            postgresql_where=text("state <> 'accepted'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id), index=True)
    provider: Mapped[str] = mapped_column(String(100), comment="where it comes from, as the leader names it")
    file_name: Mapped[str] = mapped_column(String(255))
    headings: Mapped[list[Any]] = mapped_column(comment="texts of the headings")
    rows: Mapped[list[Any]] = mapped_column(comment="[number in the file, cells]; personal data: empty once accepted")
    columns: Mapped[dict[str, Any]] = mapped_column(comment="which column is which: {name: index from 0}")
    state: Mapped[ListState] = mapped_column(enum_type(ListState, "state"))
    uploaded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    uploaded_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id))
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    people: Mapped[int] = mapped_column(default=0, server_default="0", comment="matched when it was accepted")
    left_out: Mapped[int] = mapped_column(default=0, server_default="0", comment="left out when it was accepted")

    meeting: Mapped[Meeting] = relationship()
    uploaded_by: Mapped[Person] = relationship()


class ListMapping(Base):
    """Remember which column is which in the lists of a provider that have just these headings."""

    __tablename__ = "list_mapping"
    __table_args__ = (UniqueConstraint("provider_key", "signature"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(100))
    provider_key: Mapped[str] = mapped_column(String(100), comment="its name without case and punctuation")
    signature: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the headings, hex")
    columns: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)
