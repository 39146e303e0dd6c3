"""What a member of the council looks at first: remarks that wait for a word. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.permissions import Actor
from lti_app.programmes.models import ProgrammeVersion, Remark, VersionState
from lti_app.sites.models import Site

SHOWN = 50


@dataclass(frozen=True)
class Desk:
    """Show the remarks on versions before the council: answered ones to settle, and those without an answer yet."""

    answered: Sequence[Remark]
    unanswered: Sequence[Remark]


def council_desk(session: Session, *, actor: Actor) -> Desk:
    """Return the unsettled remarks that ``actor`` made on submitted versions. One query."""
    remarks = session.scalars(
        select(Remark)
        .join(ProgrammeVersion, ProgrammeVersion.id == Remark.version_id)
        .where(
            Remark.resolved_at.is_(None),
            Remark.author_id == actor.person_id,
            ProgrammeVersion.state == VersionState.SUBMITTED,
        )
        .options(joinedload(Remark.version))
        .order_by(Remark.id)
        .limit(SHOWN)
    ).all()
    return Desk([one for one in remarks if one.answer], [one for one in remarks if not one.answer])


def active_sites(session: Session) -> Sequence[Site]:
    """Return the sites that have not ended, by direction. One query."""
    return session.scalars(
        select(Site)
        .where(Site.ended_on.is_(None))
        .options(joinedload(Site.organisation))
        .order_by(Site.direction, Site.id)
    ).all()
