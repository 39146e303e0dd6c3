"""Runs of the night, held plans, changes and their outcomes, and the enrolments that the tool made."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.types import UtcDateTime, enum_type
from lti_app.lti.models import Moodle
from lti_app.meetings.models import Meeting
from lti_app.programmes.models import Programme
from moodle_sync.roster import Drift


class RunStatus(enum.StrEnum):
    """Say how a run ended; exit codes of ``sync run`` follow from it (interface.md)."""

    RUNNING = "running"
    DONE = "done"
    FAILED_SOME = "failed_some"
    HELD = "held"
    UNREADABLE = "unreadable"
    INTERRUPTED = "interrupted"


class SyncRun(Base):
    """Keep one run against one Moodle: what it planned, did, failed, held."""

    __tablename__ = "sync_run"
    __table_args__ = (Index("ix_sync_run_moodle", "moodle_id", "started_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id))
    status: Mapped[RunStatus] = mapped_column(enum_type(RunStatus, "status"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    phase: Mapped[str] = mapped_column(String(40), default="", comment="reading, writing, progress …")
    steps_total: Mapped[int] = mapped_column(default=0)
    steps_done: Mapped[int] = mapped_column(default=0)
    plan_id: Mapped[str | None] = mapped_column(String(64), comment="SHA-256 over the plan's content")
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="kind: planned, done, failed")
    held: Mapped[list[Any]] = mapped_column(default=list, comment="the guard's reasons, also when approved beforehand")
    notes: Mapped[list[Any]] = mapped_column(default=list, comment="what a person has to decide; nothing was touched")
    scores: Mapped[dict[str, Any]] = mapped_column(
        default=dict, comment="trainees whose score waited or was given up when it ended"
    )
    proposed: Mapped[dict[str, Any]] = mapped_column(
        default=dict,
        server_default="{}",
        comment="people whom the run put forward for credit, by code of the intake",
    )
    calls: Mapped[int] = mapped_column(default=0, comment="calls to Moodle")
    seconds: Mapped[float] = mapped_column(default=0.0)
    error: Mapped[str | None] = mapped_column(Text, comment="why the run stopped, with its remedy")

    moodle: Mapped[Moodle] = relationship()


class PlanState(enum.StrEnum):
    """Say what became of a held plan."""

    HELD = "held"
    APPROVED = "approved"
    APPLIED = "applied"
    EXPIRED = "expired"


class HeldPlan(Base):
    """Keep a plan that the guard held, until a person approves it or the world moves on."""

    __tablename__ = "held_plan"
    __table_args__ = (UniqueConstraint("moodle_id", "plan_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id))
    run_id: Mapped[int] = mapped_column(ForeignKey(SyncRun.id), index=True)
    plan_id: Mapped[str] = mapped_column(String(64))
    state: Mapped[PlanState] = mapped_column(enum_type(PlanState, "state"))
    reasons: Mapped[list[Any]]
    plan: Mapped[dict[str, Any]] = mapped_column(comment="the plan itself, for a person to read")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[str | None] = mapped_column(String(200))
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    moodle: Mapped[Moodle] = relationship()


class CourseTemplate(Base):
    """Keep which course those of one programme, or of one direction, are copied from; others by the Moodle's own."""

    __tablename__ = "course_template"
    __table_args__ = (
        UniqueConstraint("moodle_id", "programme_id", name="uq_course_template_programme"),
        UniqueConstraint("moodle_id", "direction", name="uq_course_template_direction"),
        CheckConstraint("(programme_id IS NULL) <> (direction IS NULL)", name="one_scope"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id))
    programme_id: Mapped[int | None] = mapped_column(ForeignKey(Programme.id), index=True)
    direction: Mapped[str | None] = mapped_column(String(300), comment="of sites, as theirs is written")
    course: Mapped[str] = mapped_column(String(255), comment="as it was given: a course id or a shortname")

    programme: Mapped[Programme | None] = relationship()


class HiddenCourse(Base):
    """Keep that a night hid the course of an intake that ended: whoever sees it again was shown it by hand."""

    __tablename__ = "hidden_course"

    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id), primary_key=True)
    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="Moodle course id")
    hidden_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SyncChange(Base):
    """Keep one change of a run and its outcome, written as it happens."""

    __tablename__ = "sync_change"
    __table_args__ = (Index("ix_sync_change_run", "run_id", "failed"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey(SyncRun.id))
    kind: Mapped[str] = mapped_column(String(40))
    target: Mapped[str] = mapped_column(String(300), comment="course and person, by id")
    failed: Mapped[bool]
    errorcode: Mapped[str | None] = mapped_column(String(100))
    message: Mapped[str | None] = mapped_column(Text)
    remedy: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(String(40), comment="why the plan had it: moodle_sync.changes.Reason")


class OwnedEnrolment(Base):
    """Keep an enrolment that the tool made; nothing else in Moodle is ever touched.

    Written as pending before the call to Moodle and confirmed after it, so that a run killed between the two
    still knows what is its own.
    """

    __tablename__ = "owned_enrolment"

    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id), primary_key=True)
    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="Moodle course id")
    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="Moodle user id")
    role: Mapped[str] = mapped_column(String(20), primary_key=True, comment="trainee or leader")
    starts: Mapped[int] = mapped_column(comment="timestart as last written, Unix seconds")
    ends: Mapped[int] = mapped_column(comment="timeend as last written, Unix seconds; 0 for none")
    suspended: Mapped[bool]
    pending: Mapped[bool] = mapped_column(comment="meant to be written, not yet known to be")
    drift: Mapped[Drift] = mapped_column(
        enum_type(Drift, "drift"), default=Drift.NONE, comment="what a person in Moodle made of it, if that stays so"
    )
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OwnedEvent(Base):
    """Keep the course event that the tool made for a meeting (moodle_sync.events.OwnedEvent); no other is deleted."""

    __tablename__ = "owned_event"

    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id), primary_key=True)
    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="Moodle course id")
    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id), primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(comment="Moodle's; while pending the newest that was there before, or 0")
    starts: Mapped[int] = mapped_column(comment="as last written, Unix seconds")
    digest: Mapped[str] = mapped_column(String(32), comment="hash of what was written")
    pending: Mapped[bool] = mapped_column(comment="meant to be written, not yet known to be")
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RememberedRoster(Base):
    """Keep a course's roster as it was last read in full and not written to since; probes show whether it is so still.

    A row is forgotten before the course is written to, and counts for ``FULL_READ_DAYS``.
    """

    __tablename__ = "remembered_roster"

    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id), primary_key=True)
    course_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="Moodle course id")
    enrolled: Mapped[list[Any]] = mapped_column(comment="Moodle user ids, ascending")
    inactive: Mapped[list[Any]] = mapped_column(comment="those of them who were suspended or out of their dates")
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SyncLock(Base):
    """Hold the one run at a time per Moodle; it can be seen, and goes stale when its heartbeat stops."""

    __tablename__ = "sync_lock"

    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id), primary_key=True)
    holder: Mapped[str] = mapped_column(String(200), comment="host, process and a random part")
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    beat_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SyncPart(Base):
    """Keep a part of a run's plan while several processes carry it out; deleted when the run ends.

    Whoever carries it out is its holder, and shows every 20 seconds that it lives, as with a lock.
    """

    __tablename__ = "sync_part"

    run_id: Mapped[int] = mapped_column(ForeignKey(SyncRun.id), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    plan: Mapped[dict[str, Any]] = mapped_column(comment="the changes of some courses")
    rosters: Mapped[list[Any]] = mapped_column(comment="of each course: its id, who was enrolled, who was inactive")
    holder: Mapped[str | None] = mapped_column(String(200), comment="host, process and a random part")
    beat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
