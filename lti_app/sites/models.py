"""Sites, orders that grant their status, and leaders over time."""

from __future__ import annotations

import enum
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.editing import Revised
from lti_app.core.types import UtcDateTime, enum_type
from lti_app.people.models import Organisation, Person

LONGEST_TERM_YEARS = 3
"""Status is granted for three years at most (3.3)."""


class Site(Base, Revised):
    """Keep an internship site. Whether it is active on a day follows from its orders and its end."""

    __tablename__ = "site"
    __table_args__ = (CheckConstraint("(ended_on IS NULL) = (ended_because IS NULL)", name="end_has_reason"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(60), unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey(Organisation.id), index=True)
    direction: Mapped[str] = mapped_column(String(300))
    ended_on: Mapped[date | None] = mapped_column(comment="8.1; nothing is deleted")
    ended_because: Mapped[str | None] = mapped_column(String(500))

    organisation: Mapped[Organisation] = relationship()
    orders: Mapped[list[SiteOrder]] = relationship(back_populates="site", order_by="SiteOrder.valid_from")
    leaders: Mapped[list[SiteLeader]] = relationship(back_populates="site", order_by="SiteLeader.since")
    equipment: Mapped[list[SiteEquipment]] = relationship(
        order_by="SiteEquipment.position", cascade="all, delete-orphan"
    )

    def active_on(self, day: date) -> bool:
        """Tell whether an order is in force on ``day`` and the site has not ended (3.3, 8.1)."""
        if self.ended_on is not None and self.ended_on <= day:
            return False
        return any(order.valid_from <= day <= order.valid_until for order in self.orders)


class ApplicationState(enum.StrEnum):
    """Say how far an application for a site is."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    ORDERED = "ordered"
    WITHDRAWN = "withdrawn"


class SiteApplication(Base, Revised):
    """Keep an application for a site's status (3.2), or for its renewal. A draft may have gaps, nothing else may."""

    __tablename__ = "site_application"
    __table_args__ = (
        CheckConstraint("term_years BETWEEN 1 AND 3", name="term_three_years"),
        CheckConstraint(
            "state IN ('draft', 'withdrawn', 'returned') OR (direction IS NOT NULL AND experience IS NOT NULL "
            "AND leader_id IS NOT NULL AND achievements IS NOT NULL)",
            name="complete",
        ),
        CheckConstraint("(state = 'ordered') = (site_id IS NOT NULL)", name="ordered_has_site"),
        CheckConstraint("state <> 'returned' OR remarks IS NOT NULL", name="returned_has_remarks"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[ApplicationState] = mapped_column(enum_type(ApplicationState, "state"), index=True)
    applicant_id: Mapped[int] = mapped_column(
        ForeignKey(Organisation.id), index=True, comment="an education authority or the host itself (3.2)"
    )
    host_id: Mapped[int] = mapped_column(ForeignKey(Organisation.id), index=True, comment="of any type (1.3)")
    renews_id: Mapped[int | None] = mapped_column(
        ForeignKey(Site.id), index=True, comment="the site whose status is to be renewed; empty for a new one"
    )
    direction: Mapped[str | None] = mapped_column(String(300))
    topic: Mapped[str | None] = mapped_column(String(500))
    experience: Mapped[str | None] = mapped_column(Text, comment="positive experience in innovation (3.1)")
    equipment: Mapped[str | None] = mapped_column(Text, comment="what the host has for it (4.2), a line each")
    leader_id: Mapped[int | None] = mapped_column(ForeignKey(Person.id), index=True, comment="proposed leader (4.1)")
    achievements: Mapped[str | None] = mapped_column(Text, comment="the leader's in the direction (4.1)")
    term_years: Mapped[int] = mapped_column(default=3, comment="proposed term (3.3)")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey(Person.id), index=True, comment="empty: put in by the centre"
    )
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="last returned or accepted")
    remarks: Mapped[str | None] = mapped_column(Text, comment="why it was returned")
    site_id: Mapped[int | None] = mapped_column(ForeignKey(Site.id), index=True, comment="the site that the order made")

    applicant: Mapped[Organisation] = relationship(foreign_keys=[applicant_id])
    host: Mapped[Organisation] = relationship(foreign_keys=[host_id])
    leader: Mapped[Person | None] = relationship(foreign_keys=[leader_id])
    author: Mapped[Person | None] = relationship(foreign_keys=[author_id])
    renews: Mapped[Site | None] = relationship(foreign_keys=[renews_id])
    site: Mapped[Site | None] = relationship(foreign_keys=[site_id])


class OrderKind(enum.StrEnum):
    """Say what an order of the centre does to a site's status."""

    GRANT = "grant"
    RENEWAL = "renewal"


class SiteOrder(Base):
    """Keep an order of the centre that grants or renews a site's status (3.3)."""

    __tablename__ = "site_order"
    __table_args__ = (
        UniqueConstraint("site_id", "number", "signed_on"),
        CheckConstraint("valid_until >= valid_from", name="term_forward"),
        CheckConstraint("valid_until <= date(valid_from, '+3 years')", name="term_three_years").ddl_if(
            dialect="sqlite"
        ),
        CheckConstraint("valid_until <= valid_from + interval '3 years'", name="term_three_years").ddl_if(
            dialect="postgresql"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey(Site.id))
    number: Mapped[str] = mapped_column(String(60))
    signed_on: Mapped[date]
    valid_from: Mapped[date]
    valid_until: Mapped[date] = mapped_column(comment="last day; three years after valid_from at most (3.3)")
    signatory: Mapped[str | None] = mapped_column(String(200))
    kind: Mapped[OrderKind] = mapped_column(
        enum_type(OrderKind, "kind"), default=OrderKind.GRANT, server_default=OrderKind.GRANT.value
    )
    application_id: Mapped[int | None] = mapped_column(ForeignKey(SiteApplication.id), comment="which it follows (3.2)")
    leader_id: Mapped[int | None] = mapped_column(ForeignKey(Person.id), comment="whom it names leader (4.1)")
    control: Mapped[str | None] = mapped_column(String(200), comment="who controls that it is carried out")

    site: Mapped[Site] = relationship(back_populates="orders")
    application: Mapped[SiteApplication | None] = relationship()
    leader: Mapped[Person | None] = relationship()


class SiteLeader(Base):
    """Keep who leads a site, from when to when (4.1); at most one at a time."""

    __tablename__ = "site_leader"
    __table_args__ = (
        CheckConstraint("until IS NULL OR until >= since", name="term_forward"),
        Index(
            "uq_site_leader_current",
            "site_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey(Site.id), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    since: Mapped[date]
    until: Mapped[date | None] = mapped_column(comment="last day; empty for the present leader")

    site: Mapped[Site] = relationship(back_populates="leaders")
    person: Mapped[Person] = relationship()


class SiteEquipment(Base):
    """Keep a line of what a site has for its work (4.2)."""

    __tablename__ = "site_equipment"
    __table_args__ = (
        UniqueConstraint("site_id", "position"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey(Site.id))
    position: Mapped[int] = mapped_column(comment="1, 2 …")
    name: Mapped[str] = mapped_column(String(300))
    quantity: Mapped[int]
    note: Mapped[str | None] = mapped_column(String(300))


class EndGrounds(enum.StrEnum):
    """Say on what a site ends (8.1)."""

    ORGANISATION = "organisation"
    COUNCIL = "council"


class SiteEnd(Base):
    """Keep the end of a site (8.1): on what grounds, by which papers, from which day. Nothing is deleted."""

    __tablename__ = "site_end"

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey(Site.id), unique=True)
    grounds: Mapped[EndGrounds] = mapped_column(
        enum_type(EndGrounds, "grounds"), comment="the organisation's decision, or the council's recommendation"
    )
    paper_number: Mapped[str] = mapped_column(String(60), comment="of the organisation's decision or the protocol")
    paper_date: Mapped[date]
    order_number: Mapped[str] = mapped_column(String(60), comment="of the centre's order")
    order_date: Mapped[date]
    ends_on: Mapped[date] = mapped_column(comment="first day on which the site is none any more")
    reason: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(String(200))

    site: Mapped[Site] = relationship()
