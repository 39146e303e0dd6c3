"""Where a launch leads: to the course's intake in the role this person has there, or to a page that says why not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from flask import Response, request, url_for
from flask import session as cookie
from sqlalchemy.orm import Session

from lti_app.core.edge import SignedIn, db_session, now, sign_in, signed_in, tool
from lti_app.core.errors import DomainError
from lti_app.core.forms import see_other
from lti_app.core.permissions import Actor, Permission
from lti_app.intakes.courses import intakes_of_course, own_intakes
from lti_app.intakes.launched import LaunchedCourse, seal
from lti_app.intakes.models import Intake
from lti_app.lti.launch import Launch
from lti_app.meetings.arrival_notes import ArrivalNote, note_in, take_note_away
from lti_app.meetings.arriving import arrive
from lti_app.meetings.onsite_models import ArrivalHow
from lti_app.notices.ways import take_way
from lti_app.people.accounts import find_person, remember_last_link
from lti_app.sites.service import has_power_over_others
from lti_app.web import i18n
from lti_app.web.actors import Arrival, read_arrival
from lti_app.web.choices import page_chosen

CSRF = "csrf_token"


@dataclass(frozen=True)
class Standing:
    """Say what somebody is to the course that they came from."""

    actor: Actor
    intakes: Sequence[Intake]

    @property
    def intake(self) -> Intake | None:
        """Return the newest of the course's intakes, whose leader can help."""
        return self.intakes[0] if self.intakes else None

    @property
    def own(self) -> list[Intake]:
        """Return the course's intakes that they lead or have a place in."""
        return own_intakes(self.intakes, self.actor)


def land(launch: Launch) -> Response:
    """Sign in who came with a proven launch and send them on (303). Nothing is guessed about people or courses."""
    session = db_session()
    arrival = read_arrival(
        session,
        moodle_id=launch.moodle_id,
        user_id=launch.user_id,
        course_id=launch.course_id,
        is_moodle_admin=launch.is_moodle_admin,
        now=now(),
    )
    actor = arrival.actor or _find(session, launch)
    who = _visitor(launch, actor.person_id, actor.name)
    _begin_visit(who, launch.locale)
    awaited = _way_of_a_notice(session, launch, arrival, actor)
    followed = note_in(request, secret_key=tool().settings.secret_key, now=now())
    if followed is not None:
        return _arrived(session, followed, actor)
    if awaited is not None:
        return see_other(awaited)
    chosen = page_chosen(session, launch, actor)
    if chosen is not None:
        return see_other(chosen)
    if len(arrival.own_intake_ids) == 1:
        return see_other(url_for("credits.intake", intake_id=arrival.own_intake_ids[0]))
    course = _course_of(launch)
    if course is None:
        return see_other(url_for("site.home"))
    return see_other(way_from(session, course, actor) or url_for("site.course", course=_sealed(course)))


def _arrived(session: Session, note: ArrivalNote, actor: Actor) -> Response:
    """Mark whose phone followed the code of a meeting; the page says that they are marked, or why they aren't."""
    # Refused: no place at the meeting, or it was cancelled meanwhile. The visit has begun all the same.
    with suppress(DomainError):
        arrive(session, meeting_id=note.meeting_id, person_id=actor.person_id, how=ArrivalHow.CODE, at=note.at)
    response = see_other(url_for("arrivals.arrived", meeting_id=note.meeting_id))
    take_note_away(response)
    return response


def _way_of_a_notice(session: Session, launch: Launch, arrival: Arrival, actor: Actor) -> str | None:
    """Note by which link they came; return the page to which the link of a notice leads, where they followed one."""
    if actor.person_id is None:
        return None
    remember_last_link(
        session,
        moodle_id=launch.moodle_id,
        user_id=launch.user_id,
        link=launch.resource_link_id,
        known=arrival.last_link,
    )
    if arrival.actor is not None and not arrival.is_awaited:
        return None
    return take_way(session, actor.person_id, now=now())


def _find(session: Session, launch: Launch) -> Actor:
    """Look for the person of somebody who comes for the first time."""
    today = now().astimezone(tool().settings.zone).date()
    person = find_person(
        session,
        moodle_id=launch.moodle_id,
        user_id=launch.user_id,
        idnumber=launch.idnumber,
        email=launch.email,
        has_power=lambda found: has_power_over_others(session, found, today),
        now=now(),
    )
    name = person.full_name if person else launch.name
    return tool().resolve_actor(session, _visitor(launch, person.id if person else None, name), now())


def _visitor(launch: Launch, person_id: int | None, name: str) -> SignedIn:
    return SignedIn(
        moodle_id=launch.moodle_id,
        user_id=launch.user_id,
        person_id=person_id,
        name=name,
        is_moodle_admin=launch.is_moodle_admin,
        moodle_origin=launch.moodle_origin,
        since=int(now().timestamp()),
    )


def way_from(session: Session, course: LaunchedCourse, actor: Actor) -> str | None:
    """Return the address that fits who came from ``course``, or None where only words help."""
    standing = standing_in(session, course, actor)
    if len(standing.own) == 1:
        return url_for("credits.intake", intake_id=standing.own[0].id)
    if standing.own:
        return url_for("intakes.choose", course=_sealed(course))
    if standing.intake is None and course.is_instructor and actor.may(Permission.RUN_INTAKES):
        return url_for("intakes.tie", course=_sealed(course))
    if actor.may(Permission.SEE_SYNC):
        return url_for("sync.runs")
    return None


def standing_in(session: Session, course: LaunchedCourse, actor: Actor) -> Standing:
    """Find the course's intakes and what ``actor`` is to them."""
    intakes = intakes_of_course(
        session, moodle_id=course.moodle_id, course_id=course.course_id, course_idnumber=course.idnumber
    )
    return Standing(actor, intakes)


def _course_of(launch: Launch) -> LaunchedCourse | None:
    if launch.course_id is None:
        return None
    return LaunchedCourse(
        moodle_id=launch.moodle_id,
        user_id=launch.user_id,
        since=int(now().timestamp()),
        is_instructor=launch.is_instructor,
        course_id=launch.course_id,
        title=launch.course_title,
        idnumber=launch.course_idnumber,
    )


def _sealed(course: LaunchedCourse) -> str:
    return seal(course, tool().settings.secret_key)


def _begin_visit(who: SignedIn, locale: str | None) -> None:
    """Sign in; where the same person comes again, pages open in other tabs stay good."""
    before = signed_in()
    same = before is not None and (before.moodle_id, before.user_id) == (who.moodle_id, who.user_id)
    kept = {key: cookie[key] for key in (CSRF, i18n.CHOSEN) if same and key in cookie}
    sign_in(who)
    cookie.update(kept)
    launched = i18n.supported(locale)
    if launched:
        cookie[i18n.LAUNCHED] = launched
