"""Who somebody is today: granted roles, sites led, places as a trainee."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String, bindparam, literal, or_, select, type_coerce, union_all
from sqlalchemy.orm import Session

from lti_app.core.edge import SignedIn, tool
from lti_app.core.permissions import Actor, Role
from lti_app.intakes.models import Trainee, TraineeState
from lti_app.people.models import RoleGrant
from lti_app.sites.models import SiteLeader

_GRANTED, _LED, _PLACE = "granted", "led", "place"

# Asked at every request, so it is one statement, put together once.
_STANDING = union_all(
    select(literal(_GRANTED), type_coerce(RoleGrant.role, String), literal(0, Integer)).where(
        RoleGrant.moodle_id == bindparam("moodle"), RoleGrant.user_id == bindparam("user")
    ),
    select(literal(_LED), literal(""), SiteLeader.site_id).where(
        SiteLeader.person_id == bindparam("person"),
        SiteLeader.since <= bindparam("today"),
        or_(SiteLeader.until.is_(None), SiteLeader.until >= bindparam("today")),
    ),
    select(literal(_PLACE), literal(""), Trainee.intake_id).where(
        Trainee.person_id == bindparam("person"), Trainee.state == TraineeState.ENROLLED
    ),
)


def resolve_actor(session: Session, who: SignedIn, now: datetime) -> Actor:
    """Read the roles that ``who`` holds now. One query, whatever the number of sites and intakes."""
    today = now.astimezone(tool().settings.zone).date()
    asked = {"moodle": who.moodle_id, "user": who.user_id, "person": who.person_id, "today": today}
    rows = session.connection().execute(_STANDING, asked).all()
    roles = {Role(role) for kind, role, _ in rows if kind == _GRANTED}
    led = frozenset(number for kind, _, number in rows if kind == _LED)
    places = frozenset(number for kind, _, number in rows if kind == _PLACE)
    if who.is_moodle_admin:
        roles.add(Role.ADMINISTRATOR)
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
