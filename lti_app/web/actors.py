"""Who somebody is today: granted roles, sites led, places as a trainee; and who comes in a launch, to which intake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    String,
    bindparam,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session

from lti_app.core.edge import SignedIn, tool
from lti_app.core.errors import NotSignedIn
from lti_app.core.permissions import Actor, Role
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.notices.models import PendingWay
from lti_app.people.models import MoodleAccount, Person, RoleGrant, full_name
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import SiteLeader

_GRANTED, _LED, _PLACE, _PERSON, _COURSE, _ENDED = "granted", "led", "place", "person", "course", "ended"
_WAY = "way"
_NO_NUMBER, _NO_WORD = literal(0, Integer), literal("")

Rows = Sequence[Any]


def _row(
    kind: str, number: Any = _NO_NUMBER, second: Any = _NO_NUMBER, words: tuple[Any, Any, Any] = (_NO_WORD,) * 3
) -> Select[Any]:
    return select(literal(kind), number, second, *words)


def _standing(person: ColumnElement[Any]) -> list[Select[Any]]:
    role = type_coerce(RoleGrant.role, String)
    return [
        _row(_GRANTED, words=(role, _NO_WORD, _NO_WORD)).where(
            RoleGrant.moodle_id == bindparam("moodle"), RoleGrant.user_id == bindparam("user")
        ),
        _row(_LED, SiteLeader.site_id).where(
            SiteLeader.person_id == person,
            SiteLeader.since <= bindparam("today"),
            or_(SiteLeader.until.is_(None), SiteLeader.until >= bindparam("today")),
        ),
        _row(_PLACE, Trainee.intake_id).where(Trainee.person_id == person, Trainee.state == TraineeState.ENROLLED),
    ]


# Asked at every request and every launch: one statement each, put together once. Who a user is, the account says at
# that moment, never the cookie: an account that is untied takes its powers away with the next page.
_OF_ACCOUNT = (MoodleAccount.moodle_id == bindparam("moodle"), MoodleAccount.user_id == bindparam("user"))
_KNOWN = [
    *_standing(select(MoodleAccount.person_id).where(*_OF_ACCOUNT).scalar_subquery()),
    _row(
        _PERSON,
        Person.id,
        func.coalesce(MoodleAccount.last_link, 0),
        words=(Person.last_name, Person.first_name, func.coalesce(Person.middle_name, "")),
    )
    .select_from(Person)
    .join(MoodleAccount, MoodleAccount.person_id == Person.id)
    .where(*_OF_ACCOUNT),
]
_STANDING: CompoundSelect[Any] = union_all(
    *_KNOWN,
    _row(_ENDED, Moodle.id).where(Moodle.id == bindparam("moodle"), Moodle.visits_from > bindparam("since")),
)
_ARRIVAL: CompoundSelect[Any] = union_all(
    *_KNOWN,
    _row(_COURSE, Intake.id, Programme.site_id)
    .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
    .join(Programme, Programme.id == ProgrammeVersion.programme_id)
    .where(Intake.moodle_id == bindparam("moodle"), Intake.course_id == bindparam("course")),
    _row(_WAY, PendingWay.person_id)
    .join(MoodleAccount, MoodleAccount.person_id == PendingWay.person_id)
    .where(*_OF_ACCOUNT),
)


@dataclass(frozen=True)
class Arrival:
    """Say what is known already of who comes in a launch: the person, and the course's intakes with their sites."""

    actor: Actor | None
    intakes: tuple[tuple[int, int], ...]
    """Intake id and site id."""
    last_link: int | None = None
    """The LTI instance by whose link they came last time."""
    is_awaited: bool = False
    """They followed the link of a notice, so that this launch may lead to its page."""

    @property
    def own_intake_ids(self) -> list[int]:
        """Return the course's intakes that this person leads or has a place in."""
        if self.actor is None:
            return []
        led, held = self.actor.led_site_ids, self.actor.trainee_intake_ids
        return [intake_id for intake_id, site_id in self.intakes if site_id in led or intake_id in held]


def resolve_actor(session: Session, who: SignedIn, now: datetime) -> Actor:
    """Read the roles that ``who`` holds now. One query, whatever the number of sites and intakes.

    Raises NotSignedIn where visits from that Moodle were ended after this one began.
    """
    asked = {
        "moodle": who.moodle_id,
        "user": who.user_id,
        "today": _today(now),
        "since": datetime.fromtimestamp(who.since, UTC),
    }
    rows = session.connection().execute(_STANDING, asked).all()
    if any(row[0] == _ENDED for row in rows):
        raise NotSignedIn(
            "visits_ended",
            _l("The administrator has ended all visits that came from this Moodle."),
            remedy=_l("Open the course in Moodle and follow the link from there."),
        )
    return _actor(
        rows, moodle_id=who.moodle_id, user_id=who.user_id, name=who.name, is_moodle_admin=who.is_moodle_admin
    )


def read_arrival(
    session: Session, *, moodle_id: int, user_id: int, course_id: int | None, is_moodle_admin: bool, now: datetime
) -> Arrival:
    """Read in one query who a Moodle user is known to be, with today's roles, and where the course belongs."""
    asked = {"moodle": moodle_id, "user": user_id, "course": course_id, "today": _today(now)}
    rows = session.connection().execute(_ARRIVAL, asked).all()
    intakes = tuple((row[1], row[2]) for row in rows if row[0] == _COURSE)
    actor = _actor(rows, moodle_id=moodle_id, user_id=user_id, name="", is_moodle_admin=is_moodle_admin)
    return Arrival(
        actor if actor.person_id is not None else None,
        intakes,
        last_link=next((row[2] for row in rows if row[0] == _PERSON), None) or None,
        is_awaited=any(row[0] == _WAY for row in rows),
    )


def _today(now: datetime) -> date:
    return now.astimezone(tool().settings.zone).date()


def _actor(rows: Rows, *, moodle_id: int, user_id: int, name: str, is_moodle_admin: bool) -> Actor:
    person = next((row for row in rows if row[0] == _PERSON), None)
    roles = {Role(row[3]) for row in rows if row[0] == _GRANTED}
    led = frozenset(row[1] for row in rows if row[0] == _LED)
    places = frozenset(row[1] for row in rows if row[0] == _PLACE)
    if is_moodle_admin:
        roles.add(Role.ADMINISTRATOR)
    if led:
        roles.add(Role.LEADER)
    if places:
        roles.add(Role.TRAINEE)
    return Actor(
        person_id=person[1] if person else None,
        name=full_name(*person[3:6]) if person else name,
        moodle_id=moodle_id,
        user_id=user_id,
        roles=frozenset(roles),
        led_site_ids=led,
        trainee_intake_ids=places,
    )
