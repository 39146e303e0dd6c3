"""Intakes (runs of a programme), their trainees, and what Moodle says of their progress."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.editing import Revised
from lti_app.core.types import UtcDateTime, enum_type
from lti_app.lti.models import Moodle
from lti_app.people.models import Organisation, Person
from lti_app.programmes.models import ProgrammeVersion
from lti_app.sites.models import SiteEnd

_NOT_SHARED = "course_id IS NOT NULL AND (course_tied_by IS NULL OR course_tied_by <> 'leader')"
"""Only a person lets an intake share another one's course; the night and an idnumber never do."""


class Admission(enum.StrEnum):
    """Say who may ask for a place in an intake."""

    MUNICIPALITY = "municipality"
    ORGANISATIONS = "organisations"
    INVITATION = "invitation"


class Intake(Base, Revised):
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
        Index("ix_intake_starts_on", "starts_on", "id"),
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
    admission: Mapped[Admission] = mapped_column(
        enum_type(Admission, "admission"),
        default=Admission.INVITATION,
        server_default=Admission.INVITATION.value,
        comment="who may ask for a place: anybody of the municipality, of given organisations, who is invited",
    )
    needs_head: Mapped[bool] = mapped_column(
        default=False, server_default=false(), comment="the head of one's organisation confirms a request"
    )
    keeps_waiting_list: Mapped[bool] = mapped_column(
        default=True, server_default=true(), comment="requests beyond the capacity wait in order"
    )
    requests_until: Mapped[date | None] = mapped_column(comment="local date, last day to ask; empty: until the start")
    note: Mapped[str | None] = mapped_column(Text, comment="for those who may ask for a place")
    broken_off_on: Mapped[date | None] = mapped_column(
        comment="local date; its site ended and the intake with it (8.1)"
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
        Index(
            "ix_trainee_enrolled",
            "intake_id",
            sqlite_where=text("state = 'enrolled'"),
            postgresql_where=text("state = 'enrolled'"),
        ),
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


class IntakeOrganisation(Base):
    """Open an intake to an organisation's people, where its admission is by organisations."""

    __tablename__ = "intake_organisation"

    intake_id: Mapped[int] = mapped_column(ForeignKey(Intake.id), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey(Organisation.id), primary_key=True, index=True)


class Invitation(Base):
    """Let a person ask for a place in an intake whose admission is by invitation."""

    __tablename__ = "intake_invitation"
    __table_args__ = (UniqueConstraint("intake_id", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    intake_id: Mapped[int] = mapped_column(ForeignKey(Intake.id))
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    invited_at: Mapped[datetime] = mapped_column(UtcDateTime)

    person: Mapped[Person] = relationship()


class RequestState(enum.StrEnum):
    """Say where a request for a place stands."""

    WITH_HEAD = "with_head"
    WAITING = "waiting"
    GRANTED = "granted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


UNDER_WAY = "state IN ('with_head', 'waiting')"
"""SQL of the requests that nothing has been decided on yet; said just so, the index of them is used."""
OPEN_REQUESTS = (RequestState.WITH_HEAD, RequestState.WAITING)


class PlaceRequest(Base):
    """Keep somebody's request for a place in an intake; a place itself is a Trainee."""

    __tablename__ = "place_request"
    __table_args__ = (
        UniqueConstraint("intake_id", "person_id"),
        CheckConstraint("(state = 'granted') = (trainee_id IS NOT NULL)", name="granted_has_place"),
        CheckConstraint("state <> 'waiting' OR queued_at IS NOT NULL", name="waiting_is_queued"),
        Index("ix_place_request_queue", "intake_id", "state", "queued_at", "id"),
        Index(
            "ix_place_request_under_way",
            "intake_id",
            sqlite_where=text(UNDER_WAY),
            postgresql_where=text(UNDER_WAY),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    intake_id: Mapped[int] = mapped_column(ForeignKey(Intake.id))
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    state: Mapped[RequestState] = mapped_column(enum_type(RequestState, "state"))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_by: Mapped[str] = mapped_column(String(200), comment="the person, or who put them on the list")
    queued_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="decides the order of the waiting list")
    head_decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    head_decided_by: Mapped[str | None] = mapped_column(String(200))
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="granted, declined, withdrawn or lapsed")
    reason: Mapped[str | None] = mapped_column(String(500), comment="why it was declined")
    trainee_id: Mapped[int | None] = mapped_column(ForeignKey(Trainee.id), unique=True)

    intake: Mapped[Intake] = relationship()
    person: Mapped[Person] = relationship()
    trainee: Mapped[Trainee | None] = relationship()


class IntakeOutcome(enum.StrEnum):
    """Say what happens to an intake under way when its site ends (8.1)."""

    FINISHED = "finished"
    MOVED = "moved"
    BROKEN_OFF = "broken_off"


class EndedIntake(Base):
    """Keep what was decided on an intake under way at its site's end (8.1)."""

    __tablename__ = "ended_intake"
    __table_args__ = (
        UniqueConstraint("end_id", "intake_id"),
        CheckConstraint("(outcome = 'moved') = (moved_to_id IS NOT NULL)", name="moved_somewhere"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    end_id: Mapped[int] = mapped_column(ForeignKey(SiteEnd.id))
    intake_id: Mapped[int] = mapped_column(ForeignKey(Intake.id), index=True)
    outcome: Mapped[IntakeOutcome] = mapped_column(enum_type(IntakeOutcome, "outcome"))
    moved_to_id: Mapped[int | None] = mapped_column(ForeignKey(Intake.id), comment="intake that takes its trainees")

    intake: Mapped[Intake] = relationship(foreign_keys=[intake_id])
    moved_to: Mapped[Intake | None] = relationship(foreign_keys=[moved_to_id])


class TraineeOutcome(enum.StrEnum):
    """Say what happens to a trainee under way when the site ends (8.1)."""

    STAYS = "stays"
    CREDITED = "credited"
    MOVED = "moved"
    LEFT = "left"


class EndedTrainee(Base):
    """Keep what was decided on a trainee under way at the site's end (8.1)."""

    __tablename__ = "ended_trainee"
    __table_args__ = (UniqueConstraint("end_id", "trainee_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    end_id: Mapped[int] = mapped_column(ForeignKey(SiteEnd.id))
    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id), index=True)
    outcome: Mapped[TraineeOutcome] = mapped_column(enum_type(TraineeOutcome, "outcome"))
    note: Mapped[str | None] = mapped_column(String(500))

    trainee: Mapped[Trainee] = relationship()
