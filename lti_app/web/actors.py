"""Who somebody is today: granted roles, sites led, places as a trainee."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lti_app.core.edge import SignedIn, tool
from lti_app.core.permissions import Actor, Role
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.people.models import RoleGrant
from lti_app.sites.models import SiteLeader


def resolve_actor(session: Session, who: SignedIn, now: datetime) -> Actor:
    """Read the roles that ``who`` holds now. Three queries, whatever the number of sites and intakes."""
    granted = session.scalars(
        select(RoleGrant.role).where(RoleGrant.moodle_id == who.moodle_id, RoleGrant.user_id == who.user_id)
    ).all()
    roles = set(granted)
    if who.is_moodle_admin:
        roles.add(Role.ADMINISTRATOR)
    led: frozenset[int] = frozenset()
    places: frozenset[int] = frozenset()
    if who.person_id is not None:
        today = now.astimezone(tool().settings.zone).date()
        led = frozenset(
            session.scalars(
                select(SiteLeader.site_id).where(
                    SiteLeader.person_id == who.person_id,
                    SiteLeader.since <= today,
                    or_(SiteLeader.until.is_(None), SiteLeader.until >= today),
                )
            )
        )
        places = frozenset(
            session.scalars(
                select(Trainee.intake_id).where(
                    Trainee.person_id == who.person_id, Trainee.state == TraineeState.ENROLLED
                )
            )
        )
    if led:
        roles.add(Role.LEADER)
    if places:
        roles.add(Role.TRAINEE)
    return Actor(
        person_id=who.person_id,
        name=who.name,
        moodle_id=who.moodle_id,
        user_id=who.user_id,
        roles=frozenset(roles),
        led_site_ids=led,
        trainee_intake_ids=places,
    )
