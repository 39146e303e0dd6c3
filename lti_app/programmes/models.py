"""Programmes, versions as the council decides on them, topics of the thematic plan."""

from __future__ import annotations

import enum
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.editing import Revised
from lti_app.core.types import Hours, UtcDateTime, enum_type
from lti_app.people.models import Person
from lti_app.sites.models import Site


class Form(enum.StrEnum):
    """Name the forms of meetings (5.1)."""

    LECTURE = "lecture"
    SEMINAR = "seminar"
    WORK_PROGRAMME = "work_programme"
    LESSON_DESIGN = "lesson_design"
    TECHNOLOGICAL_MAP = "technological_map"
    OPEN_LESSON = "open_lesson"
    PRACTICUM = "practicum"
    ROUND_TABLE = "round_table"
    CONSULTATION = "consultation"


class Mode(enum.StrEnum):
    """Say where a meeting takes place (5.1: seminars also at a distance)."""

    ON_SITE = "on_site"
    DISTANCE = "distance"


class VersionState(enum.StrEnum):
    """Say how far the council is with a version (4.2)."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"


class ProductKind(enum.StrEnum):
    """Name what a trainee works out and hands in (5.1)."""

    WORK_PROGRAMME = "work_programme"
    LESSON_DESIGN = "lesson_design"
    TECHNOLOGICAL_MAP = "technological_map"
    OPEN_LESSON = "open_lesson"
    METHODICAL = "methodical"
    OTHER = "other"


class LessonKind(enum.StrEnum):
    """Name the kinds of lessons that are designed (5.1: in class, extracurricular, integrated and others)."""

    IN_CLASS = "in_class"
    EXTRACURRICULAR = "extracurricular"
    INTEGRATED = "integrated"
    OTHER = "other"


FORM_NAMES = {
    Form.LECTURE: _l("lecture"),
    Form.SEMINAR: _l("seminar"),
    Form.WORK_PROGRAMME: _l("revision of a work programme"),
    Form.LESSON_DESIGN: _l("lesson design"),
    Form.TECHNOLOGICAL_MAP: _l("technological map"),
    Form.OPEN_LESSON: _l("open lesson"),
    Form.PRACTICUM: _l("practicum"),
    Form.ROUND_TABLE: _l("round table"),
    Form.CONSULTATION: _l("consultation"),
}

MODE_NAMES = {Mode.ON_SITE: _l("on site"), Mode.DISTANCE: _l("at a distance")}


PRODUCT_KIND_NAMES = {
    ProductKind.WORK_PROGRAMME: _l("revised work programme"),
    ProductKind.LESSON_DESIGN: _l("design of a lesson"),
    ProductKind.TECHNOLOGICAL_MAP: _l("technological map"),
    ProductKind.OPEN_LESSON: _l("open lesson"),
    ProductKind.METHODICAL: _l("methodical work"),
    ProductKind.OTHER: _l("another product"),
}

LESSON_KIND_NAMES = {
    LessonKind.IN_CLASS: _l("lesson in class"),
    LessonKind.EXTRACURRICULAR: _l("extracurricular lesson"),
    LessonKind.INTEGRATED: _l("integrated lesson"),
    LessonKind.OTHER: _l("lesson of another kind"),
}


class Programme(Base):
    """Keep a programme of a site; what it says stands in its versions."""

    __tablename__ = "programme"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(60), unique=True)
    site_id: Mapped[int] = mapped_column(ForeignKey(Site.id), index=True)

    site: Mapped[Site] = relationship()
    versions: Mapped[list[ProgrammeVersion]] = relationship(
        back_populates="programme", order_by="ProgrammeVersion.number"
    )


class ProgrammeVersion(Base, Revised):
    """Keep one version of a programme. Enrolment opens only on a version that the council approved (4.2)."""

    __tablename__ = "programme_version"
    __table_args__ = (
        UniqueConstraint("programme_id", "number"),
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("hours_needed > 0 AND hours_needed <= hours", name="hours_needed_within"),
        CheckConstraint(
            "state <> 'approved' OR (council_protocol IS NOT NULL AND council_date IS NOT NULL)",
            name="approval_has_protocol",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey(Programme.id))
    number: Mapped[int] = mapped_column(comment="1, 2 … within the programme")
    title: Mapped[str] = mapped_column(String(500))
    goals: Mapped[str | None] = mapped_column(Text)
    hours: Mapped[Decimal] = mapped_column(Hours, comment="academic hours in hundredths; equals the topics' sum")
    hours_needed: Mapped[Decimal] = mapped_column(Hours, comment="attended hours that earn credit, in hundredths")
    needs_completion: Mapped[bool] = mapped_column(
        default=False, comment="credit also asks that the other activities of the Moodle course are complete"
    )
    state: Mapped[VersionState] = mapped_column(enum_type(VersionState, "state"))
    council_protocol: Mapped[str | None] = mapped_column(String(60))
    council_date: Mapped[date | None]
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("programme_version.id"), comment="version that this one was begun from"
    )
    direction: Mapped[str | None] = mapped_column(String(300))
    relevance: Mapped[str | None] = mapped_column(Text, comment="why the programme is needed")
    tasks: Mapped[str | None] = mapped_column(Text, comment="a line each")
    audience: Mapped[str | None] = mapped_column(Text, comment="whom it is for")
    annotation: Mapped[str | None] = mapped_column(
        Text, comment="in a few sentences, for those who may ask for a place"
    )
    control: Mapped[str | None] = mapped_column(Text, comment="forms of control and products of the trainees")
    conditions: Mapped[str | None] = mapped_column(Text, comment="staff and equipment")
    sources: Mapped[str | None] = mapped_column(Text, comment="a line each")
    rating_scale: Mapped[str | None] = mapped_column(
        Text, comment="by which competences are rated, a line each, the lowest first; empty: the usual one"
    )
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="last put before the council")
    council_note: Mapped[str | None] = mapped_column(Text, comment="why it was returned or rejected")

    programme: Mapped[Programme] = relationship(back_populates="versions")
    competences: Mapped[list[Competence]] = relationship(back_populates="version", order_by="Competence.position")
    topics: Mapped[list[Topic]] = relationship(back_populates="version", order_by="Topic.position")
    demands: Mapped[list[ProductDemand]] = relationship(back_populates="version", order_by="ProductDemand.position")


class Topic(Base):
    """Keep a row of the thematic plan: topic, form, mode, hours."""

    __tablename__ = "topic"
    __table_args__ = (
        UniqueConstraint("version_id", "position"),
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("independent_hours >= 0 AND independent_hours <= hours", name="independent_within"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey(ProgrammeVersion.id))
    position: Mapped[int] = mapped_column(comment="1, 2 …")
    title: Mapped[str] = mapped_column(String(500))
    form: Mapped[Form] = mapped_column(enum_type(Form, "form"))
    mode: Mapped[Mode] = mapped_column(enum_type(Mode, "mode"))
    hours: Mapped[Decimal] = mapped_column(Hours, comment="academic hours in hundredths")
    independent_hours: Mapped[Decimal] = mapped_column(
        Hours, default=Decimal(0), server_default="0", comment="of them independent and individual work, in hundredths"
    )
    control: Mapped[str | None] = mapped_column(String(200), comment="form of control")
    content: Mapped[str | None] = mapped_column(Text, comment="what the topic is about, for the printed programme")

    version: Mapped[ProgrammeVersion] = relationship(back_populates="topics")


class Competence(Base):
    """Keep a planned result of a version: what a trainee will know or be able to do."""

    __tablename__ = "competence"
    __table_args__ = (
        UniqueConstraint("version_id", "position"),
        CheckConstraint("position > 0", name="position_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey(ProgrammeVersion.id))
    position: Mapped[int] = mapped_column(comment="1, 2 …")
    text: Mapped[str] = mapped_column(String(500))

    version: Mapped[ProgrammeVersion] = relationship(back_populates="competences")


class ProductDemand(Base):
    """Keep a product that a version asks of its trainees (5.1), and the criteria by which it is accepted."""

    __tablename__ = "product_demand"
    __table_args__ = (
        UniqueConstraint("version_id", "position"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("lesson_kind IS NULL OR kind = 'lesson_design'", name="lesson_kind_of_lesson"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey(ProgrammeVersion.id))
    position: Mapped[int] = mapped_column(comment="1, 2 …")
    kind: Mapped[ProductKind] = mapped_column(enum_type(ProductKind, "kind"))
    lesson_kind: Mapped[LessonKind | None] = mapped_column(
        enum_type(LessonKind, "lesson_kind"), comment="of a lesson's design; empty: any"
    )
    title: Mapped[str] = mapped_column(String(300))
    is_required: Mapped[bool] = mapped_column(default=True, server_default=true())
    criteria: Mapped[list[Any]] = mapped_column(comment="texts, in order; may be none")

    version: Mapped[ProgrammeVersion] = relationship(back_populates="demands")


class Section(enum.StrEnum):
    """Name the parts of a programme that a remark can be tied to."""

    WHOLE = "whole"
    GOALS = "goals"
    AUDIENCE = "audience"
    RESULTS = "results"
    PLAN = "plan"
    TOPIC = "topic"
    CONTROL = "control"
    CONDITIONS = "conditions"
    SOURCES = "sources"


class Remark(Base):
    """Keep a remark of a council member on a version, the leader's answer, and whether it is settled."""

    __tablename__ = "remark"
    __table_args__ = (
        CheckConstraint("(section = 'topic') = (topic_position IS NOT NULL)", name="topic_named"),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answer_dated"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey(ProgrammeVersion.id), index=True)
    section: Mapped[Section] = mapped_column(enum_type(Section, "section"))
    topic_position: Mapped[int | None] = mapped_column(comment="of the topic when the remark was made")
    topic_title: Mapped[str | None] = mapped_column(String(500), comment="of the topic when the remark was made")
    text: Mapped[str] = mapped_column(Text)
    author_id: Mapped[int | None] = mapped_column(ForeignKey(Person.id))
    author_name: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by: Mapped[str | None] = mapped_column(String(200))
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_by: Mapped[str | None] = mapped_column(String(200))

    version: Mapped[ProgrammeVersion] = relationship()


class Sitting(Base, Revised):
    """Keep a sitting of the council; with the number of its protocol it counts as held."""

    __tablename__ = "sitting"

    id: Mapped[int] = mapped_column(primary_key=True)
    held_on: Mapped[date] = mapped_column(index=True, comment="local date")
    starts_at: Mapped[str | None] = mapped_column(String(5), comment="local time of day, HH:MM")
    place: Mapped[str | None] = mapped_column(String(300))
    protocol_number: Mapped[str | None] = mapped_column(String(60))
    chair: Mapped[str | None] = mapped_column(String(200))
    secretary: Mapped[str | None] = mapped_column(String(200))
    present: Mapped[str | None] = mapped_column(Text, comment="who was present, a line each")
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="the protocol is signed: nothing changes")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    items: Mapped[list[AgendaItem]] = relationship(back_populates="sitting", order_by="AgendaItem.position")


class Decision(enum.StrEnum):
    """Say what the council decided: on a programme (4.2), or on recommending the end of a site (8.1)."""

    APPROVED = "approved"
    RETURNED = "returned"
    REJECTED = "rejected"
    END_RECOMMENDED = "end_recommended"
    END_NOT_RECOMMENDED = "end_not_recommended"


class AgendaItem(Base):
    """Keep a point of a sitting's agenda: a version put before the council, or the end of a site to recommend."""

    __tablename__ = "agenda_item"
    __table_args__ = (
        UniqueConstraint("sitting_id", "position"),
        UniqueConstraint("sitting_id", "version_id"),
        CheckConstraint("(version_id IS NULL) <> (site_id IS NULL)", name="about_one_thing"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decision_dated"),
        CheckConstraint(
            "decision IS NULL OR (version_id IS NOT NULL) = (decision IN ('approved', 'returned', 'rejected'))",
            name="decision_fits",
        ),
        Index(
            "uq_agenda_item_waiting",
            "version_id",
            unique=True,
            sqlite_where=text("decision IS NULL"),
            postgresql_where=text("decision IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sitting_id: Mapped[int] = mapped_column(ForeignKey(Sitting.id))
    position: Mapped[int] = mapped_column(comment="1, 2 …")
    version_id: Mapped[int | None] = mapped_column(ForeignKey(ProgrammeVersion.id), index=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey(Site.id), index=True)
    reason: Mapped[str | None] = mapped_column(Text, comment="why the site should end (8.1)")
    heard: Mapped[str | None] = mapped_column(Text, comment="who reported what")
    spoke: Mapped[str | None] = mapped_column(Text, comment="who spoke, a line each")
    decision: Mapped[Decision | None] = mapped_column(enum_type(Decision, "decision"))
    decided: Mapped[str | None] = mapped_column(Text, comment="the decision in words, for the protocol")
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(200))

    sitting: Mapped[Sitting] = relationship(back_populates="items")
    version: Mapped[ProgrammeVersion | None] = relationship()
    site: Mapped[Site | None] = relationship()
