"""What happened to an object: its audit entries, newest first, in words that people read on its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from lti_app.core.attachments import AUDITED
from lti_app.core.audit import AuditEntry
from lti_app.core.errors import Text
from lti_app.core.permissions import SYSTEM

SHOWN = 50
"""Entries on an object's page; older ones stay in the table."""


@dataclass(frozen=True)
class Reference:
    """Say that a field holds the id of a row of ``model``, to be shown by its attribute ``shown_by``."""

    model: type[Any]
    shown_by: str


@dataclass(frozen=True)
class Words:
    """Hold what a feature says of its audit entries: actions, fields, values of fields, what ids stand for.

    A field is named by its column alone; one without a word isn't shown.
    """

    actions: Mapping[str, Text]
    fields: Mapping[str, Text]
    values: Mapping[str, Mapping[str, Text]]
    references: Mapping[str, Reference]


@dataclass(frozen=True)
class Change:
    """Show one field before and after: JSON values, with ids of other rows replaced by what names them."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class HistoryLine:
    """Show one audit entry."""

    at: datetime
    who: Text
    action: str
    changes: Sequence[Change]


def history_of(session: Session, *rows: Any, words: Words, limit: int = SHOWN) -> list[HistoryLine]:
    """Return the newest entries on ``rows`` (flushed); a query, and one for each model that ids refer to."""
    if not rows:
        return []
    about = [and_(AuditEntry.object_type == row.__tablename__, AuditEntry.object_id == row.id) for row in rows]
    entries = session.scalars(select(AuditEntry).where(or_(*about)).order_by(AuditEntry.id.desc()).limit(limit)).all()
    names = _names(session, entries, words)

    def shown(field: str, value: Any) -> Any:
        if field in words.references:
            return names.get((field, value), value)
        # The same value of a column called the same means something else in another feature.
        return words.values.get(field, {}).get(value, value) if isinstance(value, str) else value

    return [
        HistoryLine(
            entry.at,
            _l("the program") if entry.actor_name == SYSTEM.name else entry.actor_name,
            entry.action,
            [
                Change(field, shown(field, before), shown(field, after))
                for field, (before, after) in entry.changes.items()
                if field in words.fields or field == AUDITED
            ],
        )
        for entry in entries
    ]


def _names(session: Session, entries: Sequence[AuditEntry], words: Words) -> dict[tuple[str, Any], str]:
    wanted: dict[str, set[int]] = {}
    for entry in entries:
        for field, both in entry.changes.items():
            if field in words.references:
                wanted.setdefault(field, set()).update(value for value in both if isinstance(value, int))
    found: dict[tuple[str, Any], str] = {}
    for field, ids in wanted.items():
        reference = words.references[field]
        for row in session.scalars(select(reference.model).where(reference.model.id.in_(ids))):
            found[field, row.id] = str(getattr(row, reference.shown_by))
    return found
