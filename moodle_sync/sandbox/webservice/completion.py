"""Completion of activities and courses."""

from __future__ import annotations

from typing import Any

from moodle_sync.sandbox import actions
from moodle_sync.sandbox.errors import MoodleError, invalid_user, missing_record
from moodle_sync.sandbox.state import COMPLETION_AUTOMATIC, ROLES, Course, Module, State

from .registry import Arguments, function
from .schema import INT


def course_and_user(state: State, arguments: Arguments) -> Course:
    """Find the course, and make sure that the person exists."""
    course = state.courses.get(arguments["courseid"])
    if course is None:
        raise missing_record("course")
    if arguments["userid"] not in state.users:
        raise invalid_user()
    return course


def is_tracked(state: State, course: int, user: int) -> bool:
    """Tell whether Moodle keeps completion for a person: students with an active enrolment."""
    return ROLES["student"] in state.roles[course].get(user, []) and state.is_active(course, user)


def describe_activity(state: State, module: Module, user: int) -> dict[str, Any]:
    """Describe a person's completion of an activity (recordings completion_activities)."""
    record = state.completions[module.id].get(user)
    done = record.state if record else 0
    automatic = module.completion == COMPLETION_AUTOMATIC
    rule = {"rulename": "completionusegrade", "rulevalue": {"status": done, "description": "Receive a grade"}}
    return {
        "state": done,
        "timecompleted": record.timecompleted if record and done else 0,
        "overrideby": record.overrideby if record else None,
        "valueused": False,
        "hascompletion": True,
        "isautomatic": automatic,
        "istrackeduser": is_tracked(state, module.course, user),
        "uservisible": True,
        "details": [rule] if automatic else [],
        "isoverallcomplete": done == 1,
    }


@function("core_completion_get_activities_completion_status", courseid=INT, userid=INT)
def get_activities_completion_status(state: State, arguments: Arguments) -> Any:
    """Tell a person's completion of each activity that has any; enrolled or not."""
    course = course_and_user(state, arguments)
    statuses = []
    for module in state.modules_of(course.id):
        if not module.completion:
            continue
        completion = describe_activity(state, module, arguments["userid"])
        head = {"cmid": module.id, "modname": module.kind, "instance": module.instance}
        first = {name: completion.pop(name) for name in ("state", "timecompleted")}
        statuses.append(head | first | {"tracking": module.completion} | completion)
    return {"statuses": statuses, "warnings": []}


@function("core_completion_get_course_completion_status", courseid=INT, userid=INT)
def get_course_completion_status(state: State, arguments: Arguments) -> Any:
    """Tell a person's completion of a course; an error where the course has no criteria (completion_course)."""
    course, user = course_and_user(state, arguments), arguments["userid"]
    if not is_tracked(state, course.id, user):
        raise MoodleError("usernotenroled", "User is not enrolled in this course")
    if not course.criteria:
        raise MoodleError("nocriteriaset", "No completion criteria set for this course")
    completions = []
    for criterion in course.criteria:
        module = state.modules[criterion]
        record = state.completions[criterion].get(user)
        done = record is not None and record.state == 1
        completions.append(
            {
                "type": 4,
                "title": "Activity completion",
                "status": "Yes" if done else "No",
                "complete": done,
                "timecompleted": record.timecompleted if record and done else None,
                "details": {
                    "type": "Activity completion",
                    "criteria": f'<a href="{state.site.url}/mod/{module.kind}/view.php?id={module.id}">'
                    f"{module.name}</a>",
                    "requirement": "Marking yourself complete" if module.completion == 1 else "Receive a grade",
                    "status": "",
                },
            }
        )
    return {
        "completionstatus": {
            "completed": actions.course_complete(state, course, user),
            "aggregation": 1,
            "completions": completions,
        },
        "warnings": [],
    }
