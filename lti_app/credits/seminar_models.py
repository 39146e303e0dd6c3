"""Hours of guests at open meetings: an append-only ledger of its own, never mixed with a programme's hours."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.types import Hours, UtcDateTime, enum_type
from lti_app.credits.models import EntryKind
from lti_app.meetings.models import Meeting, MeetingGuest
from lti_app.people.models import Person


class SeminarCredit(Base):
    """Keep one entry of the guests' ledger. The database refuses to update or delete it (triggers in the migration)."""

    __tablename__ = "seminar_credit"
    __table_args__ = (
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name="reversal_names_entry"),
        CheckConstraint("(kind = 'reversal') = (reason IS NOT NULL)", name="reversal_has_reason"),
        UniqueConstraint("reverses_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[EntryKind] = mapped_column(enum_type(EntryKind, "kind"))
    guest_id: Mapped[int] = mapped_column(ForeignKey(MeetingGuest.id), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey(Meeting.id), index=True)
    hours: Mapped[Decimal] = mapped_column(Hours, comment="academic hours in hundredths; a reversal takes them back")
    evidence: Mapped[dict[str, Any]] = mapped_column(comment="frozen: meeting, programme, site, minutes, whose word")
    decided_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("seminar_credit.id"))
    reason: Mapped[str | None] = mapped_column(String(500))

    guest: Mapped[MeetingGuest] = relationship()
    meeting: Mapped[Meeting] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    decided_by: Mapped[Person] = relationship(foreign_keys=[decided_by_id])
