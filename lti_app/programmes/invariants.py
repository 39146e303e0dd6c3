"""What must always hold of programmes."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.invariants import Check
from lti_app.core.types import Hours
from lti_app.programmes.models import ProgrammeVersion, Topic, VersionState


def topics_that_do_not_add_up(session: Session) -> Iterator[str]:
    """Find approved versions whose topics' hours differ from the version's (4.2: the plan is what was approved)."""
    planned = func.coalesce(func.sum(Topic.hours, type_=Hours()), 0, type_=Hours())
    for version_id, hours, topics in session.execute(
        select(ProgrammeVersion.id, ProgrammeVersion.hours, planned)
        .outerjoin(Topic, Topic.version_id == ProgrammeVersion.id)
        .where(ProgrammeVersion.state == VersionState.APPROVED)
        .group_by(ProgrammeVersion.id, ProgrammeVersion.hours)
        .having(planned != ProgrammeVersion.hours)
        .order_by(ProgrammeVersion.id)
    ):
        yield f"programme version {version_id} has {hours} hours, its topics {topics}"


CHECKS = (Check("an approved version's topics add up to its hours", topics_that_do_not_add_up),)
