"""Who was told what, and where the link of a notice leads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.types import UtcDateTime
from lti_app.people.models import Person


class Notice(Base):
    """Keep that a person is told of an occasion: unique, so that nobody is told twice."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("occasion", "about_type", "about_id", "person_id", "turn"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    occasion: Mapped[str] = mapped_column(String(40), comment="what happened: which words are used")
    about_type: Mapped[str] = mapped_column(String(40), comment="table of the row that it is about")
    about_id: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    turn: Mapped[str] = mapped_column(
        String(40), default="", server_default="", comment="which time of the same occasion: 90 days before, 30 …"
    )
    path: Mapped[str] = mapped_column(String(300), comment="the page that its link opens")
    facts: Mapped[dict[str, Any]] = mapped_column(comment="what its words need; no personal data beyond names")
    told_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="not delivered from then on; empty: news for two weeks"
    )

    person: Mapped[Person] = relationship()


class PendingWay(Base):
    """Keep where the next launch of a person leads, once they followed a notice's link and have to come from Moodle."""

    __tablename__ = "pending_way"

    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), primary_key=True)
    path: Mapped[str] = mapped_column(String(300))
    until: Mapped[datetime] = mapped_column(UtcDateTime, comment="after it, a launch leads where it always does")
