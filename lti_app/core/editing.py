"""Two people editing the same thing: the second is told and shown both texts; nothing is overwritten silently."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from lti_app.core.audit import AuditEntry
from lti_app.core.db import lock_row
from lti_app.core.errors import Conflict, Text


class Revised:
    """Count the changes of a row, so that a form can say which text it was filled from; ``saving.change`` counts."""

    revision: Mapped[int] = mapped_column(
        default=1, server_default="1", comment="1, 2 …: a form with an older one is refused"
    )


@dataclass(frozen=True)
class Difference:
    """Show one field in both texts: as it stands now, and as it was typed; ready for people to read."""

    field: Text
    theirs: str
    yours: str


Compare = Callable[[], Sequence[Difference]]


class EditedMeanwhile(Conflict):
    """Say that somebody else changed the same thing meanwhile: who, when (UTC), and where the two texts differ."""

    def __init__(self, differences: Sequence[Difference], revision: int, by: str, at: datetime | None) -> None:
        super().__init__(
            "edited_meanwhile",
            _l("While you were writing, %(name)s changed the same thing. Nothing of yours is lost.", name=by)
            if by
            else _l("While you were writing, somebody changed the same thing. Nothing of yours is lost."),
            remedy=_l("Compare both texts below, mend yours, and save again: then yours holds."),
        )
        self.differences = differences
        self.revision = revision
        self.at = at


def require_unchanged(session: Session, row: Any, seen: int | None, compare: Compare) -> None:
    """Lock ``row`` and refuse where it isn't the revision that the form was filled from. Raises EditedMeanwhile.

    ``compare`` is called once the row has been read anew. A form without a revision counts as outdated.
    """
    lock_row(session, row)
    if seen != row.revision:
        raise edited_meanwhile(session, row, compare(), row.revision)


def edited_meanwhile(session: Session, row: Any, found: Sequence[Difference], revision: int) -> EditedMeanwhile:
    """Build the refusal for a row that somebody else changed: by whom and when says the audit. One query."""
    last = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.object_type == row.__tablename__, AuditEntry.object_id == row.id)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    ).first()
    return EditedMeanwhile(found, revision, last.actor_name if last else "", last.at if last else None)


def differences(
    row: Any, typed: Mapping[str, Any], words: Mapping[str, Text], show: Callable[[Any], str] = str
) -> list[Difference]:
    """Return the fields in which ``typed`` (column attribute: value) differs from ``row``, named by ``words``."""

    def shown(value: Any) -> str:
        return "" if value is None else show(value)

    return [
        Difference(words[name], shown(getattr(row, name)), shown(value))
        for name, value in typed.items()
        if getattr(row, name) != value
    ]
