"""Products that trainees hand in, each text of them, the leader's answers, and what of them stands in the catalogue."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.editing import Revised
from lti_app.core.types import UtcDateTime, enum_type
from lti_app.intakes.models import Intake, Trainee
from lti_app.lti.models import Moodle
from lti_app.people.models import Person
from lti_app.programmes.models import LessonKind, ProductDemand, ProductKind
from lti_app.sites.models import Site


class ProductState(enum.StrEnum):
    """Say where a product stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class Source(enum.StrEnum):
    """Say where a text of a product was handed in."""

    TOOL = "tool"
    MOODLE = "moodle"


class Decision(enum.StrEnum):
    """Say what the leader decided on a text of a product."""

    RETURNED = "returned"
    ACCEPTED = "accepted"


class Mark(enum.StrEnum):
    """Say how far a text meets a criterion."""

    MET = "met"
    PARTLY = "partly"
    NOT_MET = "not_met"


MARK_NAMES = {
    Mark.MET: _l("met"),
    Mark.PARTLY: _l("met in part"),
    Mark.NOT_MET: _l("not met"),
}
EDITABLE = (ProductState.DRAFT, ProductState.RETURNED, ProductState.WITHDRAWN)
"""States in which a product is its author's to change."""


class Product(Base, Revised):
    """Keep a trainee's product, on a demand of the programme or of the trainee's own choice (5.1)."""

    __tablename__ = "product"
    __table_args__ = (
        UniqueConstraint("trainee_id", "demand_id"),
        CheckConstraint("lesson_kind IS NULL OR kind = 'lesson_design'", name="lesson_kind_of_lesson"),
        Index(
            "ix_product_waiting",
            "trainee_id",
            sqlite_where=text("state = 'submitted'"),
            postgresql_where=text("state = 'submitted'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id))
    demand_id: Mapped[int | None] = mapped_column(
        ForeignKey(ProductDemand.id), index=True, comment="empty: of the trainee's own choice"
    )
    kind: Mapped[ProductKind] = mapped_column(enum_type(ProductKind, "kind"))
    lesson_kind: Mapped[LessonKind | None] = mapped_column(enum_type(LessonKind, "lesson_kind"))
    title: Mapped[str] = mapped_column(String(300))
    subject: Mapped[str | None] = mapped_column(String(200), comment="school subject or field of work")
    state: Mapped[ProductState] = mapped_column(enum_type(ProductState, "state"))
    consented_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="since when the author agrees to the catalogue, with name and place of work"
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    trainee: Mapped[Trainee] = relationship()
    demand: Mapped[ProductDemand | None] = relationship()
    versions: Mapped[list[ProductVersion]] = relationship(back_populates="product", order_by="ProductVersion.number")


class ProductVersion(Base):
    """Keep one text of a product: files (attachments), links, a note. Handed in, it stays as it is."""

    __tablename__ = "product_version"
    __table_args__ = (
        UniqueConstraint("product_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("source = 'tool' OR submitted_at IS NOT NULL", name="moodle_is_submitted"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    number: Mapped[int] = mapped_column(comment="1, 2 … within the product")
    source: Mapped[Source] = mapped_column(enum_type(Source, "source"), default=Source.TOOL)
    note: Mapped[str | None] = mapped_column(Text, comment="the author's words to it")
    links: Mapped[list[Any]] = mapped_column(comment="http and https addresses")
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="empty: still being prepared")

    product: Mapped[Product] = relationship(back_populates="versions")
    reviews: Mapped[list[ProductReview]] = relationship(back_populates="version", order_by="ProductReview.id")


class ProductReview(Base):
    """Keep the leader's answer to a text of a product. Taken back, it stays, with the reason."""

    __tablename__ = "product_review"
    __table_args__ = (
        CheckConstraint("decision <> 'returned' OR remarks IS NOT NULL", name="returned_has_remarks"),
        CheckConstraint(
            "(undone_at IS NULL) = (undone_because IS NULL) AND (undone_at IS NULL) = (undone_by IS NULL)",
            name="undone_has_reason",
        ),
        Index(
            "uq_product_review_holds",
            "version_id",
            unique=True,
            sqlite_where=text("undone_at IS NULL"),
            postgresql_where=text("undone_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey(ProductVersion.id))
    decision: Mapped[Decision] = mapped_column(enum_type(Decision, "decision"))
    remarks: Mapped[str | None] = mapped_column(Text)
    marks: Mapped[list[Any]] = mapped_column(comment="a {criterion, mark, note} for each criterion of the demand")
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    made_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id))
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_by: Mapped[str | None] = mapped_column(String(200))
    undone_because: Mapped[str | None] = mapped_column(String(500))

    version: Mapped[ProductVersion] = relationship(back_populates="reviews")
    made_by: Mapped[Person] = relationship()


class Publication(Base):
    """Keep that an accepted text stands in the catalogue (2.2), or stood there until it was taken out."""

    __tablename__ = "product_publication"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_somebody"),
        CheckConstraint("ended_because IS NULL OR ended_at IS NOT NULL", name="reason_of_end"),
        Index(
            "uq_product_publication_shown",
            "product_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_product_publication_newest",
            "published_at",
            "id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_product_publication_site", "site_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id), index=True)
    version_id: Mapped[int] = mapped_column(ForeignKey(ProductVersion.id), index=True)
    site_id: Mapped[int] = mapped_column(ForeignKey(Site.id), comment="where it was made; gives the direction")
    search_key: Mapped[str] = mapped_column(Text, comment="what it is found by, folded; written at publication")
    subject_key: Mapped[str] = mapped_column(String(200), comment="the subject, folded")
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(200))
    ended_because: Mapped[str | None] = mapped_column(
        String(500), comment="where the leader or the centre took it out; empty: the author did"
    )

    product: Mapped[Product] = relationship()
    version: Mapped[ProductVersion] = relationship()
    site: Mapped[Site] = relationship()


class CourseAssignment(Base):
    """Keep an assignment of a Moodle course, offered to the leader; read by the night."""

    __tablename__ = "course_assignment"
    __table_args__ = (UniqueConstraint("moodle_id", "course_id", "cmid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id))
    course_id: Mapped[int] = mapped_column(comment="Moodle course id")
    cmid: Mapped[int] = mapped_column(comment="id of the course module")
    name: Mapped[str] = mapped_column(String(255))
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ProductAssignment(Base):
    """Tie a demand, in one intake, to an assignment of the intake's Moodle course."""

    __tablename__ = "product_assignment"
    __table_args__ = (UniqueConstraint("intake_id", "demand_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    intake_id: Mapped[int] = mapped_column(ForeignKey(Intake.id))
    demand_id: Mapped[int] = mapped_column(ForeignKey(ProductDemand.id), index=True)
    cmid: Mapped[int] = mapped_column(comment="id of the course module")
    name: Mapped[str] = mapped_column(String(255), comment="as it was called when it was tied")


class GradeState(enum.StrEnum):
    """Say what Moodle holds of a trainee's work on an assignment."""

    NOTHING = "nothing"
    SUBMITTED = "submitted"
    GRADED = "graded"


class ProductGrade(Base):
    """Keep what Moodle last said of a trainee's work on an assignment that is tied to a demand; read by the night."""

    __tablename__ = "product_grade"

    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id), primary_key=True)
    cmid: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="id of the course module")
    grade: Mapped[float | None]
    grade_max: Mapped[float | None] = mapped_column(comment="empty: the course's reports don't tell it")
    state: Mapped[GradeState] = mapped_column(enum_type(GradeState, "state"))
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="as Moodle told; often not known")
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)
