"""Files that people attach to what they write: kept outside the web root under random names, known by their content."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from lti_app.core.db import Base
from lti_app.core.types import UtcDateTime


class Attachment(Base):
    """Keep what is known of a file that belongs to a row of some table; the bytes lie in the folder of the settings."""

    __tablename__ = "attachment"
    __table_args__ = (
        Index("ix_attachment_owner", "owner_type", "owner_id"),
        CheckConstraint("size > 0", name="size_positive"),
        CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name="removed_by_somebody"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_type: Mapped[str] = mapped_column(String(40), comment="table of the row that it belongs to")
    owner_id: Mapped[int]
    purpose: Mapped[str] = mapped_column(String(40), comment="experience, scan of the order, …")
    name: Mapped[str] = mapped_column(String(255), comment="as it was called where it came from; for people only")
    media_type: Mapped[str] = mapped_column(String(100), comment="found in the content, not told by the name")
    size: Mapped[int] = mapped_column(comment="bytes")
    sha256: Mapped[str] = mapped_column(String(64))
    stored_as: Mapped[str] = mapped_column(String(64), unique=True, comment="random name in the folder")
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    added_by_id: Mapped[int | None] = mapped_column(comment="person")
    added_by: Mapped[str] = mapped_column(String(200))
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    removed_by: Mapped[str | None] = mapped_column(String(200))
