"""Who is told of what the council does: its members, a site's leader, the centre."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.permissions import Actor, Role
from lti_app.notices.service import tell
from lti_app.people.accounts import people_with_role
from lti_app.programmes.models import AgendaItem, ProgrammeVersion, Sitting
from lti_app.sites.models import Site, SiteLeader


def leaders_of(session: Session, site_id: int) -> list[int]:
    """Return the people who lead a site now."""
    return list(
        session.scalars(select(SiteLeader.person_id).where(SiteLeader.site_id == site_id, SiteLeader.until.is_(None)))
    )


def version_path(version: ProgrammeVersion) -> str:
    """Return the page of a version."""
    return f"/programmes/versions/{version.id}"


def tell_council(session: Session, version: ProgrammeVersion, *, actor: Actor, now: datetime) -> None:
    """Tell the members of the council that a version waits for them: once each time that it is put before them."""
    tell(
        session,
        people_with_role(session, Role.COUNCIL),
        occasion="version_submitted",
        about=version,
        turn=now.isoformat(timespec="seconds"),
        path=version_path(version),
        facts={
            "title": version.title,
            "leader": actor.name,
            "organisation": version.programme.site.organisation.label,
        },
        now=now,
    )


def tell_leader(
    session: Session, version: ProgrammeVersion, occasion: str, *, now: datetime, turn: str = "", **facts: str
) -> None:
    """Tell the leader of a version's site of something about it."""
    tell(
        session,
        leaders_of(session, version.programme.site_id),
        occasion=occasion,
        about=version,
        turn=turn,
        path=version_path(version),
        facts={"title": version.title, **facts},
        now=now,
    )


def tell_centre(session: Session, item: AgendaItem, sitting: Sitting, site: Site, *, now: datetime) -> None:
    """Tell the centre that the council recommends to end a site (8.1)."""
    tell(
        session,
        people_with_role(session, Role.CENTRE),
        occasion="end_recommended",
        about=item,
        path=f"/sites/{site.id}/end",
        facts={
            "direction": site.direction,
            "organisation": site.organisation.label,
            "protocol": sitting.protocol_number or "",
            "day": f"{sitting.held_on:%d.%m.%Y}",
        },
        now=now,
    )
