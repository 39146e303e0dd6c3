"""Sites, orders that grant their status, and leaders over time."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.people.models import Organisation, Person

LONGEST_TERM_YEARS = 3
"""Status is granted for three years at most (3.3)."""


class Site(Base):
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

    def active_on(self, day: date) -> bool:
        """Tell whether an order is in force on ``day`` and the site has not ended (3.3, 8.1)."""
        if self.ended_on is not None and self.ended_on <= day:
            return False
        return any(order.valid_from <= day <= order.valid_until for order in self.orders)


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

    site: Mapped[Site] = relationship(back_populates="orders")


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
