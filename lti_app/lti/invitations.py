"""One-time addresses by which a Moodle's administrator registers the tool."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from lti_app.core.audit import record
from lti_app.core.permissions import Actor
from lti_app.lti.models import LtiInvitation, LtiRegistration, Moodle
from lti_app.lti.refusals import LaunchRefused, Words

LIFE = timedelta(days=7)
LEASE = timedelta(minutes=1)

NO_INVITATION = Words(
    _l("This registration address is not valid."),
    _l("Ask the tool's administrator for a new one. Each serves once and for seven days."),
)
INVITATION_USED = Words(
    _l("The tool has already been registered by this address."),
    _l("Look for the tool in Moodle's list of external tools. For another registration ask for a new address."),
)
INVITATION_BUSY = Words(
    _l("A registration by this address is under way."),
    _l("Wait a minute, then look for the tool in Moodle's list of external tools."),
)


def invite(session: Session, *, moodle: Moodle, actor: Actor, now: datetime) -> str:
    """Store an invitation and return its token; only its hash is kept."""
    token = secrets.token_urlsafe(32)
    invitation = LtiInvitation(moodle_id=moodle.id, token_hash=_hash(token), created_at=now, expires_at=now + LIFE)
    session.add(invitation)
    session.flush()
    record(session, actor=actor, now=now, action="invite", on=invitation)
    return token


def claim_invitation(session: Session, token: str, now: datetime) -> tuple[int, Moodle]:
    """Take an invitation for the minute that a registration may last; return its id and its Moodle.

    Raises LaunchRefused where it is unknown, over, used, or taken by a registration under way (a page loaded twice).
    """
    invitation = session.scalar(select(LtiInvitation).where(LtiInvitation.token_hash == _hash(token)))
    if invitation is None:
        raise LaunchRefused("lti_invitation_unknown", NO_INVITATION, status=404)
    if invitation.used_at is not None:
        raise LaunchRefused("lti_invitation_used", INVITATION_USED, status=410)
    if invitation.expires_at <= now:
        raise LaunchRefused("lti_invitation_expired", NO_INVITATION, status=410)
    taken = session.execute(
        update(LtiInvitation)
        .where(
            LtiInvitation.id == invitation.id,
            LtiInvitation.used_at.is_(None),
            or_(LtiInvitation.busy_until.is_(None), LtiInvitation.busy_until <= now),
        )
        .values(busy_until=now + LEASE)
        .execution_options(synchronize_session=False)
    )
    if getattr(taken, "rowcount", 0) != 1:
        raise LaunchRefused("lti_invitation_busy", INVITATION_BUSY, status=409)
    return invitation.id, session.get_one(Moodle, invitation.moodle_id)


def release_invitation(session: Session, invitation_id: int) -> None:
    """Give an invitation back after a registration that failed."""
    session.execute(
        update(LtiInvitation)
        .where(LtiInvitation.id == invitation_id, LtiInvitation.used_at.is_(None))
        .values(busy_until=None)
    )


def use_invitation(session: Session, invitation_id: int, registration: LtiRegistration, now: datetime) -> None:
    """Mark an invitation as used by ``registration``."""
    invitation = session.get_one(LtiInvitation, invitation_id)
    invitation.used_at = now
    invitation.registration_id = registration.id


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
