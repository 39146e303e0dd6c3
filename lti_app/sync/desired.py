"""What one Moodle should have, read from the database; and what of it is ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select, union
from sqlalchemy.orm import Session, joinedload

from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount, Person, RoleGrant
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import Site, SiteLeader
from lti_app.sync.events import load_events
from lti_app.sync.groups import course_days, shares_course_with_one_since
from lti_app.sync.models import HiddenCourse, OwnedEnrolment
from lti_app.sync.templates import Templates
from moodle_sync.events import EventScope
from moodle_sync.roster import Desired, DesiredCategory, DesiredCourse, DesiredEnrolment, DesiredPerson, Owned, Role

KEPT_AFTER_END = timedelta(days=60)
"""An intake that ended longer ago is left as it stands, but for the hiding of its course."""

HIDING_TRIED = timedelta(days=30)
"""For so long after both times are over the night sees to it that the course is hidden; then it is left alone."""

CATEGORY_PREFIX = "site:"
"""A category's idnumber is this and the site's code, so that no other category has it by chance."""
LONGEST_CATEGORY_NAME = 255

ACCESS_AFTER_END = timedelta(days=30)
"""Trainees keep reading the course's materials for a month; their enrolment ends then by its own date."""

TIED_BY_NIGHT = "night"


@dataclass(frozen=True)
class Scope:
    """Hold what a run is about: the intakes, what should be, what is ours of it."""

    intake_ids: dict[str, int]
    """By intake code, which is the course's idnumber."""
    desired: Desired
    owned: list[Owned]
    events: EventScope


def load_scope(
    session: Session,
    moodle: Moodle,
    *,
    templates: Templates,
    template_ids: Mapping[str, int],
    hide_after: timedelta,
    zone: ZoneInfo,
    now: datetime,
    public_url: str,
) -> Scope:
    """Read the published intakes of ``moodle`` that run, are to come, or ended lately. Eleven queries.

    With them come those that share a course with one of them, whenever they ended. ``template_ids`` are those templates
    that Moodle shows. Of an intake that ended longer ago only its course's hiding, due ``hide_after`` its end, is in
    the scope: nobody's place there is looked at any more.
    """
    today = now.astimezone(zone).date()
    intakes, over = _intakes(session, moodle, hide_after, today)
    enrolments = _trainees(session, intakes, zone) + _leaders(session, intakes, zone, today)
    hidden = set(session.scalars(select(HiddenCourse.course_id).where(HiddenCourse.moodle_id == moodle.id)))
    days = course_days([*intakes, *over])

    def course(intake: Intake) -> DesiredCourse:
        template = templates.of(intake.version.programme)
        first, last = days.get(intake.course_id or 0, (intake.starts_on, intake.ends_on))
        return _course(intake, moodle)._replace(
            starts=midnight(first, zone),
            ends=midnight(last + timedelta(days=1), zone),
            template_id=template_ids.get(template or ""),
            template_name=template or "",
            visible=today <= last + hide_after,
            was_hidden=intake.course_id in hidden,
        )

    return Scope(
        intake_ids={intake.code: intake.id for intake in [*intakes, *over]},
        desired=Desired(
            courses=[
                *(course(intake) for intake in intakes),
                *(course(intake)._replace(is_over=True) for intake in over),
            ],
            people=_people(session, moodle, {row.person_key for row in enrolments}, today),
            enrolments=enrolments,
            categories=_categories(moodle, intakes),
        ),
        owned=_owned(session, moodle),
        events=load_events(
            session,
            moodle.id,
            intakes,
            address=f"{public_url.rstrip('/')}/meetings/",
            since=midnight(today, zone),
            now=now,
        ),
    )


def _intakes(
    session: Session, moodle: Moodle, hide_after: timedelta, today: date
) -> tuple[Sequence[Intake], Sequence[Intake]]:
    """Return the intakes that are kept in step, and those that are over and whose course is to be hidden by now."""
    site = joinedload(Intake.version).joinedload(ProgrammeVersion.programme).joinedload(Programme.site)
    published = (
        select(Intake)
        .where(
            Intake.moodle_id == moodle.id,
            Intake.published_at.is_not(None),
            or_(Intake.broken_off_on.is_(None), Intake.course_id.is_not(None)),  # no course is made any more (8.1)
        )
        .options(site.joinedload(Site.organisation))
        .order_by(Intake.code)
    )
    since, long_ago = today - KEPT_AFTER_END, today - max(KEPT_AFTER_END, hide_after)
    kept = session.scalars(published.where(or_(Intake.ends_on >= since, shares_course_with_one_since(since)))).all()
    over = session.scalars(
        published.where(
            Intake.course_id.is_not(None),
            Intake.ends_on < long_ago,
            Intake.ends_on >= long_ago - HIDING_TRIED,
            ~shares_course_with_one_since(long_ago),
        )
    ).all()
    return kept, over


def _categories(moodle: Moodle, intakes: Sequence[Intake]) -> list[DesiredCategory]:
    """Return a category for each site, where this Moodle is to have them."""
    if not moodle.category_per_site:
        return []
    sites = {intake.version.programme.site for intake in intakes}
    return [
        DesiredCategory(_category_key(site), _category_name(site), moodle.category_id)
        for site in sorted(sites, key=lambda site: site.code)
    ]


def _category_key(site: Site) -> str:
    return f"{CATEGORY_PREFIX}{site.code}"


def _category_name(site: Site) -> str:
    """Name a site as people call it: its direction and its organisation, cut to what Moodle takes."""
    name = " ".join(f"{site.direction} — {site.organisation.label}".split())
    return name if len(name) <= LONGEST_CATEGORY_NAME else f"{name[: LONGEST_CATEGORY_NAME - 1].rstrip()}…"


def midnight(day: date, zone: ZoneInfo) -> int:
    """Return the local midnight at which ``day`` begins, as Unix seconds."""
    return int(datetime.combine(day, time(), zone).timestamp())


def _course(intake: Intake, moodle: Moodle) -> DesiredCourse:
    return DesiredCourse(
        key=intake.code,
        shortname=intake.code,
        fullname=f"{intake.version.title} ({intake.starts_on:%d.%m.%Y} – {intake.ends_on:%d.%m.%Y})"[:254],
        category_id=moodle.category_id,
        template_id=None,
        starts=0,
        ends=0,
        course_id=intake.course_id,
        managed=intake.course_id is None or intake.course_tied_by == TIED_BY_NIGHT,
        category_key=_category_key(intake.version.programme.site) if moodle.category_per_site else "",
    )


def _trainees(session: Session, intakes: Sequence[Intake], zone: ZoneInfo) -> list[DesiredEnrolment]:
    places = {
        intake.id: (
            intake.code,
            midnight(intake.starts_on, zone),
            midnight(intake.ends_on + timedelta(days=1) + ACCESS_AFTER_END, zone),
        )
        for intake in intakes
    }
    rows = session.execute(
        select(Trainee.intake_id, Trainee.person_id).where(
            Trainee.intake_id.in_(places), Trainee.state == TraineeState.ENROLLED
        )
    )
    found = []
    for intake_id, person_id in rows:
        code, starts, ends = places[intake_id]
        found.append(DesiredEnrolment(code, person_id, Role.TRAINEE, starts, ends))
    return found


def _leaders(session: Session, intakes: Sequence[Intake], zone: ZoneInfo, today: date) -> list[DesiredEnrolment]:
    by_site: dict[int, list[Intake]] = {}
    for intake in intakes:
        by_site.setdefault(intake.version.programme.site_id, []).append(intake)
    rows = session.execute(
        select(SiteLeader.site_id, SiteLeader.person_id).where(
            SiteLeader.site_id.in_(by_site),
            SiteLeader.since <= today,
            or_(SiteLeader.until.is_(None), SiteLeader.until >= today),
        )
    )
    # A leader prepares the course before it begins and works with it after it ended: from publication, without end.
    return [
        DesiredEnrolment(intake.code, person_id, Role.LEADER, int(intake.published_at.timestamp()), 0)
        for site_id, person_id in rows
        for intake in by_site[site_id]
        if intake.published_at is not None
    ]


def _people(session: Session, moodle: Moodle, person_ids: set[int], today: date) -> list[DesiredPerson]:
    known = {person_id: user_id for user_id, person_id in taken_accounts(session, moodle).items()}
    powerful = _with_power(session, today)
    rows = session.execute(select(Person.id, Person.moodle_idnumber, Person.email).order_by(Person.id))
    return [
        DesiredPerson(person_id, known.get(person_id), idnumber, email, person_id in powerful)
        for person_id, idnumber, email in rows
        if person_id in person_ids
    ]


def _with_power(session: Session, today: date) -> set[int]:
    """Return the people who lead a site on ``today`` or later, or hold a granted role in whatever Moodle."""
    leading = select(SiteLeader.person_id).where(or_(SiteLeader.until.is_(None), SiteLeader.until >= today))
    granted = select(MoodleAccount.person_id).join(
        RoleGrant, (RoleGrant.moodle_id == MoodleAccount.moodle_id) & (RoleGrant.user_id == MoodleAccount.user_id)
    )
    return set(session.scalars(union(leading, granted)))


def _owned(session: Session, moodle: Moodle) -> list[Owned]:
    """Read all enrolments of ours there: a course may be found again under an id that no intake knows yet."""
    rows = session.execute(
        select(
            OwnedEnrolment.course_id,
            OwnedEnrolment.user_id,
            OwnedEnrolment.role,
            OwnedEnrolment.starts,
            OwnedEnrolment.ends,
            OwnedEnrolment.suspended,
            OwnedEnrolment.pending,
            OwnedEnrolment.drift,
        ).where(OwnedEnrolment.moodle_id == moodle.id)
    )
    return [Owned(row[0], row[1], Role(row[2]), *row[3:]) for row in rows]


def tied_courses(session: Session, moodle: Moodle) -> dict[int, list[str]]:
    """Return the codes of the intakes that hold each course, by course id."""
    rows = session.execute(
        select(Intake.course_id, Intake.code).where(Intake.moodle_id == moodle.id, Intake.course_id.is_not(None))
    )
    held: dict[int, list[str]] = {}
    for course_id, code in rows:
        held.setdefault(course_id or 0, []).append(code)
    return held


def taken_accounts(session: Session, moodle: Moodle) -> dict[int, int]:
    """Return the person of each Moodle user that is tied to somebody, by user id."""
    rows = session.execute(
        select(MoodleAccount.user_id, MoodleAccount.person_id).where(MoodleAccount.moodle_id == moodle.id)
    )
    return {row[0]: row[1] for row in rows}
