"""Who heads an organisation on a day. Reads only."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from lti_app.people.models import OrganisationHead, Person


def in_office(day: date) -> ColumnElement[bool]:
    """Say in SQL that a headship is in force on ``day``."""
    return and_(
        OrganisationHead.since <= day,
        or_(OrganisationHead.until.is_(None), OrganisationHead.until >= day),
    )


def head_on(session: Session, organisation_id: int | None, day: date) -> Person | None:
    """Return who heads an organisation on ``day``, or None where nobody is on the list. One query."""
    if organisation_id is None:
        return None
    return session.scalar(
        select(Person)
        .join(OrganisationHead, OrganisationHead.person_id == Person.id)
        .where(OrganisationHead.organisation_id == organisation_id, in_office(day))
        .order_by(OrganisationHead.since.desc())
        .limit(1)
    )
