"""Attached files over time: what no row names any more is swept away; what a row names is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from lti_app.core.attachment_store import GRACE, KEPT_AFTER_REMOVAL, AttachmentStore
from lti_app.core.attachments import Attachment
from lti_app.core.invariants import Check


def sweep(session: Session, store: AttachmentStore, now: datetime) -> int:
    """Remove files that no row names (older than a day) or whose row was removed weeks ago; return how many.

    Nothing is done more than once a day, nor with a database that knows of no attachment at all: it may be another
    one than the folder belongs to.
    """
    if not store.is_sweep_due(now):
        return 0
    found = set(store.files_before(now - GRACE))
    if found and not session.scalar(select(func.count()).select_from(Attachment)):
        return 0
    kept_until = now - KEPT_AFTER_REMOVAL
    is_kept = or_(Attachment.removed_at.is_(None), Attachment.removed_at > kept_until)
    gone = found - set(session.scalars(select(Attachment.stored_as).where(is_kept)))
    store.remove(gone)
    store.note_sweep(now)
    return len(gone)


def check_of(store: AttachmentStore) -> Check:
    """Return the check that each row has its file, whole."""

    def rows_without_their_file(session: Session) -> Iterator[str]:
        rows = session.execute(
            select(Attachment.id, Attachment.stored_as, Attachment.size)
            .where(Attachment.removed_at.is_(None))
            .order_by(Attachment.id)
        )
        for attachment_id, stored_as, size in rows:
            there = store.size(stored_as)
            if there is None:
                yield f"attachment {attachment_id} has no file"
            elif there != size:
                yield f"attachment {attachment_id} has {size} bytes, its file {there}"

    return Check("every attachment has its file", rows_without_their_file)
