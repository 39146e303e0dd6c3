"""What happens in Moodle, whoever asks: a web service, a tool, a page or a test. Callers hold `State.lock`."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from .state import (
    COMPLETION_AUTOMATIC,
    COMPLETION_MANUAL,
    COMPLETION_NONE,
    ROLES,
    Completion,
    Course,
    Enrolment,
    Grade,
    GradeItem,
    Module,
    Section,
    State,
)

EMPTY_SECTIONS = 3  # the general one and the two that a course made by hand starts with


def create_course(
    state: State, *, shortname: str, fullname: str, category: int, sections: int = EMPTY_SECTIONS, **rest: Any
) -> Course:
    """Make a course with its announcements forum; `rest` are further fields of `Course`."""
    now = state.now()
    course = Course(
        id=rest.pop("id", None) or state.next_id("course"),
        shortname=shortname,
        fullname=fullname,
        category=category,
        timecreated=now,
        timemodified=now,
        **rest,
    )
    state.reserve_id("course", course.id)
    for number in range(sections):
        course.sections.append(Section(state.next_id("section"), "General" if number == 0 else "New section", number))
    state.courses[course.id] = course
    add_module(state, course, "forum", "Объявления" if state.site.lang == "ru" else "Announcements", section=0)
    return course


def add_module(state: State, course: Course, kind: str, name: str, *, section: int = 1, **rest: Any) -> Module:
    """Put an activity into a course; `rest` are further fields of `Module`."""
    module = Module(
        id=state.next_id("module"),
        instance=state.next_id(f"{kind} instance"),
        kind=kind,
        course=course.id,
        section=min(section, len(course.sections) - 1),
        name=name,
        contextid=20 + state.next_id("context"),
        **rest,
    )
    state.modules[module.id] = module
    return module


def add_tool_link(
    state: State,
    course: Course,
    tool: int,
    name: str,
    *,
    maximum: float | None = 100.0,
    resource_id: str = "",
    tag: str = "",
    **rest: Any,
) -> Module:
    """Put a tool's link into a course.

    With a maximum it has a gradebook column, and completes when it gets a grade, as the recorded link does.
    """
    completion = rest.pop("completion", COMPLETION_NONE if maximum is None else COMPLETION_AUTOMATIC)
    module = add_module(state, course, "lti", name, tool=tool, completion=completion, **rest)
    if maximum is not None:
        add_grade_item(
            state,
            course,
            itemtype="mod",
            name=name,
            maximum=maximum,
            module=module.id,
            tool=tool,
            idnumber=module.idnumber,
            resource_id=resource_id,
            tag=tag,
            resource_link=module.instance,
        )
    return module


def add_assignment(state: State, course: Course, name: str, *, maximum: float = 100.0, **rest: Any) -> Module:
    """Put an assignment with its gradebook column into a course."""
    module = add_module(state, course, "assign", name, **rest)
    add_grade_item(state, course, itemtype="mod", name=name, maximum=maximum, module=module.id, idnumber="")
    return module


def hand_in(state: State, module: Module, user: int) -> None:
    """Let a person hand in work on an assignment: its column says when, and holds no grade yet."""
    state.grades[_column(state, module).id][user] = Grade(None, 0, submitted=state.now())


def grade_work(state: State, module: Module, user: int, value: float) -> None:
    """Grade a person's work on an assignment; what is graded keeps the time when it was handed in."""
    item = _column(state, module)
    before = state.grades[item.id].get(user)
    state.grades[item.id][user] = Grade(value, state.now(), submitted=before.submitted if before else 0)


def _column(state: State, module: Module) -> GradeItem:
    return next(item for item in state.grade_items.values() if item.module == module.id)


def add_grade_item(state: State, course: Course, **fields: Any) -> GradeItem:
    """Add a gradebook column; a course's total comes with its first one."""
    total = course_total(state, course.id)
    if total is None:
        total = GradeItem(
            state.next_id("grade item"), course.id, "course", None, category=state.next_id("grade category")
        )
        state.grade_items[total.id] = total
    item = GradeItem(id=state.next_id("grade item"), course=course.id, category=total.category, **fields)
    state.grade_items[item.id] = item
    return item


def course_total(state: State, course: int) -> GradeItem | None:
    """Find a course's total."""
    for item in state.grade_items.values():
        if item.course == course and item.itemtype == "course":
            return item
    return None


def own_line_item(state: State, module: Module) -> GradeItem | None:
    """Find the gradebook column of a tool's link itself."""
    for item in state.grade_items.values():
        if item.itemtype == "mod" and item.module == module.id:
            return item
    return None


def duplicate_course(
    state: State, original: Course, *, shortname: str, fullname: str, category: int, visible: int
) -> Course:
    """Copy a course without its people, under new ids for everything.

    A copied tool link keeps tool and custom parameters and gets its own line item (README of the recordings,
    Identity); columns that a tool made itself are copied too, as manual columns that no tool owns.
    """
    now = state.now()
    copy = deepcopy(original)
    copy.id = state.next_id("course")
    copy.shortname, copy.fullname, copy.category, copy.visible = shortname, fullname, category, visible
    copy.idnumber = ""
    copy.timecreated = copy.timemodified = now
    copy.copied_from = [original.id, *original.copied_from]
    for section in copy.sections:
        section.id = state.next_id("section")
    state.courses[copy.id] = copy
    new_ids = {}
    for module in state.modules_of(original.id):
        twin = deepcopy(module)
        twin.id = state.next_id("module")
        twin.instance = state.next_id(f"{module.kind} instance")
        twin.course = copy.id
        twin.contextid = 20 + state.next_id("context")
        state.modules[twin.id] = twin
        new_ids[module.id] = twin
    copy.criteria = [new_ids[criterion].id for criterion in original.criteria if criterion in new_ids]
    for item in [item for item in state.grade_items.values() if item.course == original.id]:
        if item.itemtype == "course":
            continue
        link = new_ids[item.module] if item.module is not None else None
        add_grade_item(
            state,
            copy,
            itemtype=item.itemtype,
            name=item.name,
            maximum=item.maximum,
            idnumber=item.idnumber,
            module=link.id if link else None,
            tool=item.tool if link else None,
            resource_id=item.resource_id if link else "",
            tag=item.tag if link else "",
            resource_link=link.instance if link else None,
        )
    return copy


def enrol(
    state: State,
    course: int,
    user: int,
    role: int,
    *,
    suspended: bool = False,
    timestart: int = 0,
    timeend: int = 0,
    method: str = "manual",
) -> None:
    """Enrol a person, or overwrite dates and state of the enrolment that is there; roles are only added."""
    ways = state.enrolments[course].setdefault(user, {})
    ways[method] = Enrolment(suspended, timestart, timeend)
    roles = state.roles[course].setdefault(user, [])
    if role not in roles:
        roles.append(role)


def unenrol(state: State, course: int, user: int, method: str = "manual") -> None:
    """End one way of a person's enrolment; with the last one go roles and group memberships, grades stay."""
    ways = state.enrolments[course].get(user, {})
    ways.pop(method, None)
    if ways:
        return
    state.enrolments[course].pop(user, None)
    state.roles[course].pop(user, None)
    for group in state.groups.values():
        if group.course == course and user in group.members:
            group.members.remove(user)


def is_gradable(state: State, course: int, user: int) -> bool:
    """Tell whether a person stands in a course's gradebook: actively enrolled as a student."""
    return ROLES["student"] in state.roles[course].get(user, []) and state.is_active(course, user)


def save_score(
    state: State, item: GradeItem, user: int, *, given: float | None, maximum: float, timestamp: int, comment: str
) -> None:
    """Store a score on the column's own scale.

    On the link's own column it completes the activity if that asks for a grade; on any other it never does
    (README of the recordings, LTI quirks).
    """
    value = None if given is None else given * item.maximum / maximum if maximum else given
    state.grades[item.id][user] = Grade(value, timestamp, comment)
    module = state.modules.get(item.module) if item.module is not None else None
    if module is None or module.completion != COMPLETION_AUTOMATIC:
        return
    if value is not None:
        set_completion(state, module, user, 1)
    else:
        state.completions[module.id].pop(user, None)


def rescale(state: State, item: GradeItem, maximum: float) -> None:
    """Change a column's maximum; the grades in it keep their share of it (recordings ags_lineitem_put, grades)."""
    for grade in state.grades[item.id].values():
        if grade.value is not None and item.maximum:
            grade.value = grade.value * maximum / item.maximum
    item.maximum = maximum


def set_completion(state: State, module: Module, user: int, done: int, by: int | None = None) -> None:
    """Mark an activity as complete for a person, or not; a mark that stands keeps its time."""
    before = state.completions[module.id].get(user)
    if before and before.state == done and before.overrideby == by:
        return
    state.completions[module.id][user] = Completion(done, state.now(), by)


def is_complete(state: State, module: Module, user: int) -> bool:
    """Tell whether a person has completed an activity."""
    record = state.completions[module.id].get(user)
    return record is not None and record.state == 1


def course_complete(state: State, course: Course, user: int) -> bool:
    """Tell whether a person meets all of a course's criteria."""
    return bool(course.criteria) and all(
        is_complete(state, state.modules[criterion], user) for criterion in course.criteria
    )


COMPLETION_KINDS = {"none": COMPLETION_NONE, "manual": COMPLETION_MANUAL, "grade": COMPLETION_AUTOMATIC}
