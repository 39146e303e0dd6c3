"""Where rooms below give the grid columns of their own, so that it knows none of their tables."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from lti_app.credits.grid import SideColumn

ColumnSource = Callable[[Session, int], list[SideColumn]]
"""Given the session and the intake's id, returns its columns in a constant number of queries."""

SOURCES: tuple[ColumnSource, ...] = ()


def side_columns(session: Session, intake_id: int) -> list[SideColumn]:
    """Return the columns beside the meetings, in the order of their sources."""
    return [column for source in SOURCES for column in source(session, intake_id)]
