"""Meetings, who joined them when, and confirmed attendance."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.editing import Revised
from lti_app.core.types import Hours, UtcDateTime, enum_type
from lti_app.intakes.models import Intake, Trainee
from lti_app.people.models import Person
from lti_app.programmes.models import Form, Mode, Topic


class MeetingState(enum.StrEnum):
    """Say whether a meeting takes place."""

    PLANNED = "planned"
    CANCELLED = "cancelled"


class RoomKind(enum.StrEnum):
    """Say how the room of a meeting at a distance is opened."""

    LINK = "link"
    """Any address that somebody made: ``room_url`` is it."""
    BIGBLUEBUTTON = "bigbluebutton"
    """Made on demand by a server's API: ``room_url`` is the server's address."""


class Meeting(Base, Revised):
    """Keep a meeting of an intake. A distance seminar is one with ``mode = distance``.

    ``only_for_id`` set: a meeting with one trainee alone (a consultation); nobody else sees or joins it.
    ``is_open``: teachers from outside the intake may sign up, too (MeetingGuest).
    """

    __tablename__ = "meeting"
    __table_args__ = (
        UniqueConstraint("intake_id", "topic_id", "starts_at"),
        CheckConstraint("minutes > 0 AND minutes <= 720", name="minutes_sensible"),
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("mode <> 'distance' OR room_url IS NOT NULL", name="distance_has_room"),
        CheckConstraint("capacity IS NULL OR capacity > 0", name="capacity_positive"),
        CheckConstraint("guest_places IS NULL OR guest_places > 0", name="guest_places_positive"),
        CheckConstraint("cancel_hours >= 0", name="cancel_hours_not_negative"),
        Index("ix_meeting_starts_at", "starts_at"),
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
    room_kind: Mapped[RoomKind] = mapped_column(
        enum_type(RoomKind, "room_kind"), default=RoomKind.LINK, server_default=RoomKind.LINK.value
    )
    host_id: Mapped[int | None] = mapped_column(
        ForeignKey(Person.id), index=True, comment="who holds it; empty: the leader of the site"
    )
    capacity: Mapped[int | None] = mapped_column(comment="people whom the room holds; empty: no limit")
    series_id: Mapped[int | None] = mapped_column(
        index=True, comment="number of the first meeting of the series that it belongs to; empty: it stands alone"
    )
    only_for_id: Mapped[int | None] = mapped_column(
        ForeignKey(Trainee.id), index=True, comment="the one trainee of an individual meeting; empty: all of the intake"
    )
    is_open: Mapped[bool] = mapped_column(
        default=False, server_default=false(), comment="teachers from outside the intake may sign up"
    )
    guest_places: Mapped[int | None] = mapped_column(comment="for those from outside; empty: no limit")
    cancel_hours: Mapped[int] = mapped_column(
        default=3, server_default="3", comment="hours before the start until which a guest may cancel"
    )

    intake: Mapped[Intake] = relationship()
    topic: Mapped[Topic] = relationship()
    host: Mapped[Person | None] = relationship()
    only_for: Mapped[Trainee | None] = relationship()

    @property
    def ends_at(self) -> datetime:
        """Return when it ends, in UTC."""
        return self.starts_at + timedelta(minutes=self.minutes)

    def is_for(self, trainee_id: int) -> bool:
        """Tell whether a trainee of its intake is meant: everybody, but at an individual meeting (5.2)."""
        return self.only_for_id in (None, trainee_id)


class Presence(enum.StrEnum):
    """Say whether a trainee was there."""

    PRESENT = "present"
    ABSENT = "absent"


class GuestState(enum.StrEnum):
    """Say where somebody stands who signed up for an open meeting from outside its intake."""

    SIGNED_UP = "signed_up"
    WAITING = "waiting"
    CANCELLED = "cancelled"


class MeetingGuest(Base):
    """Keep that a teacher from outside the intake signed up for an open meeting, and the leader's word on them."""

    __tablename__ = "meeting_guest"
    __table_args__ = (
        UniqueConstraint("meeting_id", "person_id"),
        CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_has_date"),
        CheckConstraint("(presence IS NULL) = (confirmed_at IS NULL)", name="presence_has_date"),
        CheckConstraint("NOT is_credited OR presence = 'present'", name="credited_is_present"),
        Index("ix_meeting_guest_queue", "meeting_id", "state", "queued_at", "id"),
        Index("ix_meeting_guest_state", "state", "meeting_id"),  # who waits is looked for at each round of delivery
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id))
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    state: Mapped[GuestState] = mapped_column(enum_type(GuestState, "state"))
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="decides the order of the waiting list")
    signed_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when the place was given")
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    presence: Mapped[Presence | None] = mapped_column(enum_type(Presence, "presence"))
    minutes_joined: Mapped[int | None] = mapped_column(comment="from the join log, where there is one")
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey(Person.id))
    is_credited: Mapped[bool] = mapped_column(default=False, server_default=false(), comment="hours rest on it")

    meeting: Mapped[Meeting] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])


class StaySource(enum.StrEnum):
    """Say who tells of a stay: the tool's own buttons, the room's server, or a list that was brought in."""

    TOOL = "tool"
    ROOM = "room"
    LIST = "list"


class JoinLog(Base):
    """Keep one stay of a trainee, or of a guest, in a meeting: from joining to leaving."""

    __tablename__ = "join_log"
    __table_args__ = (
        CheckConstraint("left_at IS NULL OR left_at >= joined_at", name="leave_after_join"),
        CheckConstraint("(left_at IS NULL) = (left_how IS NULL)", name="leave_has_how"),
        CheckConstraint("(trainee_id IS NULL) <> (guest_id IS NULL)", name="of_one_person"),
        Index("ix_join_log_meeting", "meeting_id", "trainee_id"),
        Index(
            "uq_join_log_open",
            "meeting_id",
            "trainee_id",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
        Index(
            "uq_join_log_open_guest",
            "guest_id",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id))
    trainee_id: Mapped[int | None] = mapped_column(ForeignKey(Trainee.id), index=True)
    guest_id: Mapped[int | None] = mapped_column(ForeignKey(MeetingGuest.id), index=True)
    source: Mapped[StaySource] = mapped_column(
        enum_type(StaySource, "source"), default=StaySource.TOOL, server_default=StaySource.TOOL.value
    )
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    left_how: Mapped[str | None] = mapped_column(String(20), comment="self, leader, end (of the meeting), room or list")


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
