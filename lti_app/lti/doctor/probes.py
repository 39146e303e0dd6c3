"""Tries of what the token's user may do. Writes are tried so that Moodle refuses them after it looked at capabilities.

How Moodle 4.5 orders its checks is in the source of each function, and was tried on a real one with each capability
taken away: the code of the refusal tells a missing capability from what can't be done at all.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lti_app.lti.doctor.checks import ROLES, Check, add_command, amiss, note, ok
from lti_app.lti.models import Moodle
from moodle_sync.client import MoodleClient
from moodle_sync.errors import CapabilityMissing, MoodleError, NotJson, Unreachable
from moodle_sync.functions import FACTS, Function

FRONT_PAGE = 1
"""The course that every Moodle has: nobody can be enrolled there, and web services can't change it."""
FIRST_ADMINISTRATOR = 2
NO_PERMISSION = "nopermissions"
SHOWN_BY_OTHERS = {
    Function.COURSES_BY_FIELD: "the template",
    Function.GROUP_MEMBERS: Function.COURSE_GROUPS,
    Function.CREATE_GROUPS: Function.COURSE_GROUPS,
    Function.ADD_GROUP_MEMBERS: Function.COURSE_GROUPS,
    Function.DELETE_GROUP_MEMBERS: Function.COURSE_GROUPS,
    Function.COURSE_CONTENTS: "the template's link",
}
"""Functions whose capabilities show in another check."""


@dataclass(frozen=True)
class Probe:
    """One call, the refusals that prove the capabilities, and what other refusals mean. Reads must simply answer."""

    function: Function
    params: dict[str, Any]
    proofs: frozenset[str] = frozenset()
    meanings: dict[str, Check] = field(default_factory=dict)

    def run(self, client: MoodleClient) -> Check:
        """Make the call and say what it showed."""
        try:
            client.call(self.function, **self.params)
        except MoodleError as error:
            return self._read(error)
        return ok("capabilities", f"{self.function} answers")

    def _read(self, error: MoodleError) -> Check:
        if error.errorcode in self.proofs:
            return ok("capabilities", f"{self.function} may be called")
        if error.errorcode in self.meanings:
            return self.meanings[error.errorcode]
        denied = isinstance(error, CapabilityMissing) or error.errorcode == NO_PERMISSION
        if denied or not FACTS[self.function].writes:
            return incapable(self.function, error)
        return note("capabilities", f"{self.function}: it can't be told whether it may be called: {error.errorcode}")


def incapable(function: Function, error: MoodleError) -> Check:
    """Say that a function can't be called, and which capabilities it needs."""
    if isinstance(error, Unreachable | NotJson):
        return amiss("capabilities", str(error), error.remedy)
    needed = ", ".join(FACTS[function].capabilities)
    # Of a missing permission Moodle's text, in the language of the token's user, names the capability.
    said = f" ({error.message})" if error.errorcode == NO_PERMISSION else ""
    return amiss("capabilities", f"{function}: {error.errorcode}{said}", f"the token's user needs {needed} ({ROLES})")


def probes(client: MoodleClient, moodle: Moodle, course_id: int, own_id: int) -> list[Probe]:
    """Return what can be tried on a template without changing anything. Raises a MoodleError."""
    found = [
        Probe(Function.ENROLLED_USERS, {"courseid": course_id}),
        Probe(Function.COURSE_GROUPS, {"courseid": course_id}),
        Probe(Function.GRADE_ITEMS, {"courseid": course_id, "userid": 0}),
        _completion(client, course_id, own_id),
        _enrolling(moodle, own_id, moodle.trainee_role_id, "--trainee-role-id"),
        _enrolling(moodle, own_id, moodle.leader_role_id, "--leader-role-id"),
        Probe(
            Function.CREATE_USERS,
            {"users": [{"username": "", "firstname": "-", "lastname": "-", "email": "-", "createpassword": True}]},
            frozenset({"invalidparameter"}),
        ),
        Probe(
            Function.SEND_MESSAGES,
            {"messages": [{"touserid": 0, "text": "-", "textformat": 1}]},
            frozenset({"formatnotsupported"}),  # nobody is user 0 (recording message_send)
        ),
        Probe(
            Function.CREATE_CATEGORIES,
            {"categories": [{"name": "", "parent": moodle.category_id}]},
            frozenset({"categorynamerequired"}),
            {"unknowcategory": _no_category(moodle)},
        ),
    ]
    taken = _taken_shortname(client, course_id)
    return found if taken is None else [*found, *_with_a_taken_name(moodle, course_id, taken)]


def _completion(client: MoodleClient, course_id: int, own_id: int) -> Probe:
    """Ask for the completion of somebody else: one's own needs no capability."""
    people = client.call(Function.ENROLLED_USERS, courseid=course_id)
    others = [int(person["id"]) for person in people if int(person["id"]) != own_id]
    unsure = note("capabilities", f"{Function.ACTIVITIES_COMPLETION}: nobody is there whom it could be tried on")
    return Probe(
        Function.ACTIVITIES_COMPLETION,
        {"courseid": course_id, "userid": others[0] if others else FIRST_ADMINISTRATOR},
        meanings={"invaliduser": unsure, "suspended": unsure, "userdeleted": unsure},
    )


def _enrolling(moodle: Moodle, own_id: int, role_id: int, option: str) -> Probe:
    """Enrol the token's own user on the front page, which has no enrolment methods."""
    return Probe(
        Function.ENROL_USERS,
        {"enrolments": [{"roleid": role_id, "userid": own_id, "courseid": FRONT_PAGE, "suspend": True}]},
        frozenset({"wsnoinstance"}),
        {
            "wsusercannotassign": amiss(
                "roles",
                f"the token's user may not assign the role {role_id}, or there is none of this number",
                f"give it moodle/role:assign and tick the role under Allow role assignments ({ROLES}); "
                f"if the number is another: {add_command(moodle, moodle.url)} {option} ID",
            ),
            "manualpluginnotinstalled": amiss(
                "functions",
                "manual enrolments are not installed",
                "Site administration, Plugins, Enrolments, Manage enrol plugins",
            ),
        },
    )


def _taken_shortname(client: MoodleClient, course_id: int) -> str | None:
    """Return the template's short name if Moodle finds the template by it: then no other course can be given it.

    What Moodle shows of a name has gone through its filters, so it is not believed unless it is found by.
    """
    shown = client.call(Function.COURSES_BY_FIELD, field="id", value=course_id)["courses"]
    name = html.unescape(str(shown[0]["shortname"])) if shown else ""
    if not name:
        return None
    found = client.call(Function.COURSES_BY_FIELD, field="shortname", value=name)["courses"]
    return name if [int(course["id"]) for course in found] == [course_id] else None


def _with_a_taken_name(moodle: Moodle, course_id: int, taken: str) -> list[Probe]:
    return [
        Probe(
            Function.DUPLICATE_COURSE,
            {
                "courseid": course_id,
                "fullname": taken,
                "shortname": taken,
                "categoryid": moodle.category_id,
                "visible": 0,
            },
            frozenset({"shortnametaken"}),
            {"invalidrecord": _no_category(moodle)},
        ),
        Probe(
            Function.UPDATE_COURSES,
            {"courses": [{"id": FRONT_PAGE, "fullname": "-", "shortname": taken, "idnumber": "-", "visible": 0}]},
            frozenset({"invalidcourse", "shortnametaken"}),
        ),
    ]


def _no_category(moodle: Moodle) -> Check:
    return amiss(
        "category",
        f"there is no category {moodle.category_id} to make courses in",
        f"{add_command(moodle, moodle.url)} --category ID",
    )


def untried(used: list[Function], tried: set[Function]) -> Iterator[Check]:
    """Name what could not be tried."""
    left = [
        function
        for function in used
        if FACTS[function].capabilities and function not in tried and function not in SHOWN_BY_OTHERS
    ]
    if left:
        yield note(
            "capabilities",
            f"can't be tried without changing something, or without people: {', '.join(left)}",
            "compare the role with what `moodle functions` lists; the first night shows what is missing",
        )
