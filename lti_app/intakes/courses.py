"""Which intake a Moodle course belongs to, and tying a course to an intake by its leader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit
from lti_app.core.errors import Conflict, Forbidden, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.programmes.models import Programme, ProgrammeVersion

BY_IDNUMBER = "idnumber"
BY_LEADER = "leader"


def intake_of_course(session: Session, *, moodle_id: int, course_id: int, course_idnumber: str | None) -> Intake | None:
    """Return the intake that a course belongs to, or None; nothing is guessed.

    By the course id if it is known; else by the course's idnumber, if that is the code of an intake of this Moodle
    that has no course yet: from then on the two are tied.
    """
    known = _of_course(session, moodle_id, course_id)
    if known is not None or not course_idnumber:
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
    return intake


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

    ``course_id`` must come from the launch, never from a form. Raises NotFound, Forbidden to who does not lead the
    site (4.1) or came from another Moodle, Conflict where the intake is not published (4.2), has another course, or
    the course belongs to another intake.
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


_WITH_SITE = (joinedload(Intake.version).joinedload(ProgrammeVersion.programme).joinedload(Programme.site),)


def _of_course(session: Session, moodle_id: int, course_id: int) -> Intake | None:
    return session.scalar(
        select(Intake).where(Intake.moodle_id == moodle_id, Intake.course_id == course_id).options(*_WITH_SITE)
    )


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
    if _of_course(session, intake.moodle_id, course_id) is not None:
        raise _taken()


def _taken() -> Conflict:
    return Conflict(
        "course_is_taken",
        _l("This course belongs to another intake already."),
        remedy=_l("Choose a course of its own for each intake."),
    )
