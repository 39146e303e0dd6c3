"""Organisations, persons, Moodle accounts, granted roles."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, event, false, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.editing import Revised
from lti_app.core.permissions import Role
from lti_app.core.types import UtcDateTime, enum_type
from lti_app.core.words import plain
from lti_app.lti.models import Moodle


class Category(enum.StrEnum):
    """Name the qualification categories of teachers (4.1)."""

    HIGHEST = "highest"
    FIRST = "first"


class Organisation(Base, Revised):
    """Keep an educational organisation of any type (1.3)."""

    __tablename__ = "organisation"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(500))
    short_name: Mapped[str | None] = mapped_column(String(200))
    type: Mapped[str | None] = mapped_column(String(100), comment="school, kindergarten, … as the centre writes it")
    licensed: Mapped[bool] = mapped_column(
        default=False, comment="may issue удостоверения: holds a licence for additional professional education"
    )
    is_authority: Mapped[bool] = mapped_column(
        default=False,
        server_default=false(),
        comment="an education authority: may apply for a site at any organisation (3.2)",
    )
    address: Mapped[str | None] = mapped_column(String(500))

    @property
    def label(self) -> str:
        """Return the short name, or the full one where there is none."""
        return self.short_name or self.name


def full_name(last_name: str, first_name: str, middle_name: str | None) -> str:
    """Join the parts of a name as in Russian papers."""
    return " ".join(part for part in (last_name, first_name, middle_name) if part)


class Person(Base, Revised):
    """Keep a person: a trainee at one site and perhaps a leader at another."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("email IS NOT NULL OR moodle_idnumber IS NOT NULL", name="can_be_found"),
        CheckConstraint("category IS NOT NULL OR category_until IS NULL", name="category_expiry_needs_category"),
        Index("uq_person_email", func.lower(text("email")), unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    last_name: Mapped[str] = mapped_column(String(100))
    first_name: Mapped[str] = mapped_column(String(100))
    middle_name: Mapped[str | None] = mapped_column(String(100))
    email: Mapped[str | None] = mapped_column(String(254), comment="not an identity: may change or differ in case")
    moodle_idnumber: Mapped[str | None] = mapped_column(String(255), unique=True, comment="idnumber of the Moodle user")
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey(Organisation.id), index=True)
    position: Mapped[str | None] = mapped_column(String(200))
    category: Mapped[Category | None] = mapped_column(enum_type(Category, "category"))
    category_since: Mapped[date | None] = mapped_column(comment="day on which the category was given")
    category_until: Mapped[date | None] = mapped_column(comment="older categories expire, newer ones don't")

    name_key: Mapped[str] = mapped_column(
        String(310).with_variant(String(310, collation="C"), "postgresql"),
        default="",
        server_default="",
        index=True,
        comment="the names folded, for search by their beginnings; kept by the program",
    )

    organisation: Mapped[Organisation | None] = relationship()

    @property
    def full_name(self) -> str:
        """Return last, first and middle name, as in Russian papers."""
        return full_name(self.last_name, self.first_name, self.middle_name)

    @property
    def short_name(self) -> str:
        """Return the last name with initials: «Иванова А. П.»."""
        initials = [f"{part[0]}." for part in (self.first_name, self.middle_name) if part]
        return " ".join([self.last_name, *initials])

    def has_category_on(self, day: date) -> bool:
        """Tell whether the highest or first category holds on ``day`` (4.1)."""
        return self.category is not None and (self.category_until is None or self.category_until >= day)


def _keep_name_key(_mapper: Any, _connection: Any, person: Person) -> None:
    person.name_key = plain(person.full_name)


event.listen(Person, "before_insert", _keep_name_key)
event.listen(Person, "before_update", _keep_name_key)


class OrganisationHead(Base):
    """Keep who heads an organisation, from when to when; at most one at a time."""

    __tablename__ = "organisation_head"
    __table_args__ = (
        CheckConstraint("until IS NULL OR until >= since", name="term_forward"),
        Index(
            "uq_organisation_head_current",
            "organisation_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey(Organisation.id), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    since: Mapped[date]
    until: Mapped[date | None] = mapped_column(comment="last day; empty for the present head")

    organisation: Mapped[Organisation] = relationship()
    person: Mapped[Person] = relationship()


class MoodleAccount(Base):
    """Tie a person to a user of one Moodle, once it is certain who is who."""

    __tablename__ = "moodle_account"
    __table_args__ = (UniqueConstraint("moodle_id", "user_id"), UniqueConstraint("moodle_id", "person_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id))
    user_id: Mapped[int] = mapped_column(comment="Moodle user id; sub of a launch, userId of a score")
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    matched_by: Mapped[str] = mapped_column(
        String(20), comment="idnumber, email, created (by a night) or person (decided by hand)"
    )
    matched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_last_name: Mapped[str | None] = mapped_column(String(255), comment="as Moodle said last; empty: not told")
    seen_first_name: Mapped[str | None] = mapped_column(String(255), comment="as Moodle said last, often both names")
    seen_email: Mapped[str | None] = mapped_column(String(255), comment="as Moodle said last")
    seen_suspended: Mapped[bool] = mapped_column(default=False, comment="suspended on the whole site of Moodle")
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when Moodle was last asked and showed it")
    last_link: Mapped[int | None] = mapped_column(
        comment="LTI instance in Moodle by whose link they last came: resource_link.id of a launch"
    )
    not_shown_since: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="since then Moodle shows no such user: deleted, as a rule"
    )

    person: Mapped[Person] = relationship()


class PersonQuestion(Base):
    """Ask a person which user of a Moodle somebody is, where the night can't be sure; one question a person."""

    __tablename__ = "person_question"
    __table_args__ = (
        UniqueConstraint("moodle_id", "person_id"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by_somebody"),
        CheckConstraint("decided_at IS NOT NULL OR user_id IS NULL", name="user_needs_decision"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id))
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    reason: Mapped[str] = mapped_column(String(40), comment="why it isn't certain: the code of a Doubt")
    candidates: Mapped[list[Any]] = mapped_column(
        comment="user_id, idnumber, email, full_name as Moodle gave them; none: nobody matches"
    )
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="the cause is gone")
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(200))
    user_id: Mapped[int | None] = mapped_column(comment="the Moodle user that was chosen; empty: none of them")

    person: Mapped[Person] = relationship()
    moodle: Mapped[Moodle] = relationship()


class RoleGrant(Base):
    """Keep a role given to a Moodle user; leaders and trainees are not granted, they follow from orders."""

    __tablename__ = "role_grant"
    __table_args__ = (
        UniqueConstraint("moodle_id", "user_id", "role"),
        CheckConstraint("role IN ('administrator', 'centre', 'council')", name="grantable"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    moodle_id: Mapped[int] = mapped_column(ForeignKey(Moodle.id))
    user_id: Mapped[int] = mapped_column(comment="Moodle user id")
    role: Mapped[Role] = mapped_column(enum_type(Role, "role"))
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
