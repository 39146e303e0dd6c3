"""Categories over HTTP: made once, found again, lost answers, refusals; courses that stay where people put them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moodle_sync.client import MoodleClient
from moodle_sync.errors import CannotReadWhole
from moodle_sync.functions import Function
from moodle_sync.plan import Kind
from moodle_sync.roster import Desired, DesiredCategory
from moodle_sync.sandbox import Sandbox

from .nights import Memory, course_ids, desire, night, template_of

Connect = Callable[..., MoodleClient]
CREATE = "core_course_create_categories"
KEY = "site:a"


def desired_in(moodle: Sandbox, *keys: str, category: str = KEY) -> Desired:
    """Want courses with these keys in a category of their own below the template's."""
    desired = desire(moodle, 1, keys=keys)
    wanted = DesiredCategory(category, "Современный урок", template_of(moodle)[1])
    return desired._replace(
        courses=[course._replace(category_key=category) for course in desired.courses], categories=[wanted]
    )


def categories(moodle: Sandbox, key: str = KEY) -> list[Any]:
    return [one for one in moodle.state.categories.values() if one.idnumber == key]


def test_courses_are_made_in_a_category_that_is_made_before_them(moodle: Sandbox, client: MoodleClient) -> None:
    memory, desired = Memory(), desired_in(moodle, "INTAKE-1", "INTAKE-2")
    result = night(client, desired, memory)
    assert not memory.failures()
    assert [change.kind for change in result.plan.changes[:3]] == [Kind.CREATE_CATEGORY, *[Kind.CREATE_COURSE] * 2]
    assert str(result.plan) == "create_category: 1, create_course: 2, enrol: 2"
    [category] = categories(moodle)
    assert (category.name, category.parent) == ("Современный урок", template_of(moodle)[1])
    assert {moodle.state.courses[course_ids(moodle, key)[0]].category for key in ("INTAKE-1", "INTAKE-2")} == {
        category.id
    }
    assert not night(client, desired, memory).plan


def test_a_category_is_found_again_by_its_idnumber_whatever_it_is_called_and_wherever_it_stands(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    night(client, desired_in(moodle, "INTAKE-1"), memory)
    [category] = categories(moodle)
    category.name, category.parent = "Переименована", 0
    result = night(client, desired_in(moodle, "INTAKE-1", "INTAKE-2"), memory)
    assert Kind.CREATE_CATEGORY not in result.plan.counts()
    assert moodle.state.courses[course_ids(moodle, "INTAKE-2")[0]].category == category.id
    assert (category.name, category.parent) == ("Переименована", 0)


def test_a_course_that_people_moved_stays_there(moodle: Sandbox, client: MoodleClient) -> None:
    memory, desired = Memory(), desired_in(moodle, "INTAKE-1")
    night(client, desired, memory)
    course = moodle.state.courses[course_ids(moodle)[0]]
    course.category, course.fullname = 1, "Changed too, so that it is written"
    assert night(client, desired, memory).plan.counts() == {Kind.UPDATE_COURSE: 1}
    assert course.category == 1


def test_moodle_is_asked_for_categories_only_where_a_course_is_to_be_made(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory, desired = Memory(), desired_in(moodle, "INTAKE-1")
    night(client, desired, memory)
    moodle.state.site.refused_functions.append(Function.CATEGORIES)
    result = night(client, desired, memory)
    assert not result.plan
    assert not [note for note in result.plan.notes if note.code == "category_unknown"]


@pytest.mark.parametrize("fault", ["timeout_after", "drop_after", "truncated"])
def test_a_category_whose_making_was_not_answered_is_found_and_used(
    moodle: Sandbox, client: MoodleClient, fault: str
) -> None:
    moodle.faults.set(f"{fault}@{CREATE}#1")
    memory = Memory()
    night(client, desired_in(moodle, "INTAKE-1"), memory)
    assert not memory.failures()
    assert len(categories(moodle)) == 1


def test_a_category_that_somebody_made_meanwhile_is_used(moodle: Sandbox, connect: Connect) -> None:
    class Overtaken(MoodleClient):
        def call(self, function: Function, **params: Any) -> Any:
            if function is Function.CREATE_CATEGORIES and not categories(moodle):
                super().call(function, **params)
            return super().call(function, **params)

    memory = Memory()
    with Overtaken(moodle.local_url, moodle.token) as client:
        night(client, desired_in(moodle, "INTAKE-1"), memory)
    assert not memory.failures()
    assert len(categories(moodle)) == 1


def test_where_the_category_is_refused_its_courses_are_not_made_elsewhere_and_others_are(
    moodle: Sandbox, client: MoodleClient
) -> None:
    memory = Memory()
    both = desired_in(moodle, "INTAKE-1", "INTAKE-2")
    desired = both._replace(courses=[both.courses[0], both.courses[1]._replace(category_key="")])
    moodle.state.site.refused_functions.append(CREATE)
    night(client, desired, memory)
    assert sorted((outcome.change.target, outcome.errorcode) for outcome in memory.failures()) == [
        ("category site:a", "nopermissions"),
        ("course INTAKE-1", "no_category"),
        ("course INTAKE-1, user 101, trainee", "no_course"),
    ]
    assert (course_ids(moodle, "INTAKE-1"), len(course_ids(moodle, "INTAKE-2"))) == ([], 1)
    moodle.state.site.refused_functions.clear()
    night(client, desired, memory)
    assert not memory.failures()
    assert moodle.state.courses[course_ids(moodle)[0]].category == categories(moodle)[0].id


def test_where_categories_can_not_be_looked_for_nothing_is_made_and_it_is_noted(
    moodle: Sandbox, client: MoodleClient
) -> None:
    moodle.state.site.refused_functions.append(Function.CATEGORIES)
    result = night(client, desired_in(moodle, "INTAKE-1"), Memory())
    assert result.plan.changes == []
    assert [(note.code, note.course_key) for note in result.plan.notes] == [("category_unknown", "INTAKE-1")]
    assert "nopermissions" in result.plan.notes[0].text


def test_where_moodle_does_not_answer_at_all_nothing_is_planned(moodle: Sandbox, client: MoodleClient) -> None:
    moodle.state.site.withheld_functions.append("tool_mobile_call_external_functions")
    moodle.faults.set(f"http500@{Function.CATEGORIES}")
    with pytest.raises(CannotReadWhole):
        night(client, desired_in(moodle, "INTAKE-1"), Memory())


@pytest.mark.parametrize("answer", [{"categories": []}, [{"idnumber": KEY}], ["category"]])
def test_an_answer_that_is_none_is_refused(moodle: Sandbox, answer: Any) -> None:
    class Odd(MoodleClient):
        def read_many(self, function: Function, requests_: Any) -> Any:
            return [answer] if function is Function.CATEGORIES else super().read_many(function, requests_)

    with Odd(moodle.local_url, moodle.token) as client, pytest.raises(CannotReadWhole):
        night(client, desired_in(moodle, "INTAKE-1"), Memory())
