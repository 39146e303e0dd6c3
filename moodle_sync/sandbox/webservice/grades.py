"""The gradebook."""

from __future__ import annotations

from typing import Any

from moodle_sync.sandbox import actions
from moodle_sync.sandbox.errors import MoodleError, missing_record
from moodle_sync.sandbox.state import Course, Grade, GradeItem, State

from .registry import Arguments, function
from .schema import INT, optional

NO_GRADE = Grade(None, 0)


def trim(value: float) -> float | int:
    """Write a whole number as one, as PHP's JSON does."""
    return int(value) if value == int(value) else round(value, 5)


@function("gradereport_user_get_grade_items", courseid=INT, userid=optional(INT, 0), groupid=optional(INT, 0))
def get_grade_items(state: State, arguments: Arguments) -> Any:
    """Tell grades, of one person or of all who can be graded (recordings grades, grades_all)."""
    course = state.courses.get(arguments["courseid"])
    if course is None:
        raise missing_record("course")
    wanted = arguments["userid"]
    if wanted and wanted not in state.users:
        raise MoodleError("invaliduser", "Invalid user")
    users = [wanted] if wanted else graded_users(state, course)
    if arguments["groupid"]:
        group = state.groups.get(arguments["groupid"])
        users = [user for user in users if group and user in group.members]
    return {"usergrades": [_report(state, course, user) for user in users], "warnings": []}


def graded_users(state: State, course: Course) -> list[int]:
    """List those who stand in a course's gradebook, by last name."""
    users = [user for user in state.enrolments[course.id] if actions.is_gradable(state, course.id, user)]
    return sorted(users, key=lambda user: (state.users[user].lastname, state.users[user].firstname, user))


def _report(state: State, course: Course, user: int) -> dict[str, Any]:
    person = state.users[user]
    items = sorted(
        (item for item in state.grade_items.values() if item.course == course.id),
        key=lambda item: (item.itemtype == "course", item.id),
    )
    graded = [item for item in items if item.itemtype != "course" and _value(state, item, user) is not None]
    weights = {item.id: item.maximum / (sum(one.maximum for one in graded) or 1) for item in graded}
    return {
        "courseid": course.id,
        "courseidnumber": course.idnumber,
        "userid": user,
        "userfullname": person.fullname,
        "useridnumber": person.idnumber,
        "maxdepth": 2,
        "gradeitems": [_describe(state, item, user, weights) for item in items],
    }


def _value(state: State, item: GradeItem, user: int) -> float | None:
    return state.grades[item.id].get(user, NO_GRADE).value


def _describe(state: State, item: GradeItem, user: int, weights: dict[int, float]) -> dict[str, Any]:
    """Describe one column for a person; the total is the natural sum of what is graded."""
    grade = state.grades[item.id].get(user, NO_GRADE)
    maximum = item.maximum
    if item.itemtype == "course":
        others = [one for one in state.grade_items.values() if one.course == item.course and one.id != item.id]
        values = [state.grades[one.id].get(user, NO_GRADE).value for one in others]
        known = [value for value in values if value is not None]
        grade = Grade(sum(known), state.now()) if known else NO_GRADE
        maximum = sum(one.maximum for one, value in zip(others, values, strict=True) if value is not None or not known)
    module = state.modules.get(item.module) if item.module is not None else None
    total = item.itemtype == "course"
    described: dict[str, Any] = {
        "id": item.id,
        "itemname": item.name,
        "itemtype": item.itemtype,
        "itemmodule": module.kind if module else None,
        "iteminstance": module.instance if module else (item.category if total else None),
        "itemnumber": None if total else 0,
        "idnumber": item.idnumber,
        "categoryid": None if total else item.category,
        "outcomeid": None,
        "scaleid": None,
        "locked": False,
    }
    if module:
        described["cmid"] = module.id
    if not total:
        weight = weights.get(item.id, 0.0)
        described |= {"weightraw": trim(weight), "weightformatted": f"{weight:.2%}".replace("%", " %")}
    if grade.value is None and not total:
        described["status"] = "novalue"
    share = f"{grade.value / maximum:.2%}".replace("%", " %") if grade.value is not None and maximum else "-"
    return described | {
        "graderaw": None if grade.value is None else trim(grade.value),
        "gradedatesubmitted": grade.submitted or None,
        "gradedategraded": grade.timemodified or None,
        "gradehiddenbydate": False,
        "gradeneedsupdate": False,
        "gradeishidden": False,
        "gradeislocked": False,
        "gradeisoverridden": False,
        "gradeformatted": "-" if grade.value is None else f"{grade.value:.2f}",
        "grademin": 0,
        "grademax": trim(maximum),
        "rangeformatted": f"0&ndash;{trim(maximum)}",
        "percentageformatted": share,
        "feedback": grade.comment,
        "feedbackformat": 2,
    }
