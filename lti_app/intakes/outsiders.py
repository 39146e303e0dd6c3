"""Offer a leader the people who are in the course by other means; take them in as trainees, or remember that not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from lti_app.core import audit
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.permissions import Actor
from lti_app.intakes.courses import place_elsewhere_in_course
from lti_app.intakes.models import Intake, Outsider, Trainee, TraineeState
from lti_app.intakes.service import save_trainee
from lti_app.intakes.waiting import fill, locked_intake
from lti_app.people.accounts import find_person, is_nobody_known
from lti_app.people.models import MoodleAccount, Person
from lti_app.people.service import PersonFacts, save_person, tie_account
from lti_app.sites.service import has_power_over_others, leaders_now_or_later

LONGEST_NAME = 100


def outsiders_of(session: Session, *, intake_id: int, today: date) -> Sequence[Outsider]:
    """Return who can be taken into an intake, by name; nobody once it is over. One query."""
    holder = aliased(Intake)
    has_place = exists().where(
        MoodleAccount.moodle_id == Outsider.moodle_id,
        MoodleAccount.user_id == Outsider.user_id,
        Trainee.person_id == MoodleAccount.person_id,
        Trainee.state == TraineeState.ENROLLED,
        holder.id == Trainee.intake_id,
        holder.moodle_id == Outsider.moodle_id,
        holder.course_id == Outsider.course_id,
    )
    return session.scalars(
        select(Outsider)
        .join(Intake, (Intake.moodle_id == Outsider.moodle_id) & (Intake.course_id == Outsider.course_id))
        .where(
            Intake.id == intake_id,
            Intake.ends_on >= today,
            Intake.published_at.is_not(None),
            Outsider.is_offered,
            ~has_place,
        )
        .order_by(Outsider.last_name, Outsider.first_name, Outsider.id)
    ).all()


def adopt(
    session: Session, *, intake_id: int, outsider_ids: Collection[int], actor: Actor, now: datetime, zone: ZoneInfo
) -> list[Trainee]:
    """Give people who are in the intake's course places in it, all of them or none; their enrolments stay as they are.

    Raises NotFound; Forbidden to who does not lead the site (4.1); Conflict where the intake is not published (4.2) or
    over, has no room, somebody isn't there any more, has a place beside it, leads sites, or can't be told for certain
    from somebody on the lists; DomainError where nobody is chosen.
    """
    intake = _led_intake(session, intake_id, actor)
    today = now.astimezone(zone).date()
    if intake.published_at is None:
        raise Conflict(
            "intake_not_published",
            _l("This intake is not published yet."),
            remedy=_l("It opens once the council has approved its programme."),
            clause="4.2",
        )
    if intake.ends_on < today:
        raise Conflict(
            "intake_is_over",
            _l("This intake has ended."),
            remedy=_l("Whoever is to be a trainee needs a place in an intake that runs."),
        )
    chosen = _chosen(session, intake, outsider_ids)
    _require_room(session, intake, len(chosen))
    taken_in = [_take_in(session, intake, outsider, actor=actor, now=now, today=today) for outsider in chosen]
    fill(session, intake, actor=actor, now=now, zone=zone)
    return taken_in


def dismiss(
    session: Session, *, intake_id: int, outsider_ids: Collection[int], is_dismissed: bool, actor: Actor, now: datetime
) -> int:
    """Remember that people in the course are no trainees, or take that back; return how many it changed.

    Raises NotFound; Forbidden to who does not lead the site (4.1); Conflict where somebody isn't there any more;
    DomainError where nobody is chosen.
    """
    intake = _led_intake(session, intake_id, actor)
    changed = [
        outsider
        for outsider in _chosen(session, intake, outsider_ids)
        if (outsider.dismissed_at is not None) is not is_dismissed
    ]
    for outsider in changed:
        outsider.dismissed_at = now if is_dismissed else None
    return len(changed)


def _led_intake(session: Session, intake_id: int, actor: Actor) -> Intake:
    """Return the intake, locked: two who give away its last place wait for each other."""
    intake = locked_intake(session, intake_id)
    actor.require_site(intake.version.programme.site_id)
    return intake


def _chosen(session: Session, intake: Intake, outsider_ids: Collection[int]) -> Sequence[Outsider]:
    wanted = set(outsider_ids)
    if not wanted:
        raise DomainError(
            "nobody_chosen", _l("Nobody is chosen."), remedy=_l("Choose whom it is about."), field="outsider"
        )
    found = session.scalars(
        select(Outsider)
        .where(
            Outsider.id.in_(wanted),
            Outsider.moodle_id == intake.moodle_id,
            Outsider.course_id == intake.course_id,
            Outsider.is_offered,
        )
        .order_by(Outsider.last_name, Outsider.first_name, Outsider.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if len(found) != len(wanted):
        raise Conflict(
            "not_offered_any_more",
            _l("The list has changed: somebody is no longer in the course, or has a place already."),
            remedy=_l("Look at the list as it is now, and choose anew."),
            field="outsider",
        )
    return found


def _require_room(session: Session, intake: Intake, more: int) -> None:
    taken = session.scalar(
        select(func.count()).where(Trainee.intake_id == intake.id, Trainee.state == TraineeState.ENROLLED)
    )
    free = intake.capacity - (taken or 0)
    if more > free:
        raise Conflict(
            "over_capacity",
            _l("Free places in the intake: %(free)s; chosen: %(chosen)s.", free=max(free, 0), chosen=more),
            remedy=_l("Choose fewer people, or ask the centre to raise the number of places."),
            field="outsider",
        )


def _take_in(
    session: Session, intake: Intake, outsider: Outsider, *, actor: Actor, now: datetime, today: date
) -> Trainee:
    person = find_person(
        session,
        moodle_id=outsider.moodle_id,
        user_id=outsider.user_id,
        idnumber=outsider.idnumber,
        email=outsider.email,
        has_power=lambda found: has_power_over_others(session, found, today),
        now=now,
    ) or _new_person(session, outsider, actor=actor, now=now)
    if person.id in leaders_now_or_later(session, intake.version.programme.site_id, today):
        raise Conflict(
            "leader_of_the_site",
            _l("This trainee leads the site and would confirm their own hours."),
            remedy=_l("Leave them as they are in the course."),
            clause="4.1",
            field="outsider",
        )
    if elsewhere := place_elsewhere_in_course(session, intake, [person.id]):
        raise Conflict(
            "second_place",
            _l(
                "%(name)s has a place in the intake %(other)s, with the same course.",
                name=person.full_name,
                other=elsewhere[person.id],
            ),
            remedy=_l("Moodle's gradebook has one column for a course: let each of them keep one place."),
            field="outsider",
        )
    held = session.scalar(select(Trainee).where(Trainee.intake_id == intake.id, Trainee.person_id == person.id))
    trainee, _saved = save_trainee(
        session, held, intake=intake, person=person, state=TraineeState.ENROLLED, actor=actor, now=now
    )
    session.delete(outsider)
    changes = {"user_id": [None, outsider.user_id], "course_id": [None, outsider.course_id]}
    audit.record(session, actor=actor, now=now, action="adopt_trainee", on=trainee, changes=changes)
    session.flush()
    return trainee


def _new_person(session: Session, outsider: Outsider, *, actor: Actor, now: datetime) -> Person:
    """Make the person of whom nobody on the lists has the number or the e-mail, with the names that Moodle gives."""
    if not is_nobody_known(session, idnumber=outsider.idnumber, email=outsider.email):
        raise Conflict(
            "person_not_certain",
            _l("%(name)s may be somebody on the lists, and it isn't certain.", name=outsider.full_name),
            remedy=_l("Ask the administrator to say who this is in Moodle; then take them in."),
            field="outsider",
        )
    first, _space, middle = outsider.first_name.partition(" ")
    names = outsider.last_name, first, middle
    if not (outsider.email or outsider.idnumber) or not all(names[:2]) or max(map(len, names)) > LONGEST_NAME:
        raise Conflict(
            "person_not_described",
            _l("Of %(name)s Moodle shows no full name, or neither number nor e-mail.", name=outsider.full_name),
            remedy=_l("Ask the administrator to complete the profile in Moodle, or to put the person on the list."),
            field="outsider",
        )
    facts = PersonFacts(
        last_name=outsider.last_name,
        first_name=first,
        middle_name=middle or None,
        moodle_idnumber=outsider.idnumber,
        email=outsider.email,
    )
    person, _saved = save_person(session, None, facts, actor=actor, now=now)
    tie_account(session, moodle_id=outsider.moodle_id, user_id=outsider.user_id, person=person, actor=actor, now=now)
    return person
