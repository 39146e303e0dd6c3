"""Read what a Moodle has, with the proof that the read is whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from moodle_sync.accounts import read_people
from moodle_sync.categories import read_categories
from moodle_sync.client import MoodleClient
from moodle_sync.errors import CannotReadWhole, MoodleError, NotJson
from moodle_sync.functions import Function
from moodle_sync.roster import (
    CourseRoster,
    Desired,
    DesiredCourse,
    Observed,
    ObservedCourse,
    Owned,
    Problem,
)

COURSES_PER_CALL = 100


def read_observed(
    client: MoodleClient,
    desired: Desired,
    owned: Iterable[Owned],
    *,
    now: int,
    remembered: Mapping[int, CourseRoster] | None = None,
    pick: Callable[[int], int] = random.randrange,
) -> Observed:
    """Read what Moodle has of the courses and people in ``desired``. ``now`` is Unix seconds.

    ``remembered`` are rosters of an earlier full read, by course id: where probes agree with one, it is assumed to be
    still so (``Observed.assumed``) and not read. ``pick`` chooses, below a number, where a probe looks.

    Raises CannotReadWhole where Moodle can't be read at all; a course whose roster can't be shown to be whole is
    named in ``problems`` instead.
    """
    try:
        courses, conflicts = _read_courses(client, desired.courses)
        people = read_people(client, desired.people)
        categories = read_categories(client, _categories_needed(desired, courses.keys() | conflicts.keys()))
    except MoodleError as error:
        raise CannotReadWhole(error) from error
    ours = _ours_by_course(owned)
    over = {course.key for course in desired.courses if course.is_over}
    here = {course.course_id for key, course in courses.items() if key not in over}
    try:
        proven = still_so(client, {key: roster for key, roster in (remembered or {}).items() if key in here}, pick)
    except MoodleError as error:
        raise CannotReadWhole(error) from error
    vanished = _vanished_courses(desired.courses, courses, conflicts, ours)
    observed = Observed(
        courses,
        conflicts,
        people.users,
        people.matched_by,
        people.unresolved,
        proven,
        tuple(vanished),
        now,
        frozenset(proven),
        categories,
        people.accounts,
    )
    return _read_rosters(client, observed, here - proven.keys(), ours)


def read_in_full(
    client: MoodleClient, observed: Observed, owned: Iterable[Owned], course_ids: Iterable[int]
) -> Observed:
    """Read the rosters of those of ``course_ids`` that were only assumed; return what is known then."""
    asked = observed.assumed.intersection(course_ids)
    return _read_rosters(client, observed, asked, _ours_by_course(owned))


def _read_rosters(
    client: MoodleClient, observed: Observed, course_ids: Iterable[int], ours: Mapping[int, _OursThere]
) -> Observed:
    """Read rosters, several courses at once; a course that several intakes share is read once, under its first key."""
    asked = set(course_ids)
    keys: dict[int, str] = {}
    for key in sorted(observed.courses):
        course_id = observed.courses[key].course_id
        if course_id in asked:
            keys.setdefault(course_id, key)
    read = client.map(lambda course_id: _read_roster(client, keys[course_id], course_id, ours), list(keys))
    rosters = {course_id: roster for course_id, roster in observed.rosters.items() if course_id not in asked}
    problems = list(observed.problems)
    for course_id, (roster, problem) in zip(keys, read, strict=True):
        if problem is not None:
            problems.append(problem)
        if roster is not None:
            rosters[course_id] = roster
    return observed._replace(rosters=rosters, problems=tuple(problems), assumed=observed.assumed - asked)


class _Probe(NamedTuple):
    """One look at a stretch of a roster sorted by user id: what is asked, and whom it has to show."""

    course_id: int
    params: dict[str, Any]
    expected: list[int]


WINDOW = 10


def still_so(
    client: MoodleClient, remembered: Mapping[int, CourseRoster], pick: Callable[[int], int] = random.randrange
) -> dict[int, CourseRoster]:
    """Return those remembered rosters that probes agree with; a few small looks at a course, packed many to a call.

    A course that can't be read is left out. Raises a MoodleError where the service itself can't be asked.

    Moodle sorts by user id. If behind the last but one comes just the last person whom we remember, and nobody more,
    then as many are enrolled as before; the same of those who are inactive. A further look at a random stretch finds
    most exchanges of one person for another, since all in between would stand one place on.
    """
    probes = [probe for course_id, roster in sorted(remembered.items()) for probe in _probes(course_id, roster, pick)]
    answers = client.read_many(Function.ENROLLED_USERS, [probe.params for probe in probes])
    broken = {
        probe.course_id
        for probe, answer in zip(probes, answers, strict=True)
        if not isinstance(answer, list) or [_id_in(person) for person in answer] != probe.expected
    }
    return {course_id: roster for course_id, roster in remembered.items() if course_id not in broken}


def _id_in(person: Any) -> Any:
    return person.get("id") if isinstance(person, dict) else None


def _probes(course_id: int, roster: CourseRoster, pick: Callable[[int], int]) -> list[_Probe]:
    probes = []
    for ids, only in ((sorted(roster.enrolled), ""), (sorted(roster.inactive), "onlysuspended")):
        stretches = [(max(len(ids) - 1, 0), 2)]
        if len(ids) > 1:
            stretches.append((pick(len(ids)), WINDOW))
        for start, number in stretches:
            params = _roster_params(course_id, only=only, stretch=(start, number))
            probes.append(_Probe(course_id, params, ids[start : start + number]))
    return probes


class _OursThere(NamedTuple):
    """How many enrolments of ours are certainly in a course, and how many of them suspended."""

    written: int = 0
    suspended: int = 0


def _ours_by_course(owned: Iterable[Owned]) -> dict[int, _OursThere]:
    found: dict[int, _OursThere] = {}
    for row in owned:
        if not row.pending:
            written, suspended = found.get(row.course_id, _OursThere())
            found[row.course_id] = _OursThere(written + 1, suspended + row.suspended)
    return found


def _vanished_courses(
    desired: Sequence[DesiredCourse],
    courses: Mapping[str, ObservedCourse],
    conflicts: Mapping[str, str],
    owned: Mapping[int, _OursThere],
) -> list[Problem]:
    """Name courses that the tool made and has people in, but that Moodle doesn't show any more.

    One that a person tied and that is gone is no reason to hold anything: nothing is planned for it.
    """
    return [
        Problem(
            course.key,
            "course_not_seen",
            f"Moodle does not show course {course.course_id}, where we enrolled {owned[course.course_id].written}",
        )
        for course in desired
        if course.managed
        and not course.is_over
        and course.course_id is not None
        and course.key not in courses
        and course.key not in conflicts
        and owned.get(course.course_id, _OursThere()).written
    ]


def observed_course(body: Mapping[str, Any]) -> ObservedCourse:
    """Turn Moodle's description of a course into a value (recording ``courses_by_idnumber``). Raises NotJson."""
    try:
        return ObservedCourse(
            course_id=int(body["id"]),
            shortname=str(body["shortname"]),
            idnumber=str(body.get("idnumber") or ""),
            fullname=str(body["fullname"]),
            starts=int(body.get("startdate") or 0),
            ends=int(body.get("enddate") or 0),
            visible=bool(body.get("visible", 1)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotJson("a course that can't be read", function=Function.COURSES_BY_FIELD) from error


def course_bodies(answer: Any) -> list[Mapping[str, Any]]:
    """Return the courses in an answer to a search as they came. Raises NotJson, or the error in the answer's place."""
    if isinstance(answer, MoodleError):
        raise answer
    if not isinstance(answer, dict) or not isinstance(answer.get("courses"), list):
        raise NotJson("courses are missing in the answer", function=Function.COURSES_BY_FIELD)
    bodies: list[Mapping[str, Any]] = answer["courses"]
    return bodies


def courses_in(answer: Any) -> list[ObservedCourse]:
    """Return the courses in an answer to a search. Raises NotJson, or the error that stands in the answer's place."""
    return [observed_course(body) for body in course_bodies(answer)]


def _read_courses(
    client: MoodleClient, desired: Sequence[DesiredCourse]
) -> tuple[dict[str, ObservedCourse], dict[str, str]]:
    """Find each course: by known id, then idnumber, then short name (an interrupted making leaves no idnumber)."""
    found: dict[str, ObservedCourse] = {}
    conflicts: dict[str, str] = {}
    by_id = _courses_by_id(client, [course.course_id for course in desired if course.course_id is not None])
    for course in desired:
        for body in by_id.get(course.course_id or 0, ()):
            _judge(course, body, "id", found, conflicts)
    for field in ("idnumber", "shortname"):
        asked = [course for course in desired if course.managed and course.key not in found | conflicts]
        values = [course.key if field == "idnumber" else course.shortname for course in asked]
        answers = client.read_many(Function.COURSES_BY_FIELD, [{"field": field, "value": value} for value in values])
        for course, answer in zip(asked, answers, strict=True):
            for body in course_bodies(answer):
                _judge(course, body, field, found, conflicts)
    return found, conflicts


def _courses_by_id(client: MoodleClient, course_ids: Sequence[int]) -> dict[int, list[Mapping[str, Any]]]:
    ids = sorted(set(course_ids))
    found: dict[int, list[Mapping[str, Any]]] = {}
    for start in range(0, len(ids), COURSES_PER_CALL):
        value = ",".join(map(str, ids[start : start + COURSES_PER_CALL]))
        for body in course_bodies(client.call(Function.COURSES_BY_FIELD, field="ids", value=value)):
            found[observed_course(body).course_id] = [body]
    return found


def _judge(
    course: DesiredCourse,
    body: Mapping[str, Any],
    field: str,
    found: dict[str, ObservedCourse],
    conflicts: dict[str, str],
) -> None:
    """Take a course that was found by ``field`` for ours, or say why it may be somebody else's."""
    candidate = observed_course(body)
    if course.managed and candidate.idnumber not in ("", course.key):
        conflicts[course.key] = (
            f"course {candidate.course_id} has our short name or id, but the idnumber "
            f"“{candidate.idnumber}” of somebody else"
        )
    elif field == "shortname" and "idnumber" not in body:
        # Moodle leaves it out for an account that may not update the course: it may well be somebody's.
        conflicts[course.key] = (
            f"course {candidate.course_id} has our short name, and its idnumber is not shown: "
            "give the service's user moodle/course:update"
        )
    else:
        found[course.key] = candidate


def _categories_needed(desired: Desired, placed: Set[str]) -> list[str]:
    """Name the categories of courses that have to be made: Moodle is asked for no others."""
    keys = {course.category_key for course in desired.courses if course.managed and course.key not in placed}
    return sorted(category.key for category in desired.categories if category.key in keys)


ATTEMPTS = 2
"""Somebody's enrolment may begin or end between two reads; twice in a row is no coincidence."""


def _read_roster(
    client: MoodleClient, key: str, course_id: int, owned: Mapping[int, _OursThere]
) -> tuple[CourseRoster | None, Problem | None]:
    """Read who is in a course and who is inactive there; a roster that can't be proven whole is a problem.

    Where an answer is suspiciously empty, a third reading (those who are active) has to agree with the two.
    """
    ours = owned.get(course_id, _OursThere())
    problem: Problem | None = None
    for _attempt in range(ATTEMPTS):
        try:
            enrolled = enrolled_ids(client, course_id)
            inactive = enrolled_ids(client, course_id, only="onlysuspended")
            doubtful = not enrolled or (not inactive and ours.suspended)
            active = enrolled_ids(client, course_id, only="onlyactive") if doubtful else enrolled - inactive
        except MoodleError as error:
            return None, Problem(key, error.errorcode, str(error))
        if active | inactive != enrolled or active & inactive:
            text = f"Moodle's lists of all, active and suspended people of course {course_id} contradict each other"
            problem = Problem(key, "contradiction", text)
        elif not enrolled and ours.written:
            text = f"Moodle shows nobody in course {course_id}, where we enrolled {ours.written}"
            problem = Problem(key, "empty_roster", text)
        else:
            return CourseRoster(enrolled, inactive), None
    return None, problem


def enrolled_ids(client: MoodleClient, course_id: int, *, only: str = "") -> frozenset[int]:
    """Read the ids of the people in a course, unpaged, so that nobody can slip between two pages.

    ``only`` is ``onlyactive`` or ``onlysuspended``, if not all are meant. Only ids are asked for: 500 people cost
    0.29 s so, and 2.35 s with every field. Raises a MoodleError.
    """
    body = client.call(Function.ENROLLED_USERS, **_roster_params(course_id, only=only))
    try:
        if isinstance(body, list):
            return frozenset(int(person["id"]) for person in body)
    except (KeyError, TypeError, ValueError) as error:
        raise NotJson("a roster that can't be read", function=Function.ENROLLED_USERS) from error
    raise NotJson("a roster that is no list", function=Function.ENROLLED_USERS)


def _roster_params(course_id: int, *, only: str = "", stretch: tuple[int, int] | None = None) -> dict[str, Any]:
    """Return the parameters that ask for ids alone; ``stretch`` is (how many to pass over, how many to show)."""
    options: list[dict[str, Any]] = [{"name": "userfields", "value": "id"}]
    if only:
        options.append({"name": only, "value": 1})
    if stretch is not None:
        start, number = stretch
        options += [
            {"name": "sortby", "value": "id"},
            {"name": "limitfrom", "value": start},
            {"name": "limitnumber", "value": number},
        ]
    return {"courseid": course_id, "options": options}
