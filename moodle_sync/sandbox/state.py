"""All that the pocket Moodle knows: plain records behind one lock.

Times are Unix seconds (UTC), 0 meaning "never" as in Moodle. Who changes a record holds `State.lock`.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

SITE_COURSE = 1
GUEST = 1
ADMIN = 2

ROLES = {
    "manager": 1,
    "coursecreator": 2,
    "editingteacher": 3,
    "teacher": 4,
    "student": 5,
    "guest": 6,
    "user": 7,
    "frontpage": 8,
}
ROLE_NAMES = {number: name for name, number in ROLES.items()}
COURSE_ROLES = (1, 3, 4, 5)  # what a web-service user with manager rights may assign in a course

INDEXED = ("username", "idnumber", "email")

COMPLETION_NONE, COMPLETION_MANUAL, COMPLETION_AUTOMATIC = 0, 1, 2


@dataclass(slots=True)
class Site:
    """The site's own settings."""

    url: str
    sitename: str = "Мой Moodle"
    shortname: str = "moodle"
    guid: str = "da2775303e1009aa9ad9a963757cff29"
    lang: str = "ru"
    timezone: str = "Asia/Novokuznetsk"
    release: str = "4.5.6 (Build: 20250811)"
    version: str = "2024100706"
    max_input_vars: int = 1000
    withheld_functions: list[str] = field(default_factory=list)
    refused_functions: list[str] = field(default_factory=list)
    without_messages: list[int] = field(default_factory=list)
    """Users who take no messages from people that are no contacts of theirs."""
    locks_backup_of_people: bool = False
    """The service's account may not choose whether people are copied with a course: they never are."""
    unassignable_roles: list[int] = field(default_factory=list)
    """Roles that the service's account may not give, though it may enrol."""
    blocked_hosts: list[str] = field(default_factory=list)
    allowed_ports: list[int] = field(default_factory=list)
    """HTTP security: what the site fetches nothing from; with no ports all are allowed."""
    secure_cookies: bool = False
    """The session's cookie is marked for frames, as on an https site with `cookiesecure`."""
    ws_user: int = 3


@dataclass(slots=True)
class User:
    """A person's account."""

    id: int
    username: str
    firstname: str
    lastname: str
    email: str
    idnumber: str = ""
    admin: bool = False
    suspended: bool = False
    lang: str = "ru"
    auth: str = "manual"
    firstaccess: int = 0
    lastaccess: int = 0

    @property
    def fullname(self) -> str:
        """Join the names as Moodle shows them."""
        return f"{self.firstname} {self.lastname}"


@dataclass(slots=True)
class Category:
    """A course category."""

    id: int
    name: str
    idnumber: str | None = None
    parent: int = 0
    description: str = ""
    visible: int = 1
    timemodified: int = 0


@dataclass(slots=True)
class Section:
    """A section of a course page."""

    id: int
    name: str
    number: int


@dataclass(slots=True)
class Course:
    """A course; `copied_from` is the chain of originals, nearest first (`$Context.id.history`)."""

    id: int
    shortname: str
    fullname: str
    category: int
    idnumber: str = ""
    summary: str = ""
    format: str = "topics"
    startdate: int = 0
    enddate: int = 0
    visible: int = 1
    enablecompletion: int = 1
    timecreated: int = 0
    timemodified: int = 0
    sections: list[Section] = field(default_factory=list)
    copied_from: list[int] = field(default_factory=list)
    criteria: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Module:
    """An activity of a course: `id` is the course-module id, `instance` the id in the activity's own table."""

    id: int
    instance: int
    kind: str
    course: int
    section: int
    name: str
    contextid: int
    idnumber: str = ""
    description: str = ""
    visible: int = 1
    completion: int = COMPLETION_NONE
    tool: int | None = None
    target_link_uri: str = ""
    custom: dict[str, str] = field(default_factory=dict)
    launch_container: int = 3


@dataclass(slots=True)
class Enrolment:
    """One way in which a person is enrolled in a course (`manual`, `self`, `cohort`)."""

    suspended: bool = False
    timestart: int = 0
    timeend: int = 0

    def active(self, now: int) -> bool:
        """Tell whether it lets the person in at this time."""
        return not self.suspended and self.timestart <= now and (self.timeend == 0 or self.timeend > now)


@dataclass(slots=True)
class Group:
    """A group of a course."""

    id: int
    course: int
    name: str
    description: str = ""
    idnumber: str = ""
    members: list[int] = field(default_factory=list)


@dataclass(slots=True)
class GradeItem:
    """A gradebook column: `mod` (the link's own), `manual` (made by a tool) or `course` (the total)."""

    id: int
    course: int
    itemtype: str
    name: str | None
    maximum: float = 100.0
    module: int | None = None
    idnumber: str | None = None
    category: int | None = None
    tool: int | None = None
    resource_id: str = ""
    tag: str = ""
    resource_link: int | None = None


@dataclass(slots=True)
class Grade:
    """A person's grade in one column; `value` is scaled to the column's maximum."""

    value: float | None
    timemodified: int
    comment: str = ""
    submitted: int = 0
    """When the work was handed in, of an assignment."""


@dataclass(slots=True)
class Completion:
    """How far a person got with an activity: state 0 or 1."""

    state: int
    timecompleted: int
    overrideby: int | None = None


@dataclass(slots=True)
class Event:
    """A calendar event."""

    id: int
    name: str
    description: str
    format: int
    course: int
    group: int
    user: int
    eventtype: str
    timestart: int
    timeduration: int
    visible: int
    sequence: int
    timemodified: int


@dataclass(slots=True)
class Message:
    """An instant message."""

    id: int
    sender: int
    recipient: int
    text: str
    timecreated: int


@dataclass(slots=True)
class Tool:
    """An LTI 1.3 tool; `id` is its deployment id, `state` is pending or active."""

    id: int
    name: str
    client_id: str
    login_url: str
    redirect_uris: list[str]
    target_link_uri: str
    jwks_uri: str = ""
    jwks: dict[str, Any] | None = None
    deep_link_uri: str = ""
    logo_uri: str = ""
    domain: str = ""
    description: str = ""
    scopes: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    custom: dict[str, str] = field(default_factory=dict)
    send_name: bool = True
    send_email: bool = True
    state: str = "pending"


@dataclass(slots=True)
class AccessToken:
    """An access token to the LTI services."""

    tool: int
    scopes: list[str]
    expires: int


@dataclass(slots=True)
class Launch:
    """A login that was initiated and waits for the tool's answer; good for one use."""

    course: int
    tool: int
    module: int | None
    message_type: str
    title: str = ""
    text: str = ""


@dataclass(slots=True)
class Session:
    """A browser's session."""

    user: int
    sesskey: str
    launches: dict[str, Launch] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """Everything in one place; the tables that `dump` leaves out are what a browser or a token holds."""

    site: Site
    clock: Callable[[], float] = time.time
    users: dict[int, User] = field(default_factory=dict)
    categories: dict[int, Category] = field(default_factory=dict)
    courses: dict[int, Course] = field(default_factory=dict)
    modules: dict[int, Module] = field(default_factory=dict)
    enrolments: dict[int, dict[int, dict[str, Enrolment]]] = field(default_factory=lambda: defaultdict(dict))
    roles: dict[int, dict[int, list[int]]] = field(default_factory=lambda: defaultdict(dict))
    groups: dict[int, Group] = field(default_factory=dict)
    grade_items: dict[int, GradeItem] = field(default_factory=dict)
    grades: dict[int, dict[int, Grade]] = field(default_factory=lambda: defaultdict(dict))
    completions: dict[int, dict[int, Completion]] = field(default_factory=lambda: defaultdict(dict))
    course_access: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    events: dict[int, Event] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    tools: dict[int, Tool] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    spent_registrations: set[str] = field(default_factory=set)
    user_index: dict[str, dict[str, set[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    counters: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def now(self) -> int:
        """Read the clock, in whole Unix seconds."""
        return int(self.clock())

    def next_id(self, table: str) -> int:
        """Give the next number of a table's sequence."""
        self.counters[table] += 1
        return self.counters[table]

    def reserve_id(self, table: str, number: int) -> None:
        """Keep a number given from outside out of the sequence."""
        self.counters[table] = max(self.counters[table], number)

    def add_user(self, user: User) -> None:
        """Take in a new person, findable by username, idnumber and e-mail."""
        self.users[user.id] = user
        for name in INDEXED:
            self.user_index[name][getattr(user, name)].add(user.id)

    def change_user(self, user: User, changes: dict[str, Any]) -> None:
        """Change a person's record, and where it is found."""
        for name, value in changes.items():
            if name in INDEXED:
                self.user_index[name][getattr(user, name)].discard(user.id)
                self.user_index[name][value].add(user.id)
            setattr(user, name, value)

    def modules_of(self, course: int) -> list[Module]:
        """List a course's activities in the order of their course-module ids."""
        return [module for module in self.modules.values() if module.course == course]

    def module_of_instance(self, kind: str, instance: int) -> Module | None:
        """Find an activity by the id in its own table."""
        for module in self.modules.values():
            if module.kind == kind and module.instance == instance:
                return module
        return None

    def is_active(self, course: int, user: int) -> bool:
        """Tell whether any of a person's enrolments in a course lets them in now."""
        now = self.now()
        return any(way.active(now) for way in self.enrolments[course].get(user, {}).values())

    def role_ids(self, course: int, user: int) -> list[int]:
        """List a person's roles in a course, as Moodle sorts them."""
        return sorted(self.roles[course].get(user, []))

    def has_role(self, course: int, user: int, *names: str) -> bool:
        """Tell whether a person has one of these roles in a course."""
        return any(ROLE_NAMES[role] in names for role in self.roles[course].get(user, []))

    def dump(self) -> dict[str, Any]:
        """Write out all that lasts, in a stable order, for a comparison before and after."""
        tables: tuple[str, ...] = (
            "users", "categories", "courses", "modules", "groups", "grade_items", "events", "tools",
        )  # fmt: skip
        with self.lock:
            written: dict[str, Any] = {"site": asdict(self.site)}
            for name in tables:
                rows = getattr(self, name)
                written[name] = [asdict(rows[key]) for key in sorted(rows)]
            written["enrolments"] = [
                {"course": course, "user": user, "method": method, "roles": self.role_ids(course, user), **asdict(way)}
                for course in sorted(self.enrolments)
                for user, ways in sorted(self.enrolments[course].items())
                for method, way in sorted(ways.items())
            ]
            for name in ("grades", "completions"):
                rows = getattr(self, name)
                written[name] = [
                    {"of": key, "user": user, **asdict(record)}
                    for key in sorted(rows)
                    for user, record in sorted(rows[key].items())
                ]
            written["messages"] = [asdict(message) for message in self.messages]
        return written
