"""Programmes, versions as the council decides on them, topics of the thematic plan."""

from __future__ import annotations

import enum
from datetime import date
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.types import Hours, enum_type
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


class ProgrammeVersion(Base):
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

    programme: Mapped[Programme] = relationship(back_populates="versions")
    topics: Mapped[list[Topic]] = relationship(back_populates="version", order_by="Topic.position")


class Topic(Base):
    """Keep a row of the thematic plan: topic, form, mode, hours."""

    __tablename__ = "topic"
    __table_args__ = (
        UniqueConstraint("version_id", "position"),
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("position > 0", name="position_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey(ProgrammeVersion.id))
    position: Mapped[int] = mapped_column(comment="1, 2 …")
    title: Mapped[str] = mapped_column(String(500))
    form: Mapped[Form] = mapped_column(enum_type(Form, "form"))
    mode: Mapped[Mode] = mapped_column(enum_type(Mode, "mode"))
    hours: Mapped[Decimal] = mapped_column(Hours, comment="academic hours in hundredths")

    version: Mapped[ProgrammeVersion] = relationship(back_populates="topics")
