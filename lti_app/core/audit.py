"""Who changed what, when: entries on the object, readable later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from lti_app.core.db import Base
from lti_app.core.permissions import Actor
from lti_app.core.types import UtcDateTime


class AuditEntry(Base):
    """Keep one action on one object. Rows are only added."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_object", "object_type", "object_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, comment="UTC")
    actor_person_id: Mapped[int | None] = mapped_column(comment="person; empty for the night and the command line")
    actor_name: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(60), comment="verb of the use case")
    object_type: Mapped[str] = mapped_column(String(60))
    object_id: Mapped[int]
    changes: Mapped[dict[str, Any]] = mapped_column(comment="field: [before, after]; never secret or СНИЛС")


def record(
    session: Session, *, actor: Actor, now: datetime, action: str, on: Any, changes: dict[str, Any] | None = None
) -> None:
    """Add an entry for ``on`` (a flushed row). ``changes`` maps field to [before, after], JSON values."""
    session.add(
        AuditEntry(
            at=now,
            actor_person_id=actor.person_id,
            actor_name=actor.name,
            action=action,
            object_type=type(on).__tablename__,
            object_id=on.id,
            changes=changes or {},
        )
    )
