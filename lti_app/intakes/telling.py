"""Who is told what of places: who asked, whose head has to confirm, and once a day the leader."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import String, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from lti_app.core.permissions import Role
from lti_app.intakes.models import Intake, Invitation, PlaceRequest, RequestState
from lti_app.notices.models import Notice
from lti_app.notices.service import tell
from lti_app.people.accounts import people_with_role
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import SiteLeader

OWN_REQUESTS = "/places"
TO_CONFIRM = "/places/to-confirm"
DIGEST = "places_digest"


def tell_asker(session: Session, request: PlaceRequest, occasion: str, *, now: datetime) -> None:
    """Tell who asked for a place what became of the request: once for each time of asking."""
    facts = {**_facts(request.intake), "reason": request.reason or ""}
    _tell(session, [request.person_id], request, occasion=occasion, path=OWN_REQUESTS, facts=facts, now=now)


def tell_head(session: Session, request: PlaceRequest, head_id: int | None, *, now: datetime) -> None:
    """Tell the head of an organisation that a request waits to be confirmed; the centre where no head is known."""
    facts = {**_facts(request.intake), "person": request.person.full_name}
    people = people_with_role(session, Role.CENTRE) if head_id is None else {head_id}
    _tell(session, people, request, occasion="place_to_confirm", path=TO_CONFIRM, facts=facts, now=now)


def tell_invited(session: Session, intake: Intake, *, now: datetime) -> None:
    """Tell everybody invited to a published intake that they may ask for a place; whoever was told already, isn't."""
    invited = session.scalars(select(Invitation.person_id).where(Invitation.intake_id == intake.id))
    facts = _facts(intake)
    tell(session, invited, occasion="invited_to_ask", about=intake, path=OWN_REQUESTS, facts=facts, now=now)


def _facts(intake: Intake) -> dict[str, Any]:
    return {"title": intake.version.title, "starts_on": f"{intake.starts_on:%d.%m.%Y}"}


def _tell(
    session: Session,
    people: Iterable[int],
    request: PlaceRequest,
    *,
    occasion: str,
    path: str,
    facts: dict[str, Any],
    now: datetime,
) -> None:
    turn = f"{request.asked_at:%Y%m%dT%H%M%S%f}"  # a request is asked again in the same row
    tell(session, people, occasion=occasion, about=request, path=path, facts=facts, now=now, turn=turn)


def tell_leaders(session: Session, *, zone: ZoneInfo, now: datetime) -> int:
    """Tell each leader what became of places on the local day before ``now``; return how many are told. Safe to repeat.

    One query where nobody has to be told.
    """
    today = now.astimezone(zone).date()
    told = 0
    for intake, leader_id, asked, decided, waiting in session.execute(_yesterday(today, zone)):
        facts = {**_facts(intake), "asked": asked, "decided": decided, "waiting": waiting}
        path = f"/intakes/{intake.id}/places"
        turn = today.isoformat()
        told += len(
            tell(session, [leader_id], occasion=DIGEST, about=intake, path=path, facts=facts, now=now, turn=turn)
        )
    return told


def _yesterday(today: date, zone: ZoneInfo) -> Any:
    begins, ends = (datetime.combine(day, time(), zone) for day in (today - timedelta(days=1), today))
    asked = PlaceRequest.asked_at.between(begins, ends)
    decided = PlaceRequest.closed_at.between(begins, ends)
    is_told = (
        select(Notice.id)
        .where(
            Notice.occasion == DIGEST,
            Notice.about_type == cast(literal(Intake.__tablename__), String),
            Notice.about_id == Intake.id,
            Notice.person_id == SiteLeader.person_id,
            Notice.turn == today.isoformat(),
        )
        .exists()
    )
    return (
        select(
            Intake,
            SiteLeader.person_id,
            func.sum(case((asked, 1), else_=0)),
            func.sum(case((decided, 1), else_=0)),
            func.sum(case((PlaceRequest.state == RequestState.WAITING, 1), else_=0)),
        )
        .join(PlaceRequest, PlaceRequest.intake_id == Intake.id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .join(SiteLeader, (SiteLeader.site_id == Programme.site_id) & SiteLeader.until.is_(None))
        .where(Intake.starts_on >= today - timedelta(days=1), ~is_told)
        .group_by(Intake.id, SiteLeader.person_id)
        .having(func.sum(case((or_(asked, decided), 1), else_=0)) > 0)
        .order_by(Intake.id)
    )
