"""Bring a row to what it should say: nothing written where nothing differs, an audit entry where something does."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from lti_app.core import audit
from lti_app.core.db import Base
from lti_app.core.editing import Revised
from lti_app.core.permissions import Actor


class Saved(enum.StrEnum):
    """Say what saving did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def add(session: Session, row: Base, *, actor: Actor, now: datetime, action: str) -> Saved:
    """Add a new row and the audit entry of its making."""
    session.add(row)
    session.flush()
    audit.record(session, actor=actor, now=now, action=action, on=row)
    return Saved.CREATED


def change(
    session: Session, row: Base, values: Mapping[str, Any], *, actor: Actor, now: datetime, action: str
) -> Saved:
    """Set those ``values`` (column attribute: value) that differ, and record before and after."""
    changes: dict[str, Any] = {}
    for name, after in values.items():
        before = getattr(row, name)
        if before != after:
            changes[name] = [as_json(before), as_json(after)]
            setattr(row, name, after)
    if not changes:
        return Saved.UNCHANGED
    if isinstance(row, Revised):
        row.revision += 1
    session.flush()
    audit.record(session, actor=actor, now=now, action=action, on=row, changes=changes)
    return Saved.CHANGED


def most(*outcomes: Saved) -> Saved:
    """Sum up the outcomes for an object that several rows make up."""
    for outcome in (Saved.CREATED, Saved.CHANGED):
        if outcome in outcomes:
            return outcome
    return Saved.UNCHANGED


def as_json(value: Any) -> Any:
    """Turn a column's value into one that JSON can hold: dates in ISO 8601, hours as a decimal string."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value
