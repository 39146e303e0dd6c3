"""What leaders wrote to trainees of an intake."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.types import UtcDateTime
from lti_app.intakes.models import Intake
from lti_app.people.models import Person


class IntakeMessage(Base):
    """Keep what a leader wrote to trainees of an intake. To whom it went, the notices about this row say."""

    __tablename__ = "intake_message"
    __table_args__ = (
        UniqueConstraint("intake_id", "form_key"),
        CheckConstraint("recipients > 0", name="to_somebody"),
        Index("ix_intake_message_sent", "intake_id", "sent_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    intake_id: Mapped[int] = mapped_column(ForeignKey(Intake.id))
    text: Mapped[str] = mapped_column(Text, comment="plain text, 2,000 characters at most")
    sent_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    recipients: Mapped[int] = mapped_column(comment="how many people it went to")
    form_key: Mapped[str] = mapped_column(String(40), comment="of the form it was written in: sent twice, it is one")

    intake: Mapped[Intake] = relationship()
    sent_by: Mapped[Person] = relationship()
