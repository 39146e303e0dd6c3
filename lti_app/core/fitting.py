"""Texts that are longer than their columns: refused at the field, before PostgreSQL refuses the whole page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from lti_app.core.db import Base
from lti_app.core.errors import DomainError


def require_fitting(model: type[Base], values: Mapping[str, Any]) -> None:
    """Raise DomainError for the first text in ``values`` (column: text) that is longer than its column holds."""
    for name, value in values.items():
        limit = getattr(model.__table__.columns[name].type, "length", None)
        if isinstance(value, str) and limit is not None and len(value) > limit:
            raise DomainError(
                "text_too_long", _l("Longer than %(limit)s characters: say it shorter.", limit=limit), field=name
            )
