"""Pure: what should be, what is ours and what Moodle has, turned into an ordered, hashable, printable plan."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from moodle_sync.changes import (
    CategoryChange,
    Change,
    ChangePlan,
    CourseChange,
    EnrolmentChange,
    EventChange,
    GroupChange,
    Kind,
    Missing,
    Note,
    Reason,
    UserChange,
)
from moodle_sync.enrolments import CLOCK_MARGIN, CoursePlanner, runs
from moodle_sync.events import Calendar
from moodle_sync.groups import NO_GROUPS, ObservedGroups
from moodle_sync.plan_events import EventPlan, plan_events
from moodle_sync.plan_groups import plan_groups
from moodle_sync.roster import (
    NOBODY,
    Desired,
    DesiredCourse,
    DesiredEnrolment,
    Doubt,
    Observed,
    ObservedCourse,
    Owned,
    Problem,
)

__all__ = [
    "CLOCK_MARGIN",
    "CategoryChange",
    "Change",
    "ChangePlan",
    "CourseChange",
    "EnrolmentChange",
    "EventChange",
    "GroupChange",
    "Kind",
    "Missing",
    "Note",
    "UserChange",
    "differing_fields",
    "leave_out",
    "make_plan",
    "runs",
]


def make_plan(
    desired: Desired,
    owned: Iterable[Owned],
    observed: Observed,
    *,
    respects_drift: bool = False,
    calendar: Calendar | None = None,
    groups: ObservedGroups = NO_GROUPS,
    new_users: Collection[int] = (),
) -> ChangePlan:
    """Plan what brings Moodle from ``observed`` to ``desired`` by touching nothing but what is ``owned``.

    Pure, and independent of the order of its inputs. Categories come first, then courses, then enrolments course by
    course, then groups of shared courses and events of meetings (none without a ``calendar``).
    Before them accounts are made for ``new_users`` (person keys), as far as Moodle has nobody who may be them: they are
    enrolled by the plan that follows from ``Observed`` with their new user ids.
    What was suspended, reactivated or removed by hand in Moodle is noted, and written again unless ``respects_drift``.

    A person who can't be resolved any more counts as not wanted: callers have to remember whom they matched before
    they apply a plan (``Observed.matched_by``).
    """
    courses = sorted(desired.courses, key=lambda course: course.key)
    changes: list[Change] = []
    notes: list[Note] = []
    reachable: dict[str, int | None] = {}
    for course in courses:
        _plan_course(course, observed, changes, notes, reachable)
    _shut_doubtful(courses, reachable, notes)
    accounts = _new_users(desired.enrolments, observed, new_users, reachable)
    changes = [*accounts, *_categories_for(changes, desired), *changes]
    planners = _planners(courses, reachable, observed, respects_drift)
    wanted: dict[str, list[DesiredEnrolment]] = defaultdict(list)
    for enrolment in desired.enrolments:
        wanted[enrolment.course_key].append(enrolment)
    ours: dict[int, list[Owned]] = defaultdict(list)
    for row in owned:
        ours[row.course_id].append(row)
    active: dict[str, int] = {}
    gone: list[Owned] = []
    missing: dict[str, Missing] = {}
    seen: list[Owned] = []
    grouping: list[GroupChange] = []
    by_key = {course.key: course for course in courses}
    for planner, keys in planners:
        rows = [] if planner.course_id is None else ours[planner.course_id]
        planner.plan((row for key in keys for row in wanted[key]), rows, observed.users)
        changes += planner.changes
        notes += planner.notes
        gone += planner.gone
        seen += planner.seen
        active[planner.key] = planner.active
        if planner.missing.of:
            missing[planner.key] = planner.missing
        if planner.course_id is not None and len(keys) > 1:
            made, told = plan_groups(
                planner.course_id,
                [by_key[key] for key in keys],
                wanted,
                users=observed.users,
                enrolled=frozenset(planner.enrolled),
                owned=rows,
                changes=planner.changes,
                observed=groups,
            )
            grouping += made
            notes += told
    changes += grouping
    events = EventPlan((), (), ())
    if calendar is not None:
        events = plan_events(calendar, reachable, respects_drift=respects_drift)
        changes += events.changes
        notes += events.notes
    # Whoever is in a plan once was found for certain; people who were not stand in the notes, once each.
    to_be_made = {change.person_key for change in accounts}
    notes.extend(
        Note("person_not_found", "", key, text)
        for key, text in sorted(observed.unresolved.items())
        if key not in to_be_made
    )
    problems = sorted(observed.problems)
    if calendar is not None and calendar.observed.doubt and _makes_anew(events, calendar):
        problems.append(Problem("", "no_events", calendar.observed.doubt))
    return ChangePlan(
        changes, notes, problems, active=active, gone=gone, missing=missing, seen=seen, events=events.rows
    )


def _makes_anew(events: EventPlan, calendar: Calendar) -> bool:
    """Tell whether events are made in the place of some that were there: respected drift makes none."""
    known = {(row.course_id, row.meeting_id) for row in calendar.scope.owned if row.event_id}
    return any(
        change.kind is Kind.CREATE_EVENT and (change.course_id, change.meeting_id) in known for change in events.changes
    )


def leave_out(plan: ChangePlan, user_ids: Collection[int]) -> ChangePlan:
    """Return the plan without enrolling or grouping these users, whom Moodle shows no more; the rest stays as planned.

    One of them in a batch and Moodle refuses it as a whole. Nobody unenrolled them by hand either.
    """
    if not user_ids:
        return plan
    return ChangePlan(
        [change for change in plan.changes if not _brings_in(change, user_ids)],
        [note for note in plan.notes if note.code != "removed_by_hand" or note.subject not in user_ids],
        plan.problems,
        active=plan.active,
        gone=plan.gone,
        missing=plan.missing,
        seen=plan.seen,
        events=plan.events,
    )


def _brings_in(change: Change, user_ids: Collection[int]) -> bool:
    """Tell whether a change enrols one of these users, or puts one into a group."""
    if change[0] is Kind.ENROL:
        return isinstance(change, EnrolmentChange) and change.user_id in user_ids
    return change[0] is Kind.ADD_TO_GROUP and isinstance(change, GroupChange) and change.user_id in user_ids


def _new_users(
    enrolments: Iterable[DesiredEnrolment],
    observed: Observed,
    new_users: Collection[int],
    reachable: Mapping[str, int | None],
) -> list[UserChange]:
    """Plan accounts for people of whom Moodle shows no trace, and who are to be enrolled somewhere."""
    courses: dict[int, set[int]] = {}
    wanted = {key for key in new_users if observed.unresolved.get(key) is Doubt.NO_USER}
    for enrolment in enrolments:
        if enrolment.person_key in wanted and enrolment.course_key in reachable:
            course_id = reachable[enrolment.course_key]
            courses.setdefault(enrolment.person_key, set()).update(() if course_id is None else (course_id,))
    why = Reason.NOBODY_MATCHES
    return [UserChange(Kind.CREATE_USER, key, tuple(sorted(ids)), why) for key, ids in sorted(courses.items())]


def _shut_doubtful(courses: Iterable[DesiredCourse], reachable: dict[str, int | None], notes: list[Note]) -> None:
    """Leave alone what shares a course with an intake that nothing is planned for: its people would look unwanted."""
    doubtful = {
        course.course_id
        for course in courses
        if course.course_id is not None and course.key not in reachable and not course.is_over
    }
    for key in [key for key, course_id in reachable.items() if course_id in doubtful]:
        del reachable[key]
        notes.append(Note("course_conflict", key, 0, "another intake of the same course is in doubt"))


def _planners(
    courses: Iterable[DesiredCourse], reachable: Mapping[str, int | None], observed: Observed, respects_drift: bool
) -> list[tuple[CoursePlanner, list[str]]]:
    """Return a planner for each course in Moodle, with the keys that it stands for: several may share a course."""
    found: dict[int | str, tuple[CoursePlanner, list[str]]] = {}
    for course in courses:
        if course.key not in reachable:
            continue
        course_id = reachable[course.key]
        place = course.key if course_id is None else course_id
        if place in found:
            found[place][1].append(course.key)
            continue
        roster = NOBODY if course_id is None else observed.rosters.get(course_id)
        if roster is not None:  # else it could not be read: a problem says so, and nothing is planned on a guess
            planner = CoursePlanner(course.key, course_id, roster, observed.read_at, respects_drift)
            found[place] = (planner, [course.key])
    return list(found.values())


def _categories_for(courses: Iterable[Change], desired: Desired) -> list[CategoryChange]:
    """Plan the categories that aren't there of those in which courses are to be made."""
    keys = {change.course.category_key for change in courses if isinstance(change, CourseChange)}
    missing = sorted(category for category in desired.categories if category.key in keys)
    return [CategoryChange(Kind.CREATE_CATEGORY, category, Reason.NO_CATEGORY) for category in missing]


def _plan_course(
    course: DesiredCourse,
    observed: Observed,
    changes: list[Change],
    notes: list[Note],
    reachable: dict[str, int | None],
) -> None:
    if course.key in observed.conflicts:
        notes.append(Note("course_conflict", course.key, 0, observed.conflicts[course.key]))
        return
    present = observed.courses.get(course.key)
    if course.is_over:
        if present is not None and course.managed and differing_fields(course, present):
            _plan_settings(course, present, changes, notes)
        return
    if present is None:
        # One that we know and that isn't shown stands in the problems, so a person has to approve making it anew.
        if not course.managed:
            notes.append(Note("course_gone", course.key, course.course_id or 0, "the tied course is not in Moodle"))
        elif course.template_id is None:
            notes.append(_no_template(course))
        elif isinstance(place := observed.categories.get(course.category_key), str):
            notes.append(Note("category_unknown", course.key, 0, f"no course is made: {place}"))
        else:
            if place is not None:
                course = course._replace(category_id=place, category_key="")
            why = Reason.NO_COURSE if course.course_id is None else Reason.GONE
            changes.append(CourseChange(Kind.CREATE_COURSE, course, None, why))
            reachable[course.key] = None
        return
    reachable[course.key] = present.course_id
    if course.managed and differing_fields(course, present):
        _plan_settings(course, present, changes, notes)


def _no_template(course: DesiredCourse) -> Note:
    if not course.template_name:
        return Note("no_template", course.key, 0, "no template course is set for this Moodle")
    text = f"no course is made: the template {course.template_name} is not in Moodle, or not shown to the tool"
    return Note("template_not_found", course.key, 0, text)


def _plan_settings(course: DesiredCourse, present: ObservedCourse, changes: list[Change], notes: list[Note]) -> None:
    if course.was_hidden and present.visible and not course.visible:
        text = "the course of an intake that ended was shown again by hand; it is hidden again"
        notes.append(Note("course_shown_again", course.key, 0, text))
    # An existing course stays in the category in which people left it.
    why = _why_changed(course, present)
    changes.append(CourseChange(Kind.UPDATE_COURSE, course._replace(category_key=""), present.course_id, why))


_REASONS = {
    "idnumber": Reason.NUMBER,
    "fullname": Reason.NAME,
    "startdate": Reason.DATES,
    "enddate": Reason.DATES,
    "visible": Reason.VISIBLE,
}
"""Why a course is changed, by the field that differs."""


def _why_changed(course: DesiredCourse, present: ObservedCourse) -> str:
    reasons = (_REASONS[field] for field in differing_fields(course, present))
    hides = present.visible and not course.visible
    return ",".join(dict.fromkeys(Reason.HIDE_DUE if hides and why is Reason.VISIBLE else why for why in reasons))


def differing_fields(course: DesiredCourse, present: ObservedCourse) -> list[str]:
    """Name what Moodle has otherwise than we want. Moodle gives names out for HTML: ``&`` as ``&amp;``."""
    if course.is_over:
        return ["visible"] if present.visible and not course.visible else []
    pairs = {
        "idnumber": (course.key, present.idnumber),
        "fullname": (" ".join(course.fullname.split()), " ".join(html.unescape(present.fullname).split())),
        "startdate": (course.starts, present.starts),
        "enddate": (course.ends, present.ends),
        "visible": (course.visible, present.visible),
    }
    return [name for name, (ours, theirs) in pairs.items() if ours != theirs]
