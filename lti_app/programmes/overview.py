"""What a leader has of programmes: the newest version of each, and the sites that one can begin at. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core.permissions import Actor
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import Site


def versions_of(session: Session, programme_id: int) -> Sequence[ProgrammeVersion]:
    """Return all versions of a programme, oldest first. One query."""
    return session.scalars(
        select(ProgrammeVersion).where(ProgrammeVersion.programme_id == programme_id).order_by(ProgrammeVersion.number)
    ).all()


def newest_versions() -> Select[int]:
    """Select the ids of the newest version of each programme."""
    newest = (
        select(ProgrammeVersion.programme_id, func.max(ProgrammeVersion.number).label("number"))
        .group_by(ProgrammeVersion.programme_id)
        .subquery()
    )
    return select(ProgrammeVersion.id).join(
        newest,
        (newest.c.programme_id == ProgrammeVersion.programme_id) & (newest.c.number == ProgrammeVersion.number),
    )


def own_programmes(session: Session, *, actor: Actor) -> Sequence[ProgrammeVersion]:
    """Return the newest version of each programme of the sites that ``actor`` leads, by title. One query."""
    return session.scalars(
        select(ProgrammeVersion)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Programme.site_id.in_(actor.led_site_ids), ProgrammeVersion.id.in_(newest_versions()))
        .options(joinedload(ProgrammeVersion.programme).joinedload(Programme.site).joinedload(Site.organisation))
        .order_by(ProgrammeVersion.title, ProgrammeVersion.id)
    ).all()


def led_sites(session: Session, *, actor: Actor) -> Sequence[Site]:
    """Return the sites that ``actor`` leads and that have not ended. One query."""
    return session.scalars(
        select(Site)
        .where(Site.id.in_(actor.led_site_ids), Site.ended_on.is_(None))
        .options(joinedload(Site.organisation))
        .order_by(Site.direction, Site.id)
    ).all()
