"""Intakes (runs of a programme), their trainees, and what Moodle says of their progress."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.types import UtcDateTime, enum_type
from lti_app.lti.models import Moodle
from lti_app.people.models import Person
from lti_app.programmes.models import ProgrammeVersion

_NOT_SHARED = "course_id IS NOT NULL AND (course_tied_by IS NULL OR course_tied_by <> 'leader')"
"""Only a person lets an intake share another one's course; the night and an idnumber never do."""


class Intake(Base):
    """Keep one run of a programme: dates, capacity, its Moodle course. Not a Moodle cohort."""

    __tablename__ = "intake"
    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="dates_forward"),
        CheckConstraint("capacity > 0", name="capacity_positive"),
        Index(
            "uq_intake_course",
            "moodle_id",
            "course_id",
            unique=True,
            sqlite_where=text(_NOT_SHARED),
            postgresql_where=text(_NOT_SHARED),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(60), unique=True, comment="also idnumber of the Moodle course")
    version_id: Mapped[int] = mapped_column(ForeignKey(ProgrammeVersion.id), index=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id), index=True)
    starts_on: Mapped[date] = mapped_column(comment="local date")
    ends_on: Mapped[date] = mapped_column(comment="local date, last day")
    capacity: Mapped[int]
    published_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="from then on the night keeps a course; only on an approved version (4.2)"
    )
    course_id: Mapped[int | None] = mapped_column(comment="Moodle course id, once made or tied")
    course_tied_by: Mapped[str | None] = mapped_column(
        String(20), comment="night (made by the tool), idnumber (of the course) or leader"
    )

    version: Mapped[ProgrammeVersion] = relationship()
    moodle: Mapped[Moodle] = relationship()
    trainees: Mapped[list[Trainee]] = relationship(back_populates="intake")


class TraineeState(enum.StrEnum):
    """Say where a trainee stands in an intake."""

    ENROLLED = "enrolled"
    LEFT = "left"


class Trainee(Base):
    """Keep a person's place in an intake."""

    __tablename__ = "trainee"
    __table_args__ = (
        UniqueConstraint("intake_id", "person_id"),
        CheckConstraint("(state = 'left') = (left_at IS NOT NULL)", name="left_has_date"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    intake_id: Mapped[int] = mapped_column(ForeignKey(Intake.id))
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    state: Mapped[TraineeState] = mapped_column(enum_type(TraineeState, "state"))
    enrolled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    intake: Mapped[Intake] = relationship(back_populates="trainees")
    person: Mapped[Person] = relationship()


class MoodleProgress(Base):
    """Keep what Moodle last said of a trainee's completion; read by the night."""

    __tablename__ = "moodle_progress"

    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id), primary_key=True)
    activities_total: Mapped[int] = mapped_column(comment="tracked activities other than the tool's own link")
    activities_complete: Mapped[int]
    link_complete: Mapped[bool | None] = mapped_column(comment="the tool's own link, which completes by the score")
    link_grade: Mapped[float | None] = mapped_column(comment="grade on the tool's link as Moodle holds it")
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Outsider(Base):
    """Keep somebody who is in the course of an intake by other means and on no list of it, to be offered to the leader.

    Kept while they are there and the intake isn't over. Whoever isn't offered is kept without a name.
    """

    __tablename__ = "outsider"
    __table_args__ = (UniqueConstraint("moodle_id", "course_id", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id))
    course_id: Mapped[int] = mapped_column(comment="Moodle course id")
    user_id: Mapped[int] = mapped_column(comment="Moodle user id")
    is_offered: Mapped[bool] = mapped_column(comment="has the trainees' role there, and not the leader's")
    last_name: Mapped[str] = mapped_column(String(255), comment="as Moodle told; of who is offered")
    first_name: Mapped[str] = mapped_column(String(255), comment="as Moodle told, often both names")
    email: Mapped[str | None] = mapped_column(String(255))
    idnumber: Mapped[str | None] = mapped_column(String(255))
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    dismissed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="no trainee, the leader says")

    @property
    def full_name(self) -> str:
        """Return last and first names, as Moodle told."""
        return f"{self.last_name} {self.first_name}".strip()
