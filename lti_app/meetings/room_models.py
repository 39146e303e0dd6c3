"""Servers that rooms are made on, which rooms are open, and checks of presence during a seminar."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.types import UtcDateTime, enum_type
from lti_app.intakes.models import Trainee
from lti_app.meetings.models import Meeting, MeetingGuest
from lti_app.people.models import Person


class ChecksumKind(enum.StrEnum):
    """Name the digest by which a BigBlueButton server checks requests; servers before 2.2 know SHA-1 alone."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"


class RoomServer(Base):
    """Keep a BigBlueButton server. A meeting in a room of it has ``room_url`` = ``url``."""

    __tablename__ = "room_server"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    url: Mapped[str] = mapped_column(String(500), unique=True, comment="without /api, such as https://…/bigbluebutton")
    secret_encrypted: Mapped[str] = mapped_column(String(1000), comment="shared secret, sealed with DATA_KEYS")
    checksum: Mapped[ChecksumKind] = mapped_column(
        enum_type(ChecksumKind, "checksum"), default=ChecksumKind.SHA256, server_default=ChecksumKind.SHA256.value
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RoomOpening(Base):
    """Keep how far a meeting's room on a server is: being made, open, ended; and what the server told of it."""

    __tablename__ = "room_opening"
    __table_args__ = (
        CheckConstraint("(opened_at IS NULL) = (create_time IS NULL)", name="open_has_create_time"),
        CheckConstraint("ended_at IS NULL OR opened_at IS NULL", name="open_or_ended"),
    )

    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id), primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey(RoomServer.id), index=True)
    tried_until: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="until then one request makes the room, or waits after a failure; others don't try"
    )
    create_time: Mapped[int | None] = mapped_column(
        BigInteger, comment="of the server; an address to join holds for the room of that time alone"
    )
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="set while the room is there")
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="by the host; only the host opens it again")
    last_error: Mapped[str | None] = mapped_column(String(60), comment="code of the last failure; no personal data")
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when the server last told who was there")
    strangers: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="people of whom it told and whom the intake doesn't know"
    )


class PresenceCheck(Base):
    """Keep a code that the host showed during a meeting."""

    __tablename__ = "presence_check"
    __table_args__ = (CheckConstraint("closes_at > opened_at", name="closes_after_opening"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id), index=True)
    code: Mapped[str] = mapped_column(String(6), comment="digits")
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closes_at: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id))

    meeting: Mapped[Meeting] = relationship()


class PresenceAnswer(Base):
    """Keep who entered the code of a check in time, and how often somebody tried."""

    __tablename__ = "presence_answer"
    __table_args__ = (
        UniqueConstraint("check_id", "trainee_id"),
        UniqueConstraint("check_id", "guest_id"),
        CheckConstraint("(trainee_id IS NULL) <> (guest_id IS NULL)", name="of_one_person"),
        CheckConstraint("tries >= 0", name="tries_not_negative"),
        Index("ix_presence_answer_trainee_id", "trainee_id"),
        Index("ix_presence_answer_guest_id", "guest_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    check_id: Mapped[int] = mapped_column(ForeignKey(PresenceCheck.id))
    trainee_id: Mapped[int | None] = mapped_column(ForeignKey(Trainee.id))
    guest_id: Mapped[int | None] = mapped_column(ForeignKey(MeetingGuest.id))
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="empty: only false codes so far")
    tries: Mapped[int] = mapped_column(default=0, server_default="0", comment="false codes in the minute under way")
    tried_from: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when that minute began")
