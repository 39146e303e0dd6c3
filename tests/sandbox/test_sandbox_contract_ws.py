"""The sandbox's web services answer what a real Moodle 4.5 answered: every recording is replayed.

The recordings are replayed in the order in which they were made, since one call leaves what the next one reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from moodle_sync.sandbox import Sandbox, actions, running_sandbox
from moodle_sync.sandbox.state import ROLES
from moodle_sync.sandbox.webservice import FUNCTIONS

from . import recorded
from .comparison import differences

# Functions that the client doesn't use, so that the sandbox has no need of them.
LEFT_OUT = {
    "cohort_create": "core_cohort_create_cohorts: groups and enrolments are kept without cohorts",
    "completion_override": "core_completion_override_activity_completion_status: completion comes by scores",
    "course_delete": "core_course_delete_courses: nothing is ever deleted",
    "roles_none": "core_role_assign_roles: roles come with enrolments",
}

Setup = Callable[[Sandbox], None]


def graded(sandbox: Sandbox) -> None:
    """Give the grades that the tool had posted before, to somebody who had been in the course."""
    state = sandbox.state
    state.course_access[2][4] = recorded.NOW - 86
    course, link = state.courses[2], state.modules[2]
    hours = actions.add_grade_item(state, course, itemtype="manual", name="Зачётные часы 2", maximum=144.0, tool=1)
    own = actions.own_line_item(state, link)
    assert own is not None
    comment = "Зачтено 36 часов"
    for item, user, given, maximum in ((own, 4, 100, 100), (hours, 4, 36, 72), (hours, 5, 20, 72)):
        actions.save_score(
            state, item, user, given=given, maximum=maximum, timestamp=recorded.NOW - 53, comment=comment
        )


def both_roles(sandbox: Sandbox) -> None:
    """Suspend one and give the other two roles, as was done by hand before that recording."""
    actions.enrol(sandbox.state, 3, 4, ROLES["student"], suspended=True)
    actions.enrol(sandbox.state, 3, 5, ROLES["student"])
    actions.enrol(sandbox.state, 3, 5, ROLES["editingteacher"])


SCRIPT: tuple[tuple[str, Setup | None], ...] = (
    ("site_info", None),
    ("err_bad_token", None),
    ("err_unknown_function", None),
    ("err_missing_param", None),
    ("err_invalid_param", None),
    ("categories", None),
    ("users_by_id", None),
    ("users_by_email", None),
    ("users_by_idnumber", None),
    ("courses_by_idnumber", None),
    ("courses_by_idnumber_absent", None),
    ("multi_mixed", None),
    ("enrolled_paged", None),
    ("enrolled_absent_course", None),
    ("course_contents", None),
    ("completion_activities_not_enrolled", None),
    ("completion_course", None),
    ("completion_activities", graded),
    ("grades", None),
    ("grades_all", None),
    ("user_courses", None),
    ("course_create", None),
    ("course_create_dup_shortname", None),
    ("course_create_dup_idnumber", None),
    ("course_update", None),
    ("course_update_absent", None),
    ("category_create", None),
    ("category_create_dup", None),
    ("course_enrol_methods", None),
    ("enrol", None),
    ("enrol_partial_bad_user", None),
    ("enrolled_after_partial", None),
    ("enrolled_fields", None),
    ("enrol_bad_role", None),
    ("enrol_bad_course", None),
    ("suspend", None),
    ("enrolled_with_suspended", None),
    ("enrolled_onlyactive", None),
    ("enrolled_onlysuspended", None),
    ("enrol_again", None),
    ("group_create", None),
    ("group_create_dup", None),
    ("group_add", None),
    ("group_add_notenrolled", None),
    ("group_members", None),
    ("groups", None),
    ("calendar_create", None),
    ("calendar_get", None),
    ("calendar_update_none", None),
    ("message_send", None),
    ("message_send_ok", None),
    ("user_create", None),
    ("user_create_dup", None),
    ("user_create_dup_email", None),
    ("user_create_bad_username", None),
    ("user_update_suspend", None),
    ("user_update_unsuspend", None),
    ("course_duplicate", None),
    ("course_contents_copy", None),
    ("enrolled_two_roles", both_roles),
    ("unenrol", None),
    ("unenrol_absent", None),
)


@pytest.fixture(scope="module")
def moodle() -> Iterator[Sandbox]:
    """Run one sandbox for the whole script, at the moment of the recordings."""
    with running_sandbox(recorded.seed(), url=recorded.URL, clock=lambda: recorded.NOW) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def answers(moodle: Sandbox) -> dict[str, tuple[Any, requests.Response]]:
    """Replay the whole script once."""
    kept = {}
    for name, setup in SCRIPT:
        if setup:
            setup(moodle)
        recording = recorded.load("ws", name)
        fields = {
            "wstoken": "nonsense" if name == "err_bad_token" else moodle.token,
            "wsfunction": recording["function"],
            "moodlewsrestformat": "json",
        }
        answer = requests.post(
            f"{moodle.local_url}/webservice/rest/server.php", fields | recording["params"], timeout=10
        )
        kept[name] = (recording, answer)
    return kept


@pytest.mark.parametrize("name", [name for name, _ in SCRIPT])
def test_a_call_is_answered_as_recorded(name: str, answers: dict[str, tuple[Any, requests.Response]]) -> None:
    recording, answer = answers[name]
    body = answer.json()
    if name in ("site_info", "multi_mixed"):
        recording, body = without_functions(name, recording, body)
    assert answer.status_code == recording["status"]
    assert answer.headers["Content-Type"] == recording["content_type"]
    assert not list(differences(recording["body"], body))


def without_functions(name: str, recording: Any, body: Any) -> tuple[Any, Any]:
    """Set the list of functions aside: the sandbox has fewer, which another test holds to be real ones."""
    if name == "site_info":
        for side in (recording["body"], body):
            side["functions"] = side["functions"][:1]
            side["functions"][0]["name"] = "…"
        return recording, body
    for side in (recording["body"], body):
        data = json.loads(side["responses"][0]["data"])
        data["functions"] = []
        side["responses"][0]["data"] = json.dumps(data)
    return recording, body


def test_every_function_of_the_sandbox_is_one_of_a_real_moodle() -> None:
    real = {function["name"] for function in recorded.load("ws", "site_info")["body"]["functions"]}
    assert set(FUNCTIONS) <= real


def test_no_recording_of_a_web_service_is_left_out_without_a_reason() -> None:
    replayed = {name for name, _ in SCRIPT}
    assert replayed | LEFT_OUT.keys() == recorded.names("ws")
    assert not replayed & LEFT_OUT.keys()


def test_what_is_left_out_concerns_no_function_of_the_sandbox() -> None:
    assert not {recorded.load("ws", name)["function"] for name in LEFT_OUT} & FUNCTIONS.keys()


def test_the_comparison_sees_a_missing_key_a_new_one_a_type_a_count_and_a_value() -> None:
    found = list(differences({"a": 1, "b": [1], "c": "x", "d": 1}, {"b": [], "c": "y", "d": "1", "e": 0}))
    assert {line.partition(":")[0] for line in found} == {"$.a", "$.b", "$.c", "$.d", "$.e"}
