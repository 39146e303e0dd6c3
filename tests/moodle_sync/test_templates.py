"""Templates: found by id or short name, and looked at for the tool's link before courses are made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moodle_sync.client import MoodleClient
from moodle_sync.errors import NotJson
from moodle_sync.plan import ChangePlan
from moodle_sync.sandbox import Sandbox, actions
from moodle_sync.templates import Link, find_templates, link_in, notes_on_templates

from .nights import Memory, desire, night, template_of

RECORDED = Path(__file__).parents[1] / "recordings/moodle-4.5/ws/course_contents.json"


def recorded() -> Any:
    return json.loads(RECORDED.read_text(encoding="utf-8"))["body"]


def recorded_link(contents: Any) -> Any:
    return next(module for section in contents for module in section["modules"] if module["modname"] == "lti")


def test_the_recorded_course_holds_a_link_that_a_grade_completes() -> None:
    assert link_in(recorded()) is Link.GOOD


@pytest.mark.parametrize(
    "change",
    [
        {"completion": 1},
        {"completion": 0, "completiondata": None},
        {"completiondata": {"details": [{"rulename": "completionview"}]}},
        {"completiondata": {}},
    ],
)
def test_a_link_that_a_grade_does_not_complete_is_told(change: dict[str, Any]) -> None:
    contents = recorded()
    recorded_link(contents).update(change)
    assert link_in(contents) is Link.NOT_BY_GRADE


def test_one_good_link_among_others_is_enough() -> None:
    contents = recorded()
    link = recorded_link(contents)
    contents[2]["modules"] = [link | {"completion": 1}]
    assert link_in(contents) is Link.GOOD


def test_a_course_without_an_external_tool_is_told() -> None:
    contents = recorded()
    recorded_link(contents)["modname"] = "url"
    assert link_in(contents) is Link.ABSENT


@pytest.mark.parametrize("contents", [None, ["section"], [{"modules": [{}]}], {"exception": "x"}])
def test_an_answer_that_is_no_course_page_is_refused(contents: Any) -> None:
    with pytest.raises(NotJson):
        link_in(contents)


def test_templates_are_found_by_id_and_by_short_name_in_one_call(moodle: Sandbox, client: MoodleClient) -> None:
    number, _category = template_of(moodle)
    client.functions()
    before = client.calls
    assert find_templates(client, {"TEMPLATE", str(number), "NOWHERE", "999"}) == {
        "TEMPLATE": number,
        str(number): number,
    }
    assert client.calls == before + 1


def plan_of(moodle: Sandbox, client: MoodleClient) -> ChangePlan:
    desired = desire(moodle, 1, keys=("INTAKE-1", "INTAKE-2"))
    named = [course._replace(template_name="TEMPLATE") for course in desired.courses]
    return night(client, desired._replace(courses=named), Memory()).plan


def test_what_is_amiss_with_a_template_is_noted_once(moodle: Sandbox, client: MoodleClient) -> None:
    plan = plan_of(moodle, client)
    [note] = notes_on_templates(client, plan)
    assert (note.code, note.course_key) == ("template_without_link", "")
    assert "TEMPLATE" in note.text
    template = moodle.state.courses[template_of(moodle)[0]]
    link = actions.add_tool_link(moodle.state, template, 1, "Площадка", maximum=72.0)
    assert notes_on_templates(client, plan) == []
    link.completion = 1
    assert [note.code for note in notes_on_templates(client, plan)] == ["template_link_without_grade_completion"]


def test_a_template_that_can_not_be_looked_at_is_noted(moodle: Sandbox, client: MoodleClient) -> None:
    plan = plan_of(moodle, client)
    moodle.state.site.refused_functions.append("core_course_get_contents")
    assert [note.code for note in notes_on_templates(client, plan)] == ["template_not_looked_at"]


def test_nothing_is_asked_where_no_course_is_made(moodle: Sandbox, client: MoodleClient) -> None:
    before = client.calls
    assert notes_on_templates(client, ChangePlan([])) == []
    assert client.calls == before
