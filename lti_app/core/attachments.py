"""Files that people attach to what they write: kept outside the web root under random names, known by their content."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import CheckConstraint, Index, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lti_app.core import audit
from lti_app.core.attachment_store import AttachmentStore
from lti_app.core.db import Base
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.file_kinds import FileKind, HasMacros, kind_of
from lti_app.core.permissions import Actor
from lti_app.core.types import UtcDateTime

STORE = "attachments"
"""Name under which the store of files stands among the tool's services."""
MOST_OF_ONE = 20
"""Files that a row may have for one purpose."""
LONGEST_NAME = 150
AUDITED = "attachment"
"""Field of the owner's audit entries that names the file added or removed."""

AttachmentRule = Callable[[Session, Actor, int], None]
"""Raises Forbidden or NotFound unless the actor may see the row with this id, and so its files."""


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


@dataclass(frozen=True)
class Upload:
    """Hold a file as it came: the name that it bore there, and its bytes."""

    name: str
    content: bytes


def add_attachment(
    session: Session,
    store: AttachmentStore,
    *,
    owner: Any,
    purpose: str,
    upload: Upload,
    actor: Actor,
    now: datetime,
    field: str | None = None,
) -> Attachment:
    """Attach a file to ``owner``, a flushed row; the use case that calls has asked whether ``actor`` may.

    The bytes are on the disk before the row is flushed: a row never lacks its file, and a file without a row is swept
    away later. Raises DomainError (empty, too large, of a kind that isn't taken, with macros, too many), which names
    ``field``, else ``purpose``, as the form field at fault.
    """
    at = field or purpose
    kind = _checked(store, upload, at)
    owner_type = type(owner).__tablename__
    model = type(owner)
    session.execute(select(model.id).where(model.id == owner.id).with_for_update())
    count = session.scalar(select(func.count()).select_from(Attachment).where(*_live(owner, purpose))) or 0
    if count >= MOST_OF_ONE:
        raise DomainError(
            "too_many_attachments",
            _l("There are %(number)s files here already, and more are not taken.", number=count),
            remedy=_l("Remove one that is no longer needed, or put several into one PDF."),
            field=at,
        )
    row = Attachment(
        owner_type=owner_type,
        owner_id=owner.id,
        purpose=purpose,
        name=safe_name(upload.name, kind),
        media_type=kind.media_type,
        size=len(upload.content),
        sha256=hashlib.sha256(upload.content).hexdigest(),
        stored_as=store.write(upload.content),
        added_at=now,
        added_by_id=actor.person_id,
        added_by=actor.name,
    )
    session.add(row)
    session.flush()
    audit.record(session, actor=actor, now=now, action="add_attachment", on=owner, changes={AUDITED: [None, row.name]})
    return row


def _checked(store: AttachmentStore, upload: Upload, field: str) -> FileKind:
    if not upload.content:
        raise DomainError(
            "attachment_empty",
            _l("The file is empty."),
            remedy=_l("Look whether it opens on your computer, and choose it again."),
            field=field,
        )
    if len(upload.content) > store.largest:
        raise DomainError(
            "attachment_too_large",
            _l("The file is larger than %(number)s MB.", number=store.megabytes),
            remedy=_l("Save it in a smaller size: scan with fewer dots per inch, or as several files."),
            field=field,
        )
    try:
        kind = kind_of(upload.content)
    except HasMacros:
        raise DomainError(
            "attachment_has_macros",
            _l("The document carries macros, and such files are not taken."),
            remedy=_l("Save it as a document without macros, or as PDF."),
            field=field,
        ) from None
    if kind is None or kind.ending not in store.endings:
        raise DomainError(
            "attachment_kind",
            _l("The content of this file is none of those that are taken, whatever its name says."),
            remedy=_l("Taken are: %(kinds)s. Save it as one of them.", kinds=", ".join(store.endings)),
            field=field,
        )
    return kind


def safe_name(name: str, kind: FileKind) -> str:
    """Return the name for people: its last part, without what steers terminals or turns text around, cut to length.

    The ending is that of the content: ``report.exe`` that is a PDF becomes ``report.exe.pdf``.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    shown = "".join(" " if char.isspace() else char for char in last)
    plain = "".join(char for char in shown if unicodedata.category(char)[0] != "C" and char not in '<>:"|?*')
    stem = " ".join(plain.split()).rstrip(". ")
    endings = (f".{kind.ending}", ".jpeg") if kind.ending == "jpg" else (f".{kind.ending}",)
    for ending in endings:
        if stem.lower().endswith(ending):
            stem = stem[: -len(ending)]
    return f"{stem.strip('. ')[:LONGEST_NAME].rstrip('. ') or 'file'}.{kind.ending}"


def remove_attachment(
    session: Session, attachment_id: int, *, actor: Actor, now: datetime, owner: Any = None
) -> Attachment:
    """Mark a file as removed; its bytes stay for some weeks, until a sweep takes them away.

    The use case that calls has asked whether ``actor`` may, and gives the ``owner`` that it asked about, so that the id
    of a file of another row is refused. Raises NotFound, also where it was removed before.
    """
    row = session.scalar(select(Attachment).where(Attachment.id == attachment_id).with_for_update())
    is_foreign = row is not None and owner is not None and not _belongs(row, owner)
    if row is None or row.removed_at is not None or is_foreign:
        raise no_such_attachment()
    row.removed_at, row.removed_by = now, actor.name[:200]
    session.flush()
    session.add(
        audit.AuditEntry(
            at=now,
            actor_person_id=actor.person_id,
            actor_name=actor.name,
            action="remove_attachment",
            object_type=row.owner_type,
            object_id=row.owner_id,
            changes={AUDITED: [row.name, None]},
        )
    )
    return row


def _belongs(row: Attachment, owner: Any) -> bool:
    return (row.owner_type, row.owner_id) == (type(owner).__tablename__, owner.id)


def no_such_attachment() -> NotFound:
    """Return the refusal for a file that isn't there, was removed, or isn't for this person to know of."""
    return NotFound("no_such_attachment", _l("There is no such file."))


def attachments_of(session: Session, owner: Any, purpose: str | None = None) -> list[Attachment]:
    """Return the files that a row has now, of one purpose or all, in the order in which they were added. One query."""
    return list(session.scalars(select(Attachment).where(*_live(owner, purpose)).order_by(Attachment.id)))


def _live(owner: Any, purpose: str | None) -> list[Any]:
    conditions = [
        Attachment.owner_type == type(owner).__tablename__,
        Attachment.owner_id == owner.id,
        Attachment.removed_at.is_(None),
    ]
    return conditions if purpose is None else [*conditions, Attachment.purpose == purpose]
