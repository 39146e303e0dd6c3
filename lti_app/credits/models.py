"""Proposals for credit and the append-only ledger of hours."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_app.core.db import Base
from lti_app.core.types import Hours, UtcDateTime, enum_type
from lti_app.intakes.models import Trainee
from lti_app.people.models import Person
from lti_app.programmes.models import ProgrammeVersion


class ProposalState(enum.StrEnum):
    """Say what became of a proposal."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class CreditProposal(Base):
    """Keep what the night proposes to credit; a leader confirms, or the night withdraws it when facts change."""

    __tablename__ = "credit_proposal"
    __table_args__ = (
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_has_date"),
        Index(
            "uq_credit_proposal_open",
            "trainee_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id), index=True)
    hours: Mapped[Decimal] = mapped_column(Hours, comment="academic hours in hundredths")
    evidence: Mapped[dict[str, Any]]
    state: Mapped[ProposalState] = mapped_column(enum_type(ProposalState, "state"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    trainee: Mapped[Trainee] = relationship()


class EntryKind(enum.StrEnum):
    """Say whether an entry gives hours or takes back an entry made by mistake."""

    CREDIT = "credit"
    REVERSAL = "reversal"


class CreditEntry(Base):
    """Keep one entry of the ledger. The database refuses to update or delete it (triggers in the migration)."""

    __tablename__ = "credit_entry"
    __table_args__ = (
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name="reversal_names_entry"),
        CheckConstraint("(kind = 'reversal') = (reason IS NOT NULL)", name="reversal_has_reason"),
        UniqueConstraint("reverses_id"),
        UniqueConstraint("proposal_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[EntryKind] = mapped_column(enum_type(EntryKind, "kind"))
    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey(Person.id), index=True)
    version_id: Mapped[int] = mapped_column(ForeignKey(ProgrammeVersion.id), index=True)
    hours: Mapped[Decimal] = mapped_column(Hours, comment="academic hours in hundredths; a reversal takes them back")
    rule: Mapped[str] = mapped_column(Text, comment="the rule by which it was decided, in words")
    evidence: Mapped[dict[str, Any]] = mapped_column(comment="frozen: meetings, completion, grade with time read")
    decided_by_id: Mapped[int] = mapped_column(ForeignKey(Person.id))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
    proposal_id: Mapped[int | None] = mapped_column(ForeignKey(CreditProposal.id))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("credit_entry.id"))
    reason: Mapped[str | None] = mapped_column(String(500))

    trainee: Mapped[Trainee] = relationship()
    decided_by: Mapped[Person] = relationship(foreign_keys=[decided_by_id])


class ScoreState(Base):
    """Keep the last score posted for a trainee: timestamps rise strictly, and nothing goes to one column twice."""

    __tablename__ = "score_state"

    trainee_id: Mapped[int] = mapped_column(ForeignKey(Trainee.id), primary_key=True)
    stamp: Mapped[datetime] = mapped_column(UtcDateTime, comment="timestamp of the last score handed out; rises")
    posted_hours: Mapped[Decimal | None] = mapped_column(Hours, comment="hours that Moodle last acknowledged")
    posted_stamp: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="timestamp they were posted with")
    posted_to: Mapped[str | None] = mapped_column(
        String(1000), comment="line item of the link that was the course's newest when they were posted"
    )

    def says(self, hours: Decimal, column: str | None) -> bool:
        """Tell whether Moodle is known to show ``hours`` in ``column`` (a line item); 0 hours need no column.

        An answer that never came may hide a score that did arrive: only the last stamp's answer says what Moodle holds.
        """
        is_known = self.posted_stamp == self.stamp and self.posted_hours == hours
        return is_known and (self.posted_to == column or hours == 0)
