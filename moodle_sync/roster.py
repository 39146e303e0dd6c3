"""Frozen values: what should be, what is ours, and what a Moodle has."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple


class Role(enum.StrEnum):
    """Name the two roles that the tool gives in a course."""

    TRAINEE = "trainee"
    LEADER = "leader"


class Drift(enum.StrEnum):
    """Say how an enrolment of ours differs from what was written, if a person in Moodle made it so.

    What is remembered here is what was respected, or what no writing can change; anything else is written again.
    """

    NONE = ""
    REMOVED = "removed"
    """Unenrolled by hand."""
    SUSPENDED = "suspended"
    """Suspended by hand."""
    ELSEWHERE = "elsewhere"
    """Suspended by us and active all the same: the person is enrolled in the course by other means too."""


class DesiredCourse(NamedTuple):
    """A course as it should be. ``key`` is its idnumber; dates are Unix seconds."""

    key: str
    shortname: str
    fullname: str
    category_id: int
    template_id: int | None
    starts: int
    ends: int
    visible: bool = True
    course_id: int | None = None
    """Moodle course id, where it is known."""
    managed: bool = True
    """False for a course that a person tied to the intake: its settings are that person's."""
    category_key: str = ""
    """Key of the desired category in which it is to be made, if that isn't ``category_id`` itself."""
    template_name: str = ""
    """The template as an administrator named it, to be told where it isn't found."""
    is_over: bool = False
    """The intake ended so long ago that of the course, if it is there, nothing but its hiding is looked at."""
    was_hidden: bool = False
    """Whether an earlier night hid it: it is noted if somebody has shown it since."""


class DesiredCategory(NamedTuple):
    """A category to make courses in. ``key`` is its idnumber; it is made within the category ``parent_id``."""

    key: str
    name: str
    parent_id: int


class DesiredPerson(NamedTuple):
    """Somebody to be enrolled. ``key`` is ours; ``user_id`` is Moodle's, once it is known for certain.

    ``has_power``: over others, so that an idnumber, which Moodle may let people write into their own profile, does
    not count against the account's own e-mail.
    """

    key: int
    user_id: int | None
    idnumber: str | None
    email: str | None
    has_power: bool = False


class Doubt(enum.StrEnum):
    """Say why a person isn't one of Moodle's users for certain. The value is for people, the name for programs."""

    NO_USER = "no user with this idnumber or e-mail"
    SEVERAL_USERS = "several users match"
    OTHER_IDNUMBER = "the user with this e-mail has another idnumber"
    OTHER_EMAIL = "the user with this idnumber has another e-mail"
    SEVERAL_PEOPLE = "several of our people match the same user"
    SOMEBODY_ELSE = "the user that matches is somebody else already"
    TIED_TO_ANOTHER = "the user that matches is tied to another person already"

    @property
    def code(self) -> str:
        """Return a short name to be stored."""
        return self.name.lower()


class Account(NamedTuple):
    """A user as Moodle describes it; what it doesn't show is empty."""

    user_id: int
    idnumber: str
    email: str
    last_name: str
    first_name: str
    full_name: str
    suspended: bool


class DesiredEnrolment(NamedTuple):
    """Somebody's place in a course, active from ``starts`` to ``ends`` (Unix seconds; ``ends`` 0: without end)."""

    course_key: str
    person_key: int
    role: Role
    starts: int
    ends: int


class Desired(NamedTuple):
    """All that should be in one Moodle."""

    courses: Sequence[DesiredCourse]
    people: Sequence[DesiredPerson]
    enrolments: Sequence[DesiredEnrolment]
    categories: Sequence[DesiredCategory] = ()


class Owned(NamedTuple):
    """An enrolment that the tool made, as last written; ``pending``: meant to be written, not known to be."""

    course_id: int
    user_id: int
    role: Role
    starts: int
    ends: int
    suspended: bool
    pending: bool = False
    drift: Drift = Drift.NONE


class ObservedCourse(NamedTuple):
    """A course as Moodle has it."""

    course_id: int
    shortname: str
    idnumber: str
    fullname: str
    starts: int
    ends: int
    visible: bool


class CourseRoster(NamedTuple):
    """Who is in a course; ``inactive``: suspended, or outside of the enrolment's dates - Moodle doesn't say which."""

    enrolled: frozenset[int]
    inactive: frozenset[int]


NOBODY = CourseRoster(frozenset(), frozenset())
"""The roster of a course in which nobody is enrolled."""


class Problem(NamedTuple):
    """A reason why a read can't be taken for whole."""

    course_key: str
    code: str
    text: str


class Observed(NamedTuple):
    """What a Moodle had at ``read_at`` (Unix seconds)."""

    courses: Mapping[str, ObservedCourse]
    """By the key of the desired course."""
    conflicts: Mapping[str, str]
    """Desired courses whose short name is somebody else's: key and why."""
    users: Mapping[int, int]
    """Moodle user id by person key."""
    matched_by: Mapping[int, str]
    """How a person was found now, by person key: idnumber or email; known ids are not in it."""
    unresolved: Mapping[int, Doubt]
    """People that were not found for certain, by person key, and why."""
    rosters: Mapping[int, CourseRoster]
    """By Moodle course id."""
    problems: Sequence[Problem]
    read_at: int
    assumed: frozenset[int] = frozenset()
    """Courses whose roster was not read but remembered, and shown by probes to be still so. Nothing may be written
    there before it was read (``observe.read_in_full``)."""
    categories: Mapping[str, int | str] = MappingProxyType({})
    """Of categories that courses have to be made in: Moodle's id by key, or why that can't be known."""
    accounts: Mapping[int, Sequence[Account]] = MappingProxyType({})
    """By person key, of everybody who was looked for now, the users that matched: one, or those to choose between."""
