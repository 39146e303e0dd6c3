"""Which intakes a Moodle course belongs to, and tying a course to an intake by its leader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased, joinedload

from lti_app.core import audit
from lti_app.core.errors import Conflict, Forbidden, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.programmes.models import Programme, ProgrammeVersion

BY_IDNUMBER = "idnumber"
BY_LEADER = "leader"


def intakes_of_course(
    session: Session, *, moodle_id: int, course_id: int, course_idnumber: str | None
) -> Sequence[Intake]:
    """Return the intakes that a course belongs to, the newest first; nothing is guessed.

    By the course id if it is known; else by the course's idnumber, if that is the code of an intake of this Moodle
    that has no course yet: from then on the two are tied. Several share a course only where their leader tied them.
    """
    known = _of_course(session, moodle_id, course_id)
    if known or not course_idnumber:
        return known
    intake = session.scalar(
        select(Intake)
        .where(Intake.moodle_id == moodle_id, Intake.code == course_idnumber, Intake.course_id.is_(None))
        .options(*_WITH_SITE)
        .with_for_update(of=Intake, key_share=True)
    )
    if intake is None:
        return _of_course(session, moodle_id, course_id)  # another launch may have tied it while this one waited
    try:
        with session.begin_nested():
            intake.course_id, intake.course_tied_by = course_id, BY_IDNUMBER
    except IntegrityError:
        session.refresh(intake)  # the course was tied to another intake meanwhile
        return _of_course(session, moodle_id, course_id)
    return [intake]


def own_intakes(intakes: Iterable[Intake], actor: Actor) -> list[Intake]:
    """Return those that ``actor`` leads or has a place in."""
    return [
        intake
        for intake in intakes
        if intake.version.programme.site_id in actor.led_site_ids or intake.id in actor.trainee_intake_ids
    ]


@dataclass(frozen=True)
class TieOffer:
    """Offer an intake for a course; ``trainees`` counts who would be enrolled there."""

    intake: Intake
    trainees: int


def tie_offers(session: Session, actor: Actor, moodle_id: int) -> list[TieOffer]:
    """Return the published intakes of the sites that ``actor`` leads that have no course in this Moodle yet."""
    actor.require(Permission.RUN_INTAKES)
    trainees = (
        select(func.count())
        .where(Trainee.intake_id == Intake.id, Trainee.state == TraineeState.ENROLLED)
        .correlate(Intake)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Intake, trainees)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(
            Intake.moodle_id == moodle_id,
            Intake.course_id.is_(None),
            Intake.published_at.is_not(None),
            Programme.site_id.in_(actor.led_site_ids),
        )
        .options(*_WITH_SITE)
        .order_by(Intake.starts_on.desc(), Intake.code)
    )
    return [TieOffer(intake, number) for intake, number in rows]


def likely_offer(offers: Sequence[TieOffer], course_title: str) -> TieOffer | None:
    """Return the one offer that the course seems made for, or None: a tie can't be undone, so doubt is left open.

    That is the only offer, or the only one whose code, else whose programme's title, stands in the course's title.
    """
    title = course_title.casefold()
    by_code = [offer for offer in offers if offer.intake.code.casefold() in title]
    by_programme = [offer for offer in offers if offer.intake.version.title.casefold() in title]
    for found in (offers, by_code, by_programme):
        if len(found) == 1:
            return found[0]
    return None


def tie_course(session: Session, *, intake_id: int, course_id: int, actor: Actor, now: datetime) -> Intake:
    """Tie the course of the leader's own launch to an intake; said again, it changes nothing.

    ``course_id`` must come from the launch, never from a form, or from another intake of the same site. Raises
    NotFound, Forbidden to who does not lead the site (4.1) or came from another Moodle, Conflict where the intake is
    not published (4.2), has another course, or can't share the course with those that have it (``_require_sharable``).
    """
    intake = session.scalar(
        select(Intake)
        .where(Intake.id == intake_id)
        .options(*_WITH_SITE)
        .with_for_update(of=Intake, key_share=True)
        .execution_options(populate_existing=True)
    )
    if intake is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    actor.require_site(intake.version.programme.site_id)
    if actor.moodle_id != intake.moodle_id:
        raise Forbidden(
            "other_moodle",
            _l("This intake belongs to another Moodle."),
            remedy=_l("Open the tool from a course of that Moodle."),
        )
    if intake.course_id == course_id:
        return intake
    # Two leaders who tie one course at once: the second has to see the first.
    session.execute(select(Moodle.id).where(Moodle.id == intake.moodle_id).with_for_update(key_share=True))
    _require_free(session, intake, course_id)
    try:
        with session.begin_nested():
            intake.course_id, intake.course_tied_by = course_id, BY_LEADER
    except IntegrityError as error:
        raise _taken() from error
    audit.record(
        session,
        actor=actor,
        now=now,
        action="tie_course",
        on=intake,
        changes={"course_id": [None, course_id], "course_tied_by": [None, BY_LEADER]},
    )
    return intake


def share_offers(session: Session, actor: Actor, intake_id: int) -> Sequence[Intake]:
    """Return the intakes whose course this one, which has none, could share; one of each course, the newest first."""
    intake = session.get(Intake, intake_id, options=_WITH_SITE)
    if intake is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    actor.require_site(intake.version.programme.site_id)
    if intake.course_id is not None or intake.published_at is None:
        return []
    rows = session.scalars(
        select(Intake)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(
            Intake.moodle_id == intake.moodle_id,
            Intake.course_id.is_not(None),
            Intake.published_at.is_not(None),
            Programme.site_id == intake.version.programme.site_id,
            ProgrammeVersion.hours == intake.version.hours,
        )
        .options(*_WITH_SITE)
        .order_by(Intake.starts_on.desc(), Intake.code)
    )
    by_course: dict[int | None, Intake] = {}
    for other in rows:
        by_course.setdefault(other.course_id, other)
    return list(by_course.values())


def share_course(session: Session, *, intake_id: int, with_id: int, actor: Actor, now: datetime) -> Intake:
    """Tie an intake to the course of another one of the same site, without a launch. Raises as ``tie_course``."""
    intake, other = session.get(Intake, intake_id), session.get(Intake, with_id, options=_WITH_SITE)
    if intake is None or other is None or other.course_id is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    if other.moodle_id != intake.moodle_id:  # the number would be that of somebody's course there
        raise NotFound("no_such_intake", _l("There is no such intake."))
    actor.require_site(other.version.programme.site_id)
    return tie_course(session, intake_id=intake_id, course_id=other.course_id, actor=actor, now=now)


_WITH_SITE = (joinedload(Intake.version).joinedload(ProgrammeVersion.programme).joinedload(Programme.site),)


def _of_course(session: Session, moodle_id: int, course_id: int) -> Sequence[Intake]:
    return session.scalars(
        select(Intake)
        .where(Intake.moodle_id == moodle_id, Intake.course_id == course_id)
        .options(*_WITH_SITE)
        .order_by(Intake.starts_on.desc(), Intake.code)
    ).all()


def _require_free(session: Session, intake: Intake, course_id: int) -> None:
    if intake.published_at is None:
        raise Conflict(
            "intake_not_published",
            _l("This intake is not published yet."),
            remedy=_l("It opens once the council has approved its programme."),
            clause="4.2",
        )
    if intake.course_id is not None:
        raise Conflict(
            "intake_has_course",
            _l("This intake has a course in Moodle already."),
            remedy=_l("Its trainees are enrolled there; open the tool from that course."),
        )
    for other in _of_course(session, intake.moodle_id, course_id):
        _require_sharable(session, intake, other)


def _require_sharable(session: Session, intake: Intake, other: Intake) -> None:
    """Raise Conflict unless two intakes can have one course: of one site, of as many hours, nobody in both.

    The course has one column in Moodle's gradebook, where a person has one number of hours out of one sum.
    """
    if other.published_at is None or other.version.programme.site_id != intake.version.programme.site_id:
        raise _taken()
    if other.version.hours != intake.version.hours:
        raise Conflict(
            "other_hours",
            _l("The course belongs to an intake whose programme has another number of hours."),
            remedy=_l("Moodle's gradebook counts the hours of a course out of one sum: choose a course of its own."),
        )
    if in_both := people_in_both(session, intake.id, other.id):
        raise Conflict(
            "places_in_both",
            _l("People with a place in both intakes: %(people)s.", people=len(in_both)),
            remedy=_l("Moodle's gradebook has one column for a course: let each of them keep one place."),
        )


def people_in_both(session: Session, intake_id: int, other_id: int) -> list[int]:
    """Return the ids of the people who hold a place in both intakes."""
    mine, theirs = aliased(Trainee), aliased(Trainee)
    return list(
        session.scalars(
            select(mine.person_id)
            .join(theirs, theirs.person_id == mine.person_id)
            .where(
                mine.intake_id == intake_id,
                theirs.intake_id == other_id,
                mine.state == TraineeState.ENROLLED,
                theirs.state == TraineeState.ENROLLED,
            )
            .order_by(mine.person_id)
        )
    )


def place_elsewhere_in_course(session: Session, intake: Intake, person_ids: Iterable[int]) -> dict[int, str]:
    """Return, of these people, who hold a place in another intake of the same course: its code by person id."""
    if intake.course_id is None:
        return {}
    rows = session.execute(
        select(Trainee.person_id, Intake.code)
        .join(Intake, Intake.id == Trainee.intake_id)
        .where(
            Intake.moodle_id == intake.moodle_id,
            Intake.course_id == intake.course_id,
            Intake.id != intake.id,
            Trainee.state == TraineeState.ENROLLED,
            Trainee.person_id.in_(list(person_ids)),
        )
    )
    return {row[0]: row[1] for row in rows}


def _taken() -> Conflict:
    return Conflict(
        "course_is_taken",
        _l("This course belongs to another intake already."),
        remedy=_l("Only published intakes of one site can share a course: choose a course of its own."),
    )
